//! Why a JVM gave no answer, each cause by its own name and with the way out.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use highwater_kernel as kernel;
use kernel::Pid;

/// Why a JVM gave no answer.
#[derive(Debug)]
pub enum Error {
    /// No `libjvm.so` is mapped into the process.
    NotJvm {
        /// The process.
        pid: Pid,
    },
    /// It is an Eclipse `OpenJ9`, which speaks another protocol and writes a javacore on SIGQUIT.
    OpenJ9,
    /// SIGQUIT would kill it: it was started with `-Xrs`, or is not yet far enough.
    NoSignalHandler,
    /// It was told not to listen.
    Disabled,
    /// It answers only root and its own user and group.
    OtherUser {
        /// Our effective user and group.
        ours: (u32, u32),
        /// Its effective user and group.
        theirs: (u32, u32),
        /// Our user has no name in its user namespace.
        unknown_there: bool,
    },
    /// Its `/proc` entries may not be looked at.
    Hidden(kernel::Error),
    /// It sees no `/tmp`, where its socket would be.
    NoTemporaryDirectory(kernel::Error),
    /// The file that asks it to listen could not be made, neither in its working directory nor in its `/tmp`.
    NoTrigger {
        /// What the working directory said.
        working: String,
        /// What `/tmp` said.
        temporary: String,
    },
    /// A file of the name that asks it to listen belongs to somebody else, so the JVM disregards it.
    ForeignTrigger {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Its socket is listened to by another process.
    ForeignSocket {
        /// The socket.
        path: PathBuf,
        /// Who listens; 0 if it is in no pid namespace of ours.
        pid: Pid,
    },
    /// It did not begin to listen in time.
    NoListener {
        /// So long was waited.
        waited: Duration,
    },
    /// The connection could not be made or used.
    Connection(kernel::Error),
    /// It has ended, or was killed.
    Gone,
    /// It closed the connection without a word, as it does to a user it does not trust.
    NoReply,
    /// The time was up. What was begun goes on in the JVM.
    TimedOut {
        /// How far it was.
        stage: Stage,
        /// So long was waited.
        waited: Duration,
    },
    /// It speaks another version of the protocol, or something else altogether.
    Unintelligible {
        /// How its reply begins.
        reply: String,
    },
    /// The command would not arrive as meant.
    BadPath {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It sees no directory that could take a heap dump.
    NoPlace {
        /// What is against each.
        why: String,
    },
    /// The dump was not written because the file was there already.
    FileExists {
        /// The path as the JVM sees it.
        path: PathBuf,
    },
    /// It says that it failed.
    Failed {
        /// Its words.
        text: String,
    },
    /// The reply ends before its end.
    Incomplete {
        /// So many bytes came.
        bytes: u64,
    },
    /// The reply could not be kept.
    NotKept(io::Error),
}

/// How far a question was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The JVM listens but does not accept.
    Connecting,
    /// The command could not be handed over.
    Asking,
    /// The command runs, or waits for the one before.
    Answering,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJvm { pid } => {
                write!(f, "process {pid} is no HotSpot JVM: it has no libjvm.so; name the JVM itself, not its launcher")
            }
            Self::OpenJ9 => write!(f, "this is an OpenJ9 JVM, which cannot be asked in this way; use its own jcmd"),
            Self::NoSignalHandler => write!(
                f,
                "SIGQUIT would kill this JVM, so it is not asked: start it without -Xrs and -XX:+ReduceSignalUsage, or wait \
                 until it is up"
            ),
            Self::Disabled => {
                write!(f, "this JVM was told not to answer: start it without -XX:+DisableAttachMechanism")
            }
            Self::OtherUser { ours, theirs, unknown_there } => fmt_other_user(f, *ours, *theirs, *unknown_there),
            Self::Hidden(error) => {
                write!(f, "{error}; run as the user of the JVM or as root, with CAP_SYS_PTRACE in a container")
            }
            Self::NoTemporaryDirectory(error) => {
                write!(f, "the JVM has no /tmp for its socket: {error}; mount one that it may write to")
            }
            Self::NoTrigger { working, temporary } => write!(
                f,
                "the JVM cannot be asked to listen: {working}; {temporary}; make its /tmp or its working directory writable"
            ),
            Self::ForeignTrigger { path, uid } => {
                write!(f, "{} belongs to user {uid}, so the JVM disregards it; remove it", path.display())
            }
            Self::ForeignSocket { path, pid } => write!(
                f,
                "{} is listened to by process {pid}, not by this JVM; give each container a /tmp of its own",
                path.display()
            ),
            Self::NoListener { waited } => write!(
                f,
                "the JVM did not begin to listen within {waited:.1?}: it stands still, its heap or its /tmp is full, or it was \
                 told not to by -XX:+DisableAttachMechanism in an options file; ask it once while it is well"
            ),
            Self::Connection(error) => write!(f, "no connection to the JVM: {error}"),
            Self::Gone => write!(f, "the JVM ended before it had answered"),
            Self::NoReply => write!(
                f,
                "the JVM closed the connection without a word, as it does to users other than root and its own"
            ),
            Self::TimedOut { stage, waited } => write!(f, "{stage} after {waited:.1?}"),
            Self::Unintelligible { reply } => write!(f, "no JVM answers like this: {reply:?}"),
            Self::BadPath { path, why } => write!(f, "{} cannot be the name of a heap dump: {why}", path.display()),
            Self::NoPlace { why } => {
                write!(f, "there is no place for a heap dump: {why}; give the service a /var/tmp on a disk")
            }
            Self::FileExists { path } => {
                write!(f, "no heap dump: {} exists already; give each dump a name of its own", path.display())
            }
            Self::Failed { text } => write!(f, "the JVM refused or failed: {text}"),
            Self::Incomplete { bytes } => write!(f, "the reply of the JVM ends too soon, after {bytes} bytes"),
            Self::NotKept(error) => write!(f, "the reply of the JVM could not be kept: {error}"),
        }
    }
}

fn fmt_other_user(
    f: &mut fmt::Formatter<'_>,
    ours: (u32, u32),
    theirs: (u32, u32),
    unknown_there: bool,
) -> fmt::Result {
    let (uid, gid) = theirs;
    if unknown_there {
        return write!(
            f,
            "this JVM is in a user namespace in which our user {} has no name: run as user {uid} and group {gid}",
            ours.0
        );
    }
    write!(
        f,
        "this JVM answers only root and its own user {uid} with group {gid}, not user {} with group {}: run as one of them",
        ours.0, ours.1
    )
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "the JVM listens but took no connection",
            Self::Asking => "the JVM did not take the command",
            Self::Answering => "the JVM had not finished the command, which goes on in it,",
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Hidden(error) | Self::NoTemporaryDirectory(error) | Self::Connection(error) => Some(error),
            Self::NotKept(error) => Some(error),
            _ => None,
        }
    }
}

impl Error {
    /// Of a look at a process: it is gone, or hidden.
    pub(super) fn looking(error: kernel::Error) -> Self {
        if kernel::pidfd::is_gone(&error) { Self::Gone } else { Self::Hidden(error) }
    }
}

//! From a JVM that was looked at to its answer.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use highwater_kernel as kernel;
use kernel::{Kind, process, socket};

use super::preflight::takes_the_signal;
use super::reply::judge;
use super::trigger::Trigger;
use super::wire::Wire;
use super::{Command, Error, Finished, Jvm, QUIT, Stage};

/// How long is slept between two looks for the socket, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// An answer, complete but for [`Finished::Cut`].
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What came of the command.
    pub finished: Finished,
    /// Bytes of the text that was passed on.
    pub bytes: u64,
    /// From the question to the end of the answer, making it listen included.
    pub took: Duration,
}

impl Jvm {
    /// Makes the JVM listen if it does not yet, for as long as it lives: then a question needs neither file nor signal.
    ///
    /// Costs the JVM a thread and some 100 KiB; it takes 20 ms where nothing is short.
    pub fn listen(&self, deadline: Instant) -> Result<(), Error> {
        self.connect(Instant::now(), deadline).map(drop)
    }

    /// Asks one question and passes on the text of the answer, `most` bytes at most. Blocks until the deadline, so call it
    /// on a thread of its own.
    ///
    /// The text that was passed on before an error is what there is of it. After [`Error::TimedOut`] the command goes on
    /// in the JVM, where the next one waits for it.
    pub fn ask(&self, command: &Command, deadline: Instant, most: u64, text: &mut dyn Write) -> Result<Answer, Error> {
        let began = Instant::now();
        let line = command.line()?;
        let mut wire = Wire::new(self.connect(began, deadline)?, began, deadline);
        let reply = wire.ask(&line).and_then(|()| wire.reply(most, text)).map_err(|error| self.or_gone(error))?;
        let finished = judge(command, &reply).map_err(|error| self.or_gone(error))?;
        Ok(Answer { finished, bytes: reply.bytes, took: began.elapsed() })
    }

    fn connect(&self, began: Instant, deadline: Instant) -> Result<UnixStream, Error> {
        if let Some(stream) = self.try_connect(began, deadline)? {
            return Ok(stream);
        }
        takes_the_signal(self.pid())?;
        // Removed again at the end of this function, however it ends.
        let _trigger = Trigger::make(self)?;
        self.pidfd.send_signal(QUIT).map_err(Error::looking)?;
        let mut pause = PAUSES.0;
        loop {
            if let Some(stream) = self.try_connect(began, deadline)? {
                return Ok(stream);
            }
            if self.pidfd.has_ended() {
                return Err(Error::Gone);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::NoListener { waited: began.elapsed() });
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// `None` while nobody listens.
    fn try_connect(&self, began: Instant, deadline: Instant) -> Result<Option<UnixStream>, Error> {
        let name = self.socket_name();
        let left = deadline.saturating_duration_since(Instant::now());
        let stream = match socket::connect(&self.temporary.entry(&name), left) {
            Ok(stream) => stream,
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            Err(mut error) => {
                error.path = self.temporary.path().join(name);
                return match error.source.kind() {
                    // Of an earlier process of this number.
                    ErrorKind::ConnectionRefused => Ok(None),
                    ErrorKind::WouldBlock => Err(Error::TimedOut { stage: Stage::Connecting, waited: began.elapsed() }),
                    _ => Err(Error::Connection(error)),
                };
            }
        };
        let peer = socket::peer(&stream).map_err(Error::Connection)?;
        if peer.pid == self.pid() {
            return Ok(Some(stream));
        }
        Err(Error::ForeignSocket { path: self.temporary.path().join(name), pid: peer.pid })
    }

    fn socket_name(&self) -> String {
        format!(".java_pid{}", self.identity.own_pid)
    }

    /// A connection that breaks off says little; that the process has ended says all.
    fn or_gone(&self, error: Error) -> Error {
        match error {
            Error::NoReply | Error::Incomplete { .. } | Error::Failed { .. } | Error::Unintelligible { .. }
                if process::is_ending(self.pid()) =>
            {
                Error::Gone
            }
            error => error,
        }
    }

    /// A name for the next dump in a directory as the JVM sees it: no two are the same, also over restarts of either side.
    pub fn free_name(&self, directory: &Path, extension: &str) -> std::path::PathBuf {
        directory.join(format!("highwater-{}-{}.{extension}", self.identity.own_pid, kernel::clock::boottime_ns()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_kernel::pidfd::Pidfd;
    use highwater_kernel::process::{Directory, Identity, Root};
    use std::io::Read;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    /// A process dressed up as a JVM that is number 7 in its namespace and has this `/tmp`.
    fn dressed_up(pid: kernel::Pid, temporary: &Path) -> Jvm {
        Jvm {
            pidfd: Pidfd::open(pid).unwrap(),
            identity: Identity { own_pid: 7, ..Identity::of(pid).unwrap() },
            root: Root::of(pid).unwrap(),
            temporary: Directory::open(temporary).unwrap(),
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn trigger() -> PathBuf {
        std::env::current_dir().unwrap().join(".attach_pid7")
    }

    #[test]
    fn a_socket_that_is_there_is_used() {
        let place = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(place.path().join(".java_pid7")).unwrap();
        let answering = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; b"1\0jcmd\0VM.flags\0\0\0".len()];
            stream.read_exact(&mut asked).unwrap();
            stream.write_all(b"0\n-XX:MaxHeapSize=1\n").unwrap();
        });
        let jvm = dressed_up(process::own(), place.path());
        let mut text = Vec::new();
        let answer = jvm.ask(&Command::Flags, soon(), 1000, &mut text).unwrap();
        answering.join().unwrap();
        assert_eq!((answer.finished, answer.bytes), (Finished::Text, 18));
        assert_eq!(text, b"-XX:MaxHeapSize=1\n");
    }

    #[test]
    fn another_process_is_not_taken_for_the_jvm() {
        let place = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(place.path().join(".java_pid7")).unwrap();
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let error = dressed_up(other.id().cast_signed(), place.path()).listen(soon()).unwrap_err();
        other.kill().and_then(|()| other.wait()).unwrap();
        assert!(matches!(error, Error::ForeignSocket { pid, .. } if pid == process::own()), "{error}");
    }

    #[test]
    fn who_would_die_of_the_signal_is_not_asked() {
        let place = tempfile::tempdir().unwrap();
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let error = dressed_up(sleeper.id().cast_signed(), place.path()).listen(soon()).unwrap_err();
        assert!(matches!(error, Error::NoSignalHandler), "{error}");
        assert_eq!(sleeper.try_wait().unwrap(), None);
        sleeper.kill().and_then(|()| sleeper.wait()).unwrap();
        assert!(!trigger().exists());
    }

    #[test]
    fn a_bad_name_is_refused_before_anything_is_done() {
        let place = tempfile::tempdir().unwrap();
        let jvm = dressed_up(process::own(), place.path());
        let bad = Command::HeapDump { path: "x".into(), live: false, gzip: None };
        assert!(matches!(jvm.ask(&bad, soon(), 0, &mut Vec::new()), Err(Error::BadPath { .. })));
        let names = [0, 1].map(|_| jvm.free_name(Path::new("/tmp"), "hprof"));
        assert_ne!(names[0], names[1]);
    }
}

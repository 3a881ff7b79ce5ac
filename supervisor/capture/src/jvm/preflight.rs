//! Whether a process is a JVM that would answer, found out without disturbing it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use highwater_kernel::Pid;
use highwater_kernel::pidfd::Pidfd;
use highwater_kernel::process::{self, Directory, Identity, Root, SignalState, user_within};

use super::{Error, Options, QUIT};

/// So much of a process's list of mappings is searched.
const MOST_MAPS: u64 = 4 << 20;

/// A JVM that can be asked, held open: the process, its root and its `/tmp`.
#[derive(Debug)]
pub struct Jvm {
    pub(super) pidfd: Pidfd,
    pub(super) identity: Identity,
    pub(super) root: Root,
    /// `/tmp` whatever `java.io.tmpdir` says: the JVM itself always uses this one.
    pub(super) temporary: Directory,
}

impl Jvm {
    /// Looks at a process from outside: no signal, no file, nothing the service could notice. Costs a read of
    /// `/proc/PID/maps` (under 1 ms), so do it when the service has started rather than when memory is short.
    pub fn of(pid: Pid) -> Result<Self, Error> {
        let pidfd = Pidfd::open(pid).map_err(Error::looking)?;
        let identity = Identity::of(pid).map_err(Error::looking)?;
        let trust = would_trust_us(pid, identity);
        match is_hotspot(pid) {
            // That it is another user's says more than that its entries may not be read.
            Err(Error::Hidden(error)) => return Err(trust.err().unwrap_or(Error::Hidden(error))),
            looked => looked.and(trust)?,
        }
        takes_the_signal(pid)?;
        may_be_asked(pid)?;
        let root = Root::of(pid).map_err(Error::looking)?;
        let temporary = root.directory(Path::new("/tmp")).map_err(Error::NoTemporaryDirectory)?;
        // What was read above is of this process only if its number has not changed hands meanwhile.
        if pidfd.has_ended() { Err(Error::Gone) } else { Ok(Self { pidfd, identity, root, temporary }) }
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        self.pidfd.pid()
    }

    /// The file system as the JVM sees it: where a heap dump is found again, by the path the JVM was given.
    pub fn root(&self) -> &Root {
        &self.root
    }
}

fn is_hotspot(pid: Pid) -> Result<(), Error> {
    let path = format!("/proc/{pid}/maps");
    let maps = File::open(&path).map_err(|error| not_readable(&path, error, pid))?;
    let found = libraries(maps.take(MOST_MAPS));
    match found {
        Libraries { openj9: true, .. } => Err(Error::OpenJ9),
        Libraries { jvm: true, .. } => Ok(()),
        Libraries { .. } => Err(Error::NotJvm { pid }),
    }
}

fn not_readable(path: &str, source: std::io::Error, pid: Pid) -> Error {
    if process::is_ending(pid) {
        return Error::Gone;
    }
    Error::Hidden(highwater_kernel::Error { op: "open", path: path.into(), source })
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Libraries {
    jvm: bool,
    openj9: bool,
}

/// `libjvm.so` alone does not tell: `OpenJ9` has one, too.
fn libraries(maps: impl Read) -> Libraries {
    let mut found = Libraries::default();
    for line in BufReader::new(maps).split(b'\n').map_while(Result::ok) {
        let name = line.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        found.jvm |= name.starts_with(b"libjvm.so");
        found.openj9 |= name.starts_with(b"libj9vm");
    }
    found
}

/// Without a handler SIGQUIT kills. To have it blocked is not enough.
pub(super) fn takes_the_signal(pid: Pid) -> Result<(), Error> {
    let caught = SignalState::of(pid).map_err(Error::looking)?.caught;
    if caught & (1 << (QUIT - 1)) == 0 { Err(Error::NoSignalHandler) } else { Ok(()) }
}

fn may_be_asked(pid: Pid) -> Result<(), Error> {
    let options = Options::of(pid).map_err(|error| not_readable(&format!("/proc/{pid}/cmdline"), error, pid))?;
    if options.switch("DisableAttachMechanism") == Some(true) { Err(Error::Disabled) } else { Ok(()) }
}

/// The JVM looks at who connects: root, as it calls root, or its own effective user together with its own group.
fn would_trust_us(pid: Pid, theirs: Identity) -> Result<(), Error> {
    let ours = Identity::of(process::own()).map_err(Error::looking)?;
    let name_there = user_within(pid, ours.uid).map_err(Error::looking)?;
    if name_there == Some(0) || (ours.uid, ours.gid) == (theirs.uid, theirs.gid) {
        return Ok(());
    }
    let (ours, theirs) = ((ours.uid, ours.gid), (theirs.uid, theirs.gid));
    Err(Error::OtherUser { ours, theirs, unknown_there: name_there.is_none() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jvm_is_told_by_its_library() {
        let hotspot = "7f00-7f01 r-xp 0 08:01 5 /usr/lib/jvm/java-17/lib/server/libjvm.so (deleted)\n";
        let openj9 = "7f02-7f03 r-xp 0 08:01 6 /opt/java/lib/default/libj9vm29.so\n";
        assert_eq!(libraries(hotspot.as_bytes()), Libraries { jvm: true, openj9: false });
        assert!(libraries(format!("{hotspot}{openj9}").as_bytes()).openj9);
        assert_eq!(libraries(&b"7f00-7f01 rw-p 0 00:00 0 [heap]\n\n"[..]), Libraries::default());
    }

    #[test]
    fn what_is_no_jvm_is_left_alone() {
        assert!(matches!(Jvm::of(process::own()), Err(Error::NotJvm { .. })));
        assert!(matches!(Jvm::of(Pid::MAX), Err(Error::Gone)));
    }
}

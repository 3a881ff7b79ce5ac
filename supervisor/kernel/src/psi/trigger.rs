//! Pressure triggers: a descriptor that becomes ready when tasks stood still for so long within a window.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use nix::fcntl::OFlag;

use crate::file::KernelFile;
use crate::text::Fixed;
use crate::{Error, Kind};

/// Which stall counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// At least one task stood still.
    Some,
    /// No task got on.
    Full,
}

/// An armed trigger. It becomes ready with `EPOLLPRI`, at most once per window, about a tenth of the window late;
/// 2 s windows of an unprivileged process up to 2 s late, and once falsely after arming: compare `total` before acting.
/// Readiness with `EPOLLERR` **without a change** of `total` means that the cgroup is gone: drop the trigger, or it wakes
/// for ever. Never read this descriptor; read the file anew.
#[derive(Debug)]
pub struct Trigger(KernelFile);

/// Why a trigger could not be armed. The text says the cause and the way out.
#[derive(Debug)]
pub enum ArmError {
    /// EINVAL: this window or stall is not taken, from this process.
    Window(Error),
    /// EROFS: mounted read-only.
    ReadOnly(Error),
    /// EPERM: the root of a cgroup namespace, or an unprivileged process before Linux 6.4.
    Permission(Error),
    /// EACCES: it belongs to another user.
    Access(Error),
    /// ENOENT: no pressure information in this kernel (`psi=0`), or no such cgroup.
    NoPressure(Error),
    /// EOPNOTSUPP: turned off.
    TurnedOff(Error),
    /// Everything else, a removed cgroup included.
    Other(Error),
}

/// A trigger as near to the wish as this host allows.
#[derive(Debug)]
pub struct Armed {
    /// The trigger.
    pub trigger: Trigger,
    /// Its window; the stall is as wished.
    pub window: Duration,
    /// The window is the one that was wished.
    pub exact: bool,
}

impl Trigger {
    /// Arms a trigger on a pressure file: ready when the stall within a window reaches `stall`.
    pub fn arm(path: &Path, line: Line, stall: Duration, window: Duration) -> Result<Self, ArmError> {
        let file = KernelFile::open(path, OFlag::O_RDWR | OFlag::O_NONBLOCK).map_err(ArmError::of)?;
        // The file in /proc replaces the last byte written by a NUL: without one of ours, "2000000" becomes 200000.
        let wish = Fixed::<64>::of(format_args!("{line} {} {}\0", stall.as_micros(), window.as_micros()));
        file.write_once(wish.as_bytes()).map_err(ArmError::of)?;
        Ok(Self(file))
    }
}

/// Arms the wished trigger, or else one with the next longer window this process may have: 500 ms (privileged before
/// Linux 6.5), then whole multiples of 2 s (unprivileged). A longer window with the same stall fires at least whenever
/// the wished one would.
pub fn arm_best(path: &Path, line: Line, stall: Duration, window: Duration) -> Result<Armed, ArmError> {
    let mut refused = None;
    for longer in windows(window) {
        match Trigger::arm(path, line, stall, longer) {
            Ok(trigger) => return Ok(Armed { trigger, window: longer, exact: longer == window }),
            Err(error @ ArmError::Window(_)) => refused = refused.or(Some(error)),
            Err(other) => return Err(other),
        }
    }
    Err(refused.expect("at least the wished window was tried"))
}

fn windows(wished: Duration) -> impl Iterator<Item = Duration> {
    let half_second = Duration::from_millis(500);
    let two_seconds = Duration::from_secs(wished.as_micros().div_ceil(2_000_000).clamp(1, 5) as u64 * 2);
    let longer = [half_second, two_seconds].into_iter().filter(move |window| *window > wished);
    std::iter::once(wished).chain(longer)
}

impl AsFd for Trigger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Trigger {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Some => "some",
            Self::Full => "full",
        })
    }
}

impl ArmError {
    fn of(error: Error) -> Self {
        match error.kind() {
            Kind::Invalid => Self::Window(error),
            Kind::ReadOnly => Self::ReadOnly(error),
            Kind::Permission => Self::Permission(error),
            Kind::Access => Self::Access(error),
            Kind::NotFound => Self::NoPressure(error),
            Kind::Unsupported => Self::TurnedOff(error),
            _ => Self::Other(error),
        }
    }

    /// What the kernel answered.
    pub fn error(&self) -> &Error {
        match self {
            Self::Window(error)
            | Self::ReadOnly(error)
            | Self::Permission(error)
            | Self::Access(error)
            | Self::NoPressure(error)
            | Self::TurnedOff(error)
            | Self::Other(error) => error,
        }
    }

    fn way_out(&self) -> &'static str {
        match self {
            Self::Window(_) => {
                "the stall must be at most the window, the window 500 ms to 10 s; \
                 without CAP_SYS_RESOURCE it must be 2, 4, 6, 8 or 10 s"
            }
            Self::ReadOnly(_) => "the cgroup file system is mounted read-only; use /proc/pressure/memory",
            Self::Permission(_) => {
                "not allowed at the root of a cgroup namespace (use a child cgroup), nor without CAP_SYS_RESOURCE before \
                 Linux 6.4"
            }
            Self::Access(_) => "the file belongs to another user; delegate the cgroup or use /proc/pressure/memory",
            Self::NoPressure(_) => "this kernel has no pressure information; boot with psi=1",
            Self::TurnedOff(_) => "pressure information is turned off; boot with psi=1, or write 1 to cgroup.pressure",
            Self::Other(_) => "",
        }
    }
}

impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error())?;
        match self.way_out() {
            "" => Ok(()),
            way_out => write!(f, ": {way_out}"),
        }
    }
}

impl std::error::Error for ArmError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(values: &[u64]) -> Vec<Duration> {
        values.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn windows_get_longer_until_anybody_may_have_them() {
        let tried = |wished| windows(Duration::from_millis(wished)).collect::<Vec<_>>();
        assert_eq!(tried(100), millis(&[100, 500, 2000]));
        assert_eq!(tried(1000), millis(&[1000, 2000]));
        assert_eq!(tried(2000), millis(&[2000]));
        assert_eq!(tried(2500), millis(&[2500, 4000]));
        assert_eq!(tried(10_000), millis(&[10_000]));
        assert_eq!(tried(11_000), millis(&[11_000]));
    }

    #[test]
    fn the_trigger_text_ends_with_a_nul() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory.pressure");
        std::fs::write(&path, "").unwrap();
        Trigger::arm(&path, Line::Full, Duration::from_millis(150), Duration::from_secs(1)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"full 150000 1000000\0");
    }

    #[test]
    fn a_file_that_takes_no_offset_is_written_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("memory");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let trigger = Trigger::arm(&path, Line::Some, Duration::from_millis(200), Duration::from_secs(2)).unwrap();
        let mut text = [0; 64];
        let length = nix::unistd::read(trigger.as_fd(), &mut text).unwrap();
        assert_eq!(&text[..length], b"some 200000 2000000\0");
    }

    #[test]
    fn a_host_without_pressure_says_so() {
        let missing = Path::new("/nonexistent/memory.pressure");
        let error = arm_best(missing, Line::Some, Duration::from_millis(1), Duration::from_secs(2)).unwrap_err();
        assert!(matches!(error, ArmError::NoPressure(_)));
        assert!(error.to_string().contains("psi=1"), "{error}");
    }
}

//! Word of memory pressure for the service, by systemd's protocol of `$MEMORY_PRESSURE_WATCH`: a FIFO that becomes
//! readable. sd-event and others know it and let caches go; it works where the service may not arm PSI itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highwater_core::policy::Policy;
use highwater_kernel::spawn::Spawn;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;

/// Its name in the runtime directory.
const FILE: &str = "pressure";
const WATCH: &str = "MEMORY_PRESSURE_WATCH";
const WRITE: &str = "MEMORY_PRESSURE_WRITE";
/// Triggers say the same thing no more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// The FIFO that the service watches.
#[derive(Debug)]
pub struct PressureWatch {
    path: PathBuf,
    /// Open for both: so it neither ends nor blocks while nobody watches.
    fifo: File,
    told: Option<Instant>,
}

impl PressureWatch {
    /// Makes the FIFO, in the place of one that a predecessor left.
    pub fn make(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let fifo = OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path)?;
        Ok(Self { path, fifo, told: None })
    }

    /// Lets the next generation watch it, unless it was told to watch something else, or nothing. What the last one did
    /// not read is no news for it.
    pub fn equip<'a>(&self, command: Spawn<'a>, policy: &Policy) -> Spawn<'a> {
        let _ = (&self.fifo).read(&mut [0; 4096]);
        let by_policy = policy.service.env.iter().any(|(name, _)| name == WATCH);
        if by_policy || std::env::var(WATCH).is_ok_and(|watched| !is_of_the_unit(&watched)) {
            return command;
        }
        // What is written there is for the kernel's file: in a FIFO it would look like pressure.
        command.env(WATCH, &self.path).env_remove(WRITE)
    }

    /// A trigger fired.
    pub fn fired(&mut self) {
        if self.told.is_none_or(|told| told.elapsed() >= AT_MOST_EVERY) {
            self.tell();
        }
    }

    /// Tells the service to let go of what it can spare. A full pipe says so already.
    pub fn tell(&mut self) {
        self.told = Some(Instant::now());
        let _ = (&self.fifo).write(b"!");
    }

    /// Something to ask whether the service has read what it was told.
    pub fn reading(&self) -> io::Result<Reading> {
        Ok(Reading(self.fifo.try_clone()?))
    }
}

/// Whether the service reads what it is told.
#[derive(Debug)]
pub struct Reading(File);

impl Reading {
    /// Whether nothing is left to be read.
    pub fn is_done(&self) -> bool {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO) == Ok(0)
    }
}

impl Drop for PressureWatch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// systemd names a file of the kernel, of the cgroup of the whole unit: highwater knows more than that file.
fn is_of_the_unit(watched: &str) -> bool {
    watched.ends_with("/memory.pressure")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_one_byte_and_the_next_only_later() {
        let place = tempfile::tempdir().unwrap();
        let mut watch = PressureWatch::make(place.path()).unwrap();
        let mut reader = File::open(place.path().join(FILE)).unwrap();
        assert!(watch.reading().unwrap().is_done());
        watch.fired();
        watch.fired();
        assert!(!watch.reading().unwrap().is_done());
        assert_eq!(reader.read(&mut [0; 16]).unwrap(), 1);
        watch.tell();
        assert_eq!(reader.read(&mut [0; 16]).unwrap(), 1, "a step is not held back");
        assert!(watch.reading().unwrap().is_done());
    }

    #[test]
    fn a_full_pipe_is_no_error_and_no_wait() {
        let place = tempfile::tempdir().unwrap();
        let mut watch = PressureWatch::make(place.path()).unwrap();
        (0..70_000).for_each(|_| watch.tell());
        drop(watch);
        assert!(!place.path().join(FILE).exists());
    }

    #[test]
    fn only_a_file_of_the_kernel_gives_way() {
        assert!(is_of_the_unit("/sys/fs/cgroup/system.slice/web.service/memory.pressure"));
        assert!(!is_of_the_unit("/dev/null"));
        assert!(!is_of_the_unit("/run/other/fifo"));
    }
}

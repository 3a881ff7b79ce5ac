//! A guard over the service for the case that the supervisor dies, even by SIGKILL.
//!
//! The guard is a fork of the supervisor, made early, that blocks in `read` on a socket: it costs no wake-up and some
//! hundred kilobytes. It is told what there is to look after. When the socket closes without a farewell, it gives back
//! the throttle and the freezer, writes one line into the journal and one to standard error, and ends. The service is left
//! running, as it was. Where the throttle is somebody else's to write, a program that asks them gives it back.

mod errand;
mod fork;
mod keeper;
mod message;

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cgroup::Limit;
use crate::pidfd::Pidfd;
use crate::{Error, Pid, Result};
pub use errand::Errand;
use message::Message;

/// How long an orderly end waits for the guard's.
const FAREWELL: Duration = Duration::from_secs(2);

/// The supervisor's end of its guard. Dropping it without [`release`](Self::release) is what the guard takes for
/// the supervisor's death, and so is a panic on the way out.
#[derive(Debug)]
pub struct Guard {
    socket: UnixStream,
    pidfd: Pidfd,
}

/// What the guard is to look after.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    /// Which life of the service.
    pub generation: u64,
    /// The service cgroup; `None` where there is none.
    pub cgroup: Option<&'a Path>,
    /// The main process; `None` before it is started.
    pub pid: Option<Pid>,
    /// What `memory.high` was before the supervisor touched it, `Max` unless an outsider had set it.
    pub high: Limit,
    /// What gives that back where the cgroup is somebody else's to write to, and nothing is written there.
    pub errand: Option<&'a Errand>,
}

impl Guard {
    /// Forks the guard. Best called before anything large is allocated: it keeps a copy of what changes afterwards. Other
    /// threads do no harm, as it allocates nothing and takes no lock. `journal` is the file its line is appended to.
    pub fn start(name: &str, journal: &Path) -> Result<Self> {
        let failed = |e: io::Error| Error::new("start the guard of", journal, e);
        let journal = std::path::absolute(journal).map_err(failed)?;
        let keeper = keeper::Keeper::new(name, &journal).map_err(failed)?;
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let pid = fork::fork_with(&theirs, move |socket| keeper.keep(&socket)).map_err(failed)?;
        let pidfd = Pidfd::open(pid)?;
        // A guard that was stopped must not stop the supervisor once the buffer is full.
        ours.set_nonblocking(true).map_err(failed)?;
        Ok(Self { socket: ours, pidfd })
    }

    /// Tells what to look after from now on; to be called **before** the first throttle or tripwire is set.
    pub fn watch(&self, watch: &Watch<'_>) -> Result<()> {
        self.send(&Message::watch(watch))
    }

    /// Tells that nothing is to be looked after until the next [`watch`](Self::watch).
    pub fn rest(&self) -> Result<()> {
        self.send(&Message::rest())
    }

    /// Says farewell: an orderly end, after which the guard ends too.
    pub fn release(self) -> Result<()> {
        self.send(&Message::farewell())?;
        let patience = PollTimeout::try_from(FAREWELL).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)], patience);
        self.pidfd.wait().map(|_| ())
    }

    /// Whether the guard has ended before us; it is then waited for.
    pub fn has_ended(&self) -> bool {
        !matches!(self.pidfd.wait(), Ok(None))
    }

    /// The guard's process, a known child: not to be reaped as a stranger.
    pub fn pid(&self) -> Pid {
        self.pidfd.pid()
    }

    fn send(&self, message: &Message) -> Result<()> {
        (&self.socket)
            .write_all(message.as_bytes())
            .map_err(|e| Error::new("tell the guard", format!("/proc/{}", self.pid()), e))
    }
}

/// Becomes readable when the guard has died before us.
impl AsFd for Guard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

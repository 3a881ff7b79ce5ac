//! Signals to the init: blocked, and read when it has time for them.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use highwater_core::signal::Signal;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal as Number};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::down::Way;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Some child has ended.
    Reap,
    /// Read the policy again.
    Reload,
    /// Bring the machine down.
    Down {
        /// How.
        way: Way,
        /// The signal.
        signal: Signal,
        /// The process that sent it; 0 is the kernel.
        sender: u32,
    },
}

/// The descriptor that signals are read from.
#[derive(Debug)]
pub struct Signals(SignalFd);

const HEARD: [Number; 6] =
    [Number::SIGCHLD, Number::SIGHUP, Number::SIGTERM, Number::SIGINT, Number::SIGUSR1, Number::SIGUSR2];

impl Signals {
    /// Blocks them from now on. Children start with nothing blocked.
    pub fn block() -> nix::Result<Self> {
        let heard: SigSet = HEARD.into_iter().collect();
        heard.thread_block()?;
        SignalFd::with_flags(&heard, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }

    /// The next one, or `None` at that moment, or never.
    pub fn next(&self, until: Option<Instant>) -> Option<Asked> {
        loop {
            if let Ok(Some(signal)) = self.0.read_signal() {
                return meaning(signal.ssi_signo, signal.ssi_pid);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut ready, left.map_or(PollTimeout::NONE, timeout));
        }
    }
}

/// In whole milliseconds, one more: not awake just before the moment.
fn timeout(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
}

fn meaning(number: u32, sender: u32) -> Option<Asked> {
    let signal = i32::try_from(number).ok().and_then(Signal::new)?;
    let way = match signal {
        Signal::HUP => return Some(Asked::Reload),
        Signal::TERM | Signal::INT => Way::Reboot,
        Signal::USR1 => Way::Halt,
        Signal::USR2 => Way::Poweroff,
        _ => return Some(Asked::Reap),
    };
    Some(Asked::Down { way, signal, sender })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_mean_what_they_mean_to_busybox_init() {
        let way = |signal: Number| match meaning(signal as u32, 7) {
            Some(Asked::Down { way, sender: 7, .. }) => Some(way),
            _ => None,
        };
        assert_eq!(way(Number::SIGTERM), Some(Way::Reboot));
        assert_eq!(way(Number::SIGINT), Some(Way::Reboot));
        assert_eq!(way(Number::SIGUSR1), Some(Way::Halt));
        assert_eq!(way(Number::SIGUSR2), Some(Way::Poweroff));
        assert_eq!(meaning(Number::SIGHUP as u32, 7), Some(Asked::Reload));
        assert_eq!(meaning(Number::SIGCHLD as u32, 7), Some(Asked::Reap));
    }
}

//! What `SIGTERM` does.

use std::process;
use std::str::FromStr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use crate::error::Error;
use crate::leak::Leak;
use crate::log::Log;
use crate::{memory, pace, signals};

/// What a clean end costs: bytes that the stop thread maps and touches, as real shutdown code does.
const SHUTDOWN_MEMORY: usize = 4 * 1024 * 1024;

/// The answer to `SIGTERM`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stop {
    /// A clean end with status 0, this long after the signal.
    Graceful(Duration),
    /// None.
    Ignore,
}

impl Default for Stop {
    fn default() -> Self {
        Self::Graceful(Duration::ZERO)
    }
}

impl FromStr for Stop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("slow=")) {
            ("graceful", _) => Ok(Self::default()),
            ("ignore", _) => Ok(Self::Ignore),
            (_, Some(seconds)) => Ok(Self::Graceful(Duration::from_secs_f64(pace::decimal(seconds)?))),
            _ => Err(format!("{text:?}: expected graceful, ignore or slow=SECONDS")),
        }
    }
}

impl Stop {
    /// The signals that every thread blocks, so that only the stop thread takes them.
    pub(crate) fn blocks(self) -> SigSet {
        match self {
            Self::Graceful(_) => SigSet::from(Signal::SIGTERM),
            Self::Ignore => SigSet::empty(),
        }
    }
}

/// Makes the process answer `SIGTERM` as told, once the signals it blocks are blocked.
pub(crate) fn start(stop: Stop, log: Arc<Log>, leak: Arc<Leak>) -> Result<(), Error> {
    match stop {
        Stop::Ignore => signals::ignore(Signal::SIGTERM),
        Stop::Graceful(delay) => {
            let thread = thread::Builder::new().name("stop".to_owned());
            let wait_and_end = move || end_gracefully(stop.blocks(), delay, &log, &leak);
            thread.spawn(wait_and_end).map(drop).map_err(Error::Thread)
        }
    }
}

fn end_gracefully(signals: SigSet, delay: Duration, log: &Log, leak: &Leak) {
    if let Err(error) = signals.wait() {
        eprintln!("leaker: sigwait: {error}");
        return;
    }
    thread::sleep(delay);
    if let Err(error) = memory::hold_for_ever(SHUTDOWN_MEMORY) {
        eprintln!("leaker: {error}");
    }
    log.line(&format!("graceful {}", leak.bytes()));
    process::exit(0);
}

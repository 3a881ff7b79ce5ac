//! The dump: a file of a chosen size, written on a signal.

mod writer;

use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use crate::error::Error;
use crate::gate::Gate;
use crate::log::Log;
use crate::pace::Rate;
use crate::signals;
use writer::Writer;

/// What a signal handler can reach.
static WRITER: OnceLock<Writer> = OnceLock::new();

/// Who writes the dump.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Answer {
    /// An idle thread that waits for the signal, which every thread blocks.
    #[default]
    Sigwait,
    /// A classic handler: in a leaking thread if there is one, else in the main thread.
    Handler,
    /// Nobody: the signal does what it does by default.
    None,
}

impl FromStr for Answer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sigwait" => Ok(Self::Sigwait),
            "handler" => Ok(Self::Handler),
            "none" => Ok(Self::None),
            _ => Err(format!("{text:?}: expected sigwait, handler or none")),
        }
    }
}

/// What the command line says about the dump.
#[derive(Clone)]
pub(crate) struct Dump {
    pub(crate) template: String,
    /// Bytes.
    pub(crate) size: usize,
    pub(crate) rate: Rate,
    pub(crate) signal: Signal,
    pub(crate) answer: Answer,
    pub(crate) forever: bool,
}

impl Default for Dump {
    fn default() -> Self {
        Self {
            template: "/var/tmp/heap-%p-%n.bin".to_owned(),
            size: 16 * 1024 * 1024,
            rate: Rate::Full,
            signal: Signal::SIGUSR1,
            answer: Answer::default(),
            forever: false,
        }
    }
}

impl Dump {
    /// The signals that the main thread blocks, and with it all threads it starts.
    ///
    /// A handler without leaking threads is left to the main thread, which the kernel prefers.
    pub(crate) fn blocks(&self, leaks: bool) -> SigSet {
        match self.answer {
            Answer::Sigwait => SigSet::from(self.signal),
            Answer::Handler if leaks => SigSet::from(self.signal),
            Answer::Handler | Answer::None => SigSet::empty(),
        }
    }

    /// The signals that leaking threads let through: the dump's, when a classic handler takes it.
    pub(crate) fn taken_by_leaking_threads(&self) -> SigSet {
        match self.answer {
            Answer::Handler => SigSet::from(self.signal),
            Answer::Sigwait | Answer::None => SigSet::empty(),
        }
    }
}

/// Makes the process answer the dump signal as told, once the signals it blocks are blocked.
pub(crate) fn start(dump: &Dump, gate: Arc<Gate>, log: Arc<Log>) -> Result<(), Error> {
    match dump.answer {
        Answer::None => Ok(()),
        Answer::Sigwait => start_writer(SigSet::from(dump.signal), Writer::new(dump, gate, log)?),
        Answer::Handler => {
            let writer = Writer::new(dump, gate, log)?;
            WRITER.get_or_init(|| writer);
            signals::handle(dump.signal, write_in_handler)
        }
    }
}

fn start_writer(signals: SigSet, writer: Writer) -> Result<(), Error> {
    let wait_and_write = move || {
        while signals.wait().is_ok() {
            writer.write();
        }
    };
    let thread = thread::Builder::new().name("dump".to_owned());
    thread.spawn(wait_and_write).map(drop).map_err(Error::Thread)
}

extern "C" fn write_in_handler(_signal: i32) {
    if let Some(writer) = WRITER.get() {
        writer.write();
    }
}

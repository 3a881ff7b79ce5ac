//! Signals, the one thing besides the fork that the standard library has no safe way for.
#![allow(unsafe_code, reason = "installing a signal handler is unsafe by nature; this module is all of it")]

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::error::Error;

/// Blocks `signals` in this thread and in all it will start.
pub(crate) fn block(signals: SigSet) -> Result<(), Error> {
    signals.thread_block().map_err(Error::system("pthread_sigmask"))
}

/// Has `signal` do nothing.
pub(crate) fn ignore(signal: Signal) -> Result<(), Error> {
    install(signal, SigHandler::SigIgn)
}

/// Has `signal` run `handler` in a thread that does not block it.
///
/// The handler may allocate only because the threads that let the signal through never do so after their start.
pub(crate) fn handle(signal: Signal, handler: extern "C" fn(i32)) -> Result<(), Error> {
    install(signal, SigHandler::Handler(handler))
}

fn install(signal: Signal, handler: SigHandler) -> Result<(), Error> {
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handlers given are `SIG_IGN` and, by `handle`, one that runs only in threads that hold no lock it takes.
    unsafe { sigaction(signal, &action) }.map(drop).map_err(Error::system("sigaction"))
}

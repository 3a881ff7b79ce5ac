//! Whether a process would survive a signal.

use std::io::IoSliceMut;

use nix::sys::uio::{RemoteIoVec, process_vm_readv};

use super::{Runtime, entry, runtime};
use crate::{Error, Pid, Result, file};

/// How many threads are looked at, so that the answer stays cheap.
const MOST_THREADS: usize = 256;

/// The signal masks of a thread; bit `n - 1` stands for signal `n`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignalState {
    /// A handler is installed (of the whole process).
    pub caught: u64,
    /// Thrown away (of the whole process).
    pub ignored: u64,
    /// Held back from this thread.
    pub blocked: u64,
}

/// What a process does with a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalUse {
    /// It has a handler. Necessary, not sufficient: Go catches nearly everything and ignores most of it.
    Caught,
    /// A thread blocks it, as users of `sigwait` and `signalfd` do.
    Blocked,
    /// A thread is waiting for it in `sigwait`. (While it waits, the kernel shows the signal as not blocked there.)
    Awaited,
    /// It ignores it.
    Ignored,
    /// The default action would be taken, which for most signals is the end.
    Default,
}

impl SignalUse {
    /// The process is prepared for the signal.
    pub fn is_handled(self) -> bool {
        matches!(self, Self::Caught | Self::Blocked | Self::Awaited)
    }
}

impl SignalState {
    /// The masks of a process and of its main thread.
    pub fn of(pid: Pid) -> Result<Self> {
        Self::read(entry(pid, "status"))
    }

    fn read(path: std::path::PathBuf) -> Result<Self> {
        Self::parse(&file::read(&path)?).ok_or_else(|| Error::unexpected(path, "a signal mask is missing"))
    }

    pub(super) fn parse(status: &str) -> Option<Self> {
        let mask = |key: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(key))?;
            u64::from_str_radix(value.trim(), 16).ok()
        };
        Some(Self { caught: mask("SigCgt:")?, ignored: mask("SigIgn:")?, blocked: mask("SigBlk:")? })
    }

    /// A handler is installed for the signal, or the main thread holds it back.
    pub fn handles(&self, signal: i32) -> bool {
        has(self.caught | self.blocked, signal)
    }

    /// The signal is ignored.
    pub fn ignores(&self, signal: i32) -> bool {
        has(self.ignored, signal)
    }
}

/// What a process would do with a signal, looking at all of its threads (256 at most).
///
/// The handler a JVM has for SIGUSR2 is for its own threads, and aborts it when the signal comes from outside: that counts
/// as [`SignalUse::Default`].
pub fn signal_use(pid: Pid, signal: i32) -> Result<SignalUse> {
    SignalState::of(pid)?.signal_use(pid, signal)
}

impl SignalState {
    /// What the process with these masks would do with a signal, see [`signal_use`]. Nothing is opened if it has a
    /// handler.
    pub fn signal_use(self, pid: Pid, signal: i32) -> Result<SignalUse> {
        if !has(self.caught, signal) {
            return without_handler(pid, self, signal);
        }
        let is_the_runtimes = signal == libc::SIGUSR2 && matches!(runtime(pid), Ok(Runtime::Jvm));
        Ok(if is_the_runtimes { SignalUse::Default } else { SignalUse::Caught })
    }
}

fn without_handler(pid: Pid, main: SignalState, signal: i32) -> Result<SignalUse> {
    let threads = threads(pid)?;
    let blocked = |thread: &Pid| {
        SignalState::read(entry(pid, &format!("task/{thread}/status"))).is_ok_and(|state| has(state.blocked, signal))
    };
    if threads.iter().any(blocked) {
        return Ok(SignalUse::Blocked);
    }
    if threads.iter().any(|thread| awaits(pid, *thread, signal)) {
        return Ok(SignalUse::Awaited);
    }
    Ok(if main.ignores(signal) { SignalUse::Ignored } else { SignalUse::Default })
}

fn threads(pid: Pid) -> Result<Vec<Pid>> {
    let path = entry(pid, "task");
    let listing = std::fs::read_dir(&path).map_err(|e| Error::new("list", &path, e))?;
    let numbers = listing.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok());
    Ok(numbers.take(MOST_THREADS).collect())
}

/// Whether a thread stands in `rt_sigtimedwait` with this signal in its set. Needs the right to trace it; false without.
fn awaits(pid: Pid, thread: Pid, signal: i32) -> bool {
    let Ok(call) = file::read(entry(pid, &format!("task/{thread}/syscall"))) else {
        return false;
    };
    let mut words = call.split_whitespace();
    let number = words.next().and_then(|word| word.parse().ok());
    if number != Some(libc::SYS_rt_sigtimedwait) {
        return false;
    }
    let address = words.next().and_then(|word| usize::from_str_radix(word.trim_start_matches("0x"), 16).ok());
    address.and_then(|address| read_mask(thread, address)).is_some_and(|mask| has(mask, signal))
}

fn read_mask(thread: Pid, address: usize) -> Option<u64> {
    let mut mask = [0_u8; 8];
    let there = RemoteIoVec { base: address, len: mask.len() };
    let read = process_vm_readv(nix::unistd::Pid::from_raw(thread), &mut [IoSliceMut::new(&mut mask)], &[there]);
    (read == Ok(8)).then(|| u64::from_ne_bytes(mask))
}

fn has(mask: u64, signal: i32) -> bool {
    (1..=64).contains(&signal) && mask & (1 << (signal - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_masks() {
        let status = "Name:\tx\nSigPnd:\t0000000000000000\nSigBlk:\t0000000000000200\nSigIgn:\t0000000000001000\nSigCgt:\t0000000180000001\n";
        let state = SignalState::parse(status).unwrap();
        assert!(state.handles(libc::SIGHUP), "caught");
        assert!(state.handles(libc::SIGUSR1), "blocked");
        assert!(!state.handles(libc::SIGUSR2));
        assert!(state.ignores(libc::SIGPIPE));
        assert!(state.handles(33), "the C library's own");
        assert!(!state.handles(0) && !state.handles(65) && !state.handles(-1));
    }
}

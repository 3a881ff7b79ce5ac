//! What the tests of the real-kernel lane share: cgroups that clean up after themselves, waiting for a condition, the
//! built programs, the journal. Everything panics with the reason: a test is the only caller.

mod call;
mod highwater;
mod journal;
mod ladder;
mod process;
mod programs;
mod scratch;
mod wait;

pub use call::call;
pub use highwater::{Highwater, Launcher, joining};
pub use journal::Journal;
pub use ladder::Ladder;
pub use process::Process;
pub use programs::{disk, kernel, program, python};
/// The signals of [`Highwater::signal`].
pub use rustix::process::Signal;
pub use scratch::Scratch;
pub use wait::{PATIENCE, wait_until};

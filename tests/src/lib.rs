//! What the tests of the real-kernel lane share: cgroups that clean up after themselves, waiting for a condition, the
//! built programs, the journal. Everything panics with the reason: a test is the only caller.

mod journal;
mod programs;
mod scratch;
mod wait;

pub use journal::Journal;
pub use programs::{disk, kernel, program, python};
pub use scratch::Scratch;
pub use wait::{PATIENCE, wait_until};

//! What highwater knows of Linux: cgroup v2 files, pressure triggers, processes and the system calls around them.
//!
//! This crate knows files and system calls and nothing of policy. Three habits run through it:
//!
//! * **A handle per thing.** A [`cgroup::Group`] is an open directory, a [`pidfd::Pidfd`] an open process: a name that is
//!   given away to somebody else in the meantime can never be meant by mistake.
//! * **The path in every error.** An [`Error`] says what was tried, on which file, and the kernel's answer;
//!   [`Error::kind`] names the answers that have one cause each.
//! * **Nothing is opened or allocated where it is urgent.** What is read or written while memory runs out is a kept-open
//!   descriptor, see [`cgroup::Counters`], [`cgroup::BoundsReader`], [`cgroup::HighWriter`].
//!
//! Every descriptor made here is close-on-exec. All `unsafe` of the project is in this crate, in modules that say why.

pub mod cgroup;
pub mod clock;
pub mod delegate;
mod error;
mod file;
pub mod guard;
pub mod leftovers;
pub mod listen;
pub mod loopback;
pub mod machine;
pub mod memory_lock;
pub mod mount;
pub mod notify;
pub mod pidfd;
pub mod priority;
pub mod probe;
pub mod process;
pub mod psi;
pub mod reap;
pub mod snapshot;
pub mod socket;
pub mod spawn;
mod sys;
pub mod terminal;
mod text;

pub use error::{Error, Kind, Result};

/// A process id as the kernel counts them.
pub type Pid = i32;

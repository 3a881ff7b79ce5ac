//! The attach protocol of the `HotSpot` JVM, spoken without a JDK.
//!
//! A JVM that is asked in the right way opens a socket and carries out commands: it counts its objects by class, dumps its
//! heap or prints its threads, and answers when it is done. No tool has to be in the image of the service; the JVM may
//! have its own mount, pid and user namespaces. Four things are to be kept in mind:
//!
//! * **The first question is the expensive one.** The JVM opens the socket only when asked to, by a file and SIGQUIT: this
//!   costs 20 ms, more where memory is short, and fails where the heap is full. [`Jvm::listen`] does it beforehand.
//! * **A command runs while everything else in the JVM stands still**, leaking threads too. It cannot be cancelled: given up
//!   here, it still ends there, and the next question waits for it.
//! * **The answer is text.** Its status is 0 although no dump was written, so the text is judged; see [`Finished`].
//! * **What a JVM may take is known before it is short of memory**: see [`sizing`].

mod attach;
mod command;
mod error;
mod options;
mod place;
mod preflight;
mod reply;
pub mod sizing;
mod trigger;
mod wire;

pub use attach::Answer;
pub use command::Command;
pub use error::{Error, Stage};
pub use options::Options;
pub use preflight::Jvm;
pub use reply::Finished;

/// SIGQUIT: the same number on every Linux.
const QUIT: i32 = 3;

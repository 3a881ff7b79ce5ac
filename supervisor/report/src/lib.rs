//! What an incident was: its record, the kind of growth behind it, and a page a person can read.

mod advice;
mod chart;
pub mod classify;
mod facts;
mod graph;
pub mod incident;
mod list;
mod load;
mod markup;
mod page;
pub mod snapshot;
mod summary;
mod text;
mod verdict;

pub use advice::advice;
pub use list::{Listed, list, newest};
pub use load::{FILE, LoadError, LoadErrorKind, load};
pub use page::page;
pub use summary::summary;
pub use verdict::{Tone, Verdict, verdict};

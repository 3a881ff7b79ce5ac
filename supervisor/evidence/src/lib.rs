//! Keeps what incidents leave behind: safely, within bounds, and off the machine where asked.

mod cache;
pub mod delivery;
pub mod directory;
mod error;
pub mod finish;
pub mod names;
pub mod retention;
pub mod store;

pub use error::{Error, Result};

//! What an incident was: its record, the kind of growth behind it, and a page a person can read.

pub mod classify;
pub mod incident;
pub mod snapshot;

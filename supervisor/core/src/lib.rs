//! What highwater decides, as plain data and without any input or output.

pub mod ability;
pub mod amount;
pub mod budget;
pub mod command;
mod gauge;
pub mod high;
mod hold;
pub mod plan;
pub mod policy;
pub mod rate;
pub mod reading;
pub mod record;
pub mod signal;
pub mod status;
pub mod supervisor;
pub mod time;
pub mod timer;
pub mod trigger;

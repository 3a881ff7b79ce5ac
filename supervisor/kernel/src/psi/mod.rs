//! Pressure stall information: reading it, and being woken by it.
//!
//! Pressure cannot see a leak of anonymous memory before the OOM killer does, and reads 100 % under our own throttle: it
//! tells of thrash (page cache and swap) and of nothing else.

mod pressure;
mod trigger;

pub use pressure::{Averages, Pressure, PressureReader};
pub use trigger::{ArmError, Armed, Line, Trigger, arm_best};

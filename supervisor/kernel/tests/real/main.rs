//! Tests on a real cgroup v2 with the memory controller, as root.

mod common;
mod delegating;
mod limits;
mod sensing;
mod starting;

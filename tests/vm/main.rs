//! Tests on a real kernel, as root: a test is a function in one of these modules. `tests/run vm NAME` runs it.

mod cgroup;
mod machine;

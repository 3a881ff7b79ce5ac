//! Tests on a real kernel, as root: a test is a function in one of these modules. `tests/run vm NAME` runs it.

mod attach;
mod bad_ends;
mod budget;
mod cgroup;
mod classify;
mod contract;
mod delivery;
mod dumps;
mod evidence;
mod fetched;
mod go_outside;
mod guard;
mod hold;
mod incident;
mod ladder;
mod level;
mod machine;
mod parent;
mod path;
mod places;
mod runtimes;
mod series;
mod snapshot;
mod sources;
mod steps;
mod web;

//! A real Prometheus that scrapes a supervisor, its promtool, and a stranger at the control socket.
//!
//! The programs are where `$HIGHWATER_SERVERS` says; `tests/run servers` puts them there.

mod prometheus;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../evidence/tests/servers/started.rs"]
mod started;
mod stranger;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../served/supervised.rs"]
mod supervised;

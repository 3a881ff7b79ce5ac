//! Deliveries to real servers on this machine: nginx, an Alertmanager, and S3 as moto has it, which checks signatures.
//!
//! They are where `$HIGHWATER_SERVERS` says; `tests/run servers` puts them there.

mod alertmanager;
mod nginx;
#[path = "../place/mod.rs"]
mod place;
mod s3;
mod started;

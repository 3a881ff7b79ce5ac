//! What a supervisor answers over HTTP, and what `highwater status` and `highwater trigger` make of it.

mod asked;
#[path = "../free_port/mod.rs"]
mod free_port;
mod health;
mod network;
mod supervised;
mod wishes;

//! What a supervisor answers over HTTP, and what `highwater status` and `highwater trigger` make of it.

mod asked;
mod health;
mod network;
mod supervised;
mod wishes;

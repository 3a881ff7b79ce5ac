//! highwater as people run it, one home a module, in a VM that systemd booted. `tests/run homes NAME` runs a test of it.

mod attach;
mod clients;
mod instance;
mod kubernetes;
mod manifest;
mod outside;
mod package;
mod podman;
mod relay;
mod sockets;
mod systemd;

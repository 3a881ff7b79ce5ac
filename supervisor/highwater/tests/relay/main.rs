//! What goes between systemd, highwater and the service: sockets, notifications, pressure, the journal. No cgroup is
//! needed for it, so it runs on any host, with a systemd that is played by the test.

#[path = "../free_port/mod.rs"]
mod free_port;
mod notify;
mod pressure;
mod service;
mod sockets;
mod stage;

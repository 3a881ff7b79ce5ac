//! Servers that are started, awaited and ended.

#[path = "../../../highwater/tests/free_port/mod.rs"]
mod free_port;

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use free_port::free_port;

/// Deliveries have the lowest priority: on a busy machine they take long.
const PATIENCE: Duration = Duration::from_mins(10);

/// A server that runs. Dropped, it is killed.
pub struct Started(Child);

/// Where a program is.
pub fn program(name: &str) -> PathBuf {
    let servers = std::env::var_os("HIGHWATER_SERVERS").expect("HIGHWATER_SERVERS: start this by tests/run servers");
    PathBuf::from(servers).join(name)
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(Duration::from_millis(2));
    }
}

impl Started {
    /// Starts a server and waits until it listens on that port.
    pub fn new(command: &mut Command, port: u16) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut server = Self(command.spawn().unwrap());
        wait_until("the server listens", || {
            assert_eq!(server.0.try_wait().unwrap(), None, "the server ended");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        server
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

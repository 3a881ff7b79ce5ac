//! Ports for servers of tests.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what the kernel gives to clients, which try others' ports by the thousand while nobody listens there.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;
/// Whoever starts next begins so much further on.
const OF_A_PROCESS: u32 = 16;

/// A port of this machine on which nobody listens, another one each time.
pub fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(OF_A_PROCESS);
    for _ in 0..COUNT {
        let number = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("somebody listens on every port from {FIRST} on")
}

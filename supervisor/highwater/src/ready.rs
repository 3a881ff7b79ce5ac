//! Descriptors that wake the loop.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor with the reactor, edge-triggered.
#[expect(
    deprecated,
    reason = "its successor is unsafe for the sake of types without ownership of their descriptor; everything \
              registered here owns a descriptor that never changes"
)]
pub fn register<T: AsFd + AsRawFd>(inner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(inner, interest)
}

//! The loopback interface.
#![allow(
    unsafe_code,
    reason = "these two ioctls have no safe wrapper; they get one live structure that they fill or read"
)]

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::{Error, Result};

/// Brings `lo` up, which the kernel leaves down: 127.0.0.1 cannot be reached before. Needs `CAP_NET_ADMIN`.
pub fn up() -> Result<()> {
    set_up().map_err(|error| Error::new("bring up", "lo", error))
}

fn set_up() -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: an all-zero ifreq is a valid one: an empty name and no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = (*from).cast_signed() as libc::c_char;
    }
    // SAFETY: `request` lives across the call, and its name ends with a NUL.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request) })?;
    // SAFETY: the call above has filled the flags, which are plain integers.
    unsafe { request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short };
    // SAFETY: as for the first call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request) })
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_up_stays_up() {
        // Root may do it; anybody else is told why not, and with the name of the interface.
        if let Err(error) = up() {
            assert!(error.to_string().contains("lo"), "{error}");
        }
    }
}

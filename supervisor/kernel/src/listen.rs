//! Listening sockets that outlive the processes that serve them: bound here, or handed over by a service manager.
#![allow(unsafe_code, reason = "descriptors that this process was started with are taken by their numbers")]

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{getsockopt, sockopt};

use crate::{Error, Result, sys};

/// Descriptors are handed over from this number on.
const FIRST: i32 = 3;

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Ip(SocketAddr),
    /// A stream socket in the file system.
    Unix(PathBuf),
}

/// An open socket under a name.
#[derive(Debug)]
pub struct Socket {
    /// The name by which the service knows it.
    pub name: String,
    /// Its processes are not to wait in `accept`, as the unit of who handed it over says (`NonBlocking=`).
    pub nonblocking: bool,
    fd: OwnedFd,
    /// It takes connections: not a datagram socket, a FIFO, or a connection itself.
    listens: bool,
}

impl Socket {
    /// A socket that listens there. A file left behind by a socket nobody serves any more makes way.
    pub fn bind(name: &str, address: &Address, backlog: u32) -> Result<Self> {
        let failed = |error: io::Error| Error::new("listen on", address.to_string(), error);
        let fd = match address {
            Address::Ip(address) => OwnedFd::from(TcpListener::bind(address).map_err(failed)?),
            Address::Unix(path) => bind_path(path).map_err(failed)?,
        };
        sys::listen(fd.as_fd(), backlog).map_err(failed)?;
        Ok(Self { name: name.to_owned(), nonblocking: false, fd, listens: true })
    }

    /// The sockets a service manager started this process with, by `LISTEN_FDS` and its companions. To be called once,
    /// before anything else could own their numbers.
    pub fn handed_over() -> Result<Vec<Self>> {
        let variable = |name: &str| std::env::var(name).ok();
        let is_for_us = variable("LISTEN_PID").is_some_and(|pid| pid == std::process::id().to_string());
        let count = variable("LISTEN_FDS").filter(|_| is_for_us).and_then(|count| count.parse().ok()).unwrap_or(0);
        let names = variable("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').filter(|name| !name.is_empty());
        let mut take = |number: i32| {
            // SAFETY: the manager opened it for this process before it began, and this is called once.
            let fd = unsafe { sys::take_descriptor(number) };
            let fd = fd.map_err(|error| Error::new("take over", format!("LISTEN_FDS descriptor {number}"), error))?;
            let listens = getsockopt(&fd, sockopt::AcceptConn).unwrap_or(false);
            let nonblocking = fcntl(&fd, FcntlArg::F_GETFL).is_ok_and(|flags| flags & OFlag::O_NONBLOCK.bits() != 0);
            Ok(Self { name: names.next().unwrap_or("unknown").to_owned(), nonblocking, fd, listens })
        };
        (FIRST..FIRST.saturating_add(count)).map(&mut take).collect()
    }

    /// Where it listens; `None` for kinds of sockets that are only passed on.
    pub fn address(&self) -> Option<Address> {
        if !self.listens {
            return None;
        }
        let copy = || self.fd.try_clone().ok();
        if let Ok(address) = TcpListener::from(copy()?).local_addr() {
            return Some(Address::Ip(address));
        }
        let address = UnixListener::from(copy()?).local_addr().ok()?;
        Some(Address::Unix(address.as_pathname()?.to_path_buf()))
    }

    /// Makes it as good as new for the next process: what the last one did to it (whether it waits, or that it was
    /// shut down) is undone. Connections that wait in its queue go on waiting.
    pub fn refresh(&self, backlog: u32) -> Result<()> {
        let failed = |error: io::Error| Error::new("listen again on", &self.name, error);
        let copy = TcpListener::from(self.fd.try_clone().map_err(failed)?);
        copy.set_nonblocking(self.nonblocking).map_err(failed)?;
        match getsockopt(&self.fd, sockopt::AcceptConn) {
            Ok(false) if self.listens => sys::listen(self.fd.as_fd(), backlog).map_err(failed),
            _ => Ok(()),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(address) => write!(formatter, "{address}"),
            Self::Unix(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// Everybody may connect, as to the sockets of systemd: the directory says who gets there.
fn bind_path(path: &Path) -> io::Result<OwnedFd> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !is_served(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        other => other?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
    Ok(listener.into())
}

/// Whether a listener is behind a socket file, or the file is no socket at all.
fn is_served(path: &Path) -> bool {
    let is_socket = path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_socket());
    !is_socket || UnixStream::connect(path).err().is_none_or(|error| error.kind() != io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::fd::AsRawFd;

    fn any_port() -> Socket {
        Socket::bind("web", &Address::Ip("127.0.0.1:0".parse().unwrap()), 16).unwrap()
    }

    fn address(socket: &Socket) -> SocketAddr {
        match socket.address() {
            Some(Address::Ip(address)) => address,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bound_socket_takes_connections_and_knows_where() {
        let socket = any_port();
        TcpStream::connect(address(&socket)).unwrap();
    }

    #[test]
    fn a_taken_port_is_named() {
        let first = any_port();
        let error = Socket::bind("web", &Address::Ip(address(&first)), 16).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&address(&first).to_string()) && text.contains("in use"), "{text}");
    }

    #[test]
    fn what_a_process_did_to_it_is_undone() {
        // A port that was chosen by the kernel is given up by a shutdown; one that was asked for stays.
        let chosen = Address::Ip(address(&any_port()));
        let socket = Socket::bind("web", &chosen, 16).unwrap();
        let served = TcpListener::from(socket.fd.try_clone().unwrap());
        served.set_nonblocking(true).unwrap();
        let place = address(&socket);
        let mut early = TcpStream::connect(place).unwrap();
        socket.refresh(16).unwrap();
        // It waited in the queue, and accept waits again.
        let mut taken = served.accept().unwrap().0;
        early.write_all(b"x").unwrap();
        assert_eq!(taken.read(&mut [0]).unwrap(), 1);
        drop(served);
        nix::sys::socket::shutdown(socket.fd.as_raw_fd(), nix::sys::socket::Shutdown::Both).unwrap();
        TcpStream::connect(place).unwrap_err();
        socket.refresh(16).unwrap();
        TcpStream::connect(place).unwrap();
    }

    #[test]
    fn one_that_was_handed_over_not_to_wait_does_not_wait_again() {
        let socket = Socket { nonblocking: true, ..any_port() };
        let served = TcpListener::from(socket.fd.try_clone().unwrap());
        served.set_nonblocking(false).unwrap();
        socket.refresh(16).unwrap();
        assert_eq!(served.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_stale_file_makes_way_and_a_served_one_does_not() {
        let place = tempfile::tempdir().unwrap();
        let path = Address::Unix(place.path().join("x.sock"));
        let first = Socket::bind("x", &path, 16).unwrap();
        assert_eq!(first.address(), Some(path.clone()));
        Socket::bind("x", &path, 16).unwrap_err();
        drop(first);
        Socket::bind("x", &path, 16).unwrap();
        std::fs::write(place.path().join("file"), "").unwrap();
        Socket::bind("x", &Address::Unix(place.path().join("file")), 16).unwrap_err();
        assert!(place.path().join("file").exists());
    }

    #[test]
    fn what_takes_no_connections_is_passed_on_as_it_is() {
        let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = Socket { name: "dns".into(), nonblocking: false, fd: datagrams.into(), listens: false };
        assert_eq!(socket.address(), None);
        socket.refresh(16).unwrap();
    }
}

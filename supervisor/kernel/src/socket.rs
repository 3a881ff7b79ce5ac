//! Unix sockets of other processes, connected to without ever waiting for ever.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::{Error, Pid, Result};

/// The process at the other end of a connection: the one that made the socket listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its number as we count; 0 if it has none in our pid namespace.
    pub pid: Pid,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
}

/// Connects to a stream socket. A listener that is stuck, with its queue full, is waited for no longer than this
/// (EAGAIN then); the standard library would wait for ever.
pub fn connect(path: &Path, within: Duration) -> Result<UnixStream> {
    let failed = |e: nix::Error| Error::new("connect to", path, e);
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(failed)?;
    socket::setsockopt(&fd, sockopt::SendTimeout, &time_value(within)).map_err(failed)?;
    let address = UnixAddr::new(path).map_err(failed)?;
    socket::connect(fd.as_raw_fd(), &address).map_err(failed)?;
    Ok(UnixStream::from(fd))
}

/// Who listens at the other end.
pub fn peer(stream: &UnixStream) -> Result<Peer> {
    let peer = socket::getsockopt(&stream.as_fd(), sockopt::PeerCredentials);
    let peer = peer.map_err(|e| Error::new("ask for the peer of", "socket", e))?;
    Ok(Peer { pid: peer.pid(), uid: peer.uid(), gid: peer.gid() })
}

/// At least a microsecond, because zero means for ever.
fn time_value(duration: Duration) -> TimeVal {
    let whole = duration.max(Duration::from_micros(1)).min(Duration::from_hours(1));
    TimeVal::microseconds(whole.as_micros() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn the_peer_is_who_listens() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        let stream = connect(&path, Duration::from_secs(10)).unwrap();
        assert_eq!(peer(&stream).unwrap().pid, crate::process::own());
    }

    #[test]
    fn a_full_queue_is_not_waited_for_for_ever() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        socket::listen(&listener, socket::Backlog::new(0).unwrap()).unwrap();
        let mut kept = Vec::new();
        let error = loop {
            match connect(&path, Duration::from_millis(1)) {
                Ok(stream) => kept.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(error.source.kind(), std::io::ErrorKind::WouldBlock, "{error}");
    }

    #[test]
    fn nobody_there_is_said_so() {
        let place = tempfile::tempdir().unwrap();
        let error = connect(&place.path().join("none"), Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::NotFound);
        assert!(connect(Path::new(&"x".repeat(200)), Duration::from_secs(1)).is_err());
    }
}

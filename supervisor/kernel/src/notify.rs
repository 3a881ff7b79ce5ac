//! The protocol of `sd_notify`, from both of its ends: what a service manager is told, and what a service tells.

use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg, sendmsg,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::{Error, Pid, Result};

/// A message is at most that long; systemd reads no more either.
const LONGEST: usize = 4096;
/// A manager that does not read is waited for no longer than this.
const PATIENCE: Duration = Duration::from_millis(200);

/// The service manager behind `$NOTIFY_SOCKET`.
#[derive(Debug)]
pub struct Manager {
    name: PathBuf,
    address: UnixAddr,
    socket: OwnedFd,
}

/// Whether a message may be lost rather than waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The next one says the same.
    Light,
    /// The manager acts on it.
    Heavy,
}

impl Manager {
    /// The manager at that address: an absolute path, or `@` and a name in the abstract namespace.
    pub fn at(name: &OsStr) -> Result<Self> {
        let failed = |error: nix::Error| Error::new("use the notification socket", Path::new(name), error);
        let address = match name.as_bytes() {
            [b'@', name @ ..] => UnixAddr::new_abstract(name),
            [b'/', ..] => UnixAddr::new(Path::new(name)),
            _ => Err(nix::Error::EAFNOSUPPORT),
        };
        let address = address.map_err(failed)?;
        let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).map_err(failed)?;
        let patience = TimeVal::microseconds(i64::from(PATIENCE.subsec_micros()));
        setsockopt(&socket, sockopt::SendTimeout, &patience).map_err(failed)?;
        Ok(Self { name: name.into(), address, socket })
    }

    /// Sends a message: assignments, one a line.
    pub fn tell(&self, message: &str, weight: Weight) -> Result<()> {
        let flags = if weight == Weight::Light { MsgFlags::MSG_DONTWAIT } else { MsgFlags::empty() };
        self.send(message, &[], flags)
    }

    /// Sends a message with a descriptor.
    pub fn hand_over(&self, message: &str, descriptor: BorrowedFd<'_>) -> Result<()> {
        let descriptors = [descriptor.as_raw_fd()];
        self.send(message, &[ControlMessage::ScmRights(&descriptors)], MsgFlags::empty())
    }

    fn send(&self, message: &str, control: &[ControlMessage<'_>], flags: MsgFlags) -> Result<()> {
        let parts = [IoSlice::new(message.as_bytes())];
        let flags = flags | MsgFlags::MSG_NOSIGNAL;
        let sent = sendmsg(self.socket.as_raw_fd(), &parts, control, flags, Some(&self.address));
        sent.map(|_| ()).map_err(|error| Error::new("notify", &self.name, error))
    }
}

/// The socket to which a service sends its notifications.
#[derive(Debug)]
pub struct Inbox {
    path: PathBuf,
    socket: UnixDatagram,
}

/// What a process said, and which one: the kernel vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender.
    pub pid: Pid,
    /// Assignments, one a line.
    pub text: String,
}

impl Inbox {
    /// Makes the socket, in the place of one that a predecessor left. Every process that gets to its directory may send;
    /// who counts is known by its pid.
    pub fn make(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| Error::new("make", path, error);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let socket = UnixDatagram::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        setsockopt(&socket, sockopt::PassCred, &true).map_err(|error| failed(error.into()))?;
        Ok(Self { path: path.into(), socket })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next message; `None` when there is none for now. A descriptor that came with it is closed, which is all that
    /// a barrier asks for.
    pub fn receive(&self) -> Result<Option<Message>> {
        let mut bytes = [0; LONGEST];
        let mut control = nix::cmsg_space!(nix::sys::socket::UnixCredentials, [RawFd; 16]);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received =
            recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_CMSG_CLOEXEC);
        let received = match received {
            Ok(received) => received,
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => return Ok(None),
            Err(error) => return Err(Error::new("read", &self.path, error)),
        };
        let length = received.bytes;
        let mut pid = 0;
        for message in received.cmsgs().into_iter().flatten() {
            match message {
                ControlMessageOwned::ScmCredentials(sender) => pid = sender.pid(),
                ControlMessageOwned::ScmRights(descriptors) => crate::sys::close_all(&descriptors),
                _ => {}
            }
        }
        Ok(Some(Message { pid, text: String::from_utf8_lossy(&bytes[..length]).into_owned() }))
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Inbox {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    fn words(inbox: &Inbox) -> String {
        inbox.receive().unwrap().unwrap().text
    }

    #[test]
    fn a_message_arrives_with_its_sender() {
        let place = tempfile::tempdir().unwrap();
        let inbox = Inbox::make(&place.path().join("notify.sock")).unwrap();
        assert_eq!(inbox.receive().unwrap(), None);
        let manager = Manager::at(inbox.path().as_os_str()).unwrap();
        manager.tell("READY=1\nSTATUS=x", Weight::Heavy).unwrap();
        let message = inbox.receive().unwrap().unwrap();
        assert_eq!(message, Message { pid: crate::process::own(), text: "READY=1\nSTATUS=x".into() });
    }

    #[test]
    fn descriptors_that_come_along_are_closed() {
        let place = tempfile::tempdir().unwrap();
        let inbox = Inbox::make(&place.path().join("notify.sock")).unwrap();
        let manager = Manager::at(inbox.path().as_os_str()).unwrap();
        let (read, write) = nix::unistd::pipe().unwrap();
        manager.hand_over("BARRIER=1", write.as_fd()).unwrap();
        drop(write);
        assert_eq!(words(&inbox), "BARRIER=1");
        assert_eq!(nix::unistd::read(&read, &mut [0; 1]).unwrap(), 0, "nobody holds the other end any more");
    }

    #[test]
    fn an_abstract_address_is_reached() {
        let name = format!("highwater-test-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Manager::at(OsStr::new(&format!("@{name}"))).unwrap().tell("READY=1", Weight::Light).unwrap();
        let mut bytes = [0; 16];
        let length = socket.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"READY=1");
        assert!(Manager::at(OsStr::new("vsock:2:9")).is_err());
    }

    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let inbox = Inbox::make(&place.path().join("notify.sock")).unwrap();
        let manager = Manager::at(inbox.path().as_os_str()).unwrap();
        let error = loop {
            if let Err(error) = manager.tell("WATCHDOG=1", Weight::Light) {
                break error;
            }
        };
        assert_eq!(error.source.kind(), io::ErrorKind::WouldBlock);
        manager.tell("READY=1", Weight::Heavy).unwrap_err();
    }
}

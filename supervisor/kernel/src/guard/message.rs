//! What supervisor and guard say to each other: a length, a kind, and for a watch its fields.

use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

use super::{Errand, Watch};
use crate::Pid;
use crate::cgroup::Limit;
use crate::text::Fixed;

/// The longest path the kernel takes.
pub(super) const MOST_PATH: usize = 4096;

const HEAD: usize = 2;
const FIELDS: usize = 1 + 8 + 4 + 8 + 2;
const MOST: usize = HEAD + FIELDS + MOST_PATH + Errand::MOST;
const NO_LIMIT: u64 = u64::MAX;

/// A message as it goes over the socket.
pub(super) struct Message(Fixed<MOST>);

/// A message as the guard keeps it.
#[allow(clippy::large_enum_variant, reason = "the guard must not allocate")]
pub(super) enum Heard {
    Watch(Watched),
    Rest,
    Farewell,
}

/// What the guard looks after.
pub(super) struct Watched {
    pub(super) generation: u64,
    pub(super) pid: Option<Pid>,
    pub(super) high: Limit,
    path: Fixed<MOST_PATH>,
    errand: Option<Errand>,
}

impl Message {
    pub(super) fn watch(watch: &Watch<'_>) -> Self {
        let path = watch.cgroup.map_or(&b""[..], |path| path.as_os_str().as_bytes());
        let path = &path[..path.len().min(MOST_PATH)];
        let errand = watch.errand.map_or(&b""[..], Errand::as_bytes);
        let mut message = Self::of(b'W', FIELDS + path.len() + errand.len());
        message.0.push_bytes(&watch.generation.to_le_bytes());
        message.0.push_bytes(&watch.pid.unwrap_or(0).to_le_bytes());
        message.0.push_bytes(&watch.high.bytes().unwrap_or(NO_LIMIT).to_le_bytes());
        message.0.push_bytes(&(path.len() as u16).to_le_bytes());
        message.0.push_bytes(path);
        message.0.push_bytes(errand);
        message
    }

    pub(super) fn rest() -> Self {
        Self::of(b'R', 1)
    }

    pub(super) fn farewell() -> Self {
        Self::of(b'F', 1)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn of(kind: u8, length: usize) -> Self {
        let mut bytes = Fixed::new();
        bytes.push_bytes(&(length as u16).to_le_bytes());
        bytes.push_bytes(&[kind]);
        Self(bytes)
    }
}

impl Heard {
    /// Reads the next message; an error is also the end of the other side.
    pub(super) fn read(mut from: impl Read) -> io::Result<Self> {
        let mut length = [0_u8; HEAD];
        from.read_exact(&mut length)?;
        let mut body = [0_u8; MOST];
        let body = body.get_mut(..usize::from(u16::from_le_bytes(length))).ok_or(io::ErrorKind::InvalidData)?;
        from.read_exact(body)?;
        Self::parse(body).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let (kind, fields) = body.split_first()?;
        match kind {
            b'W' => Watched::parse(fields).map(Self::Watch),
            b'R' => Some(Self::Rest),
            b'F' => Some(Self::Farewell),
            _ => None,
        }
    }
}

impl Watched {
    fn parse(fields: &[u8]) -> Option<Self> {
        let (generation, fields) = fields.split_first_chunk()?;
        let (pid, fields) = fields.split_first_chunk()?;
        let (high, fields) = fields.split_first_chunk()?;
        let (length, fields) = fields.split_first_chunk()?;
        let (path, errand) = fields.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let mut watched = Self {
            generation: u64::from_le_bytes(*generation),
            pid: Some(Pid::from_le_bytes(*pid)).filter(|pid| *pid > 0),
            high: match u64::from_le_bytes(*high) {
                NO_LIMIT => Limit::Max,
                bytes => Limit::Bytes(bytes),
            },
            path: Fixed::new(),
            errand: Errand::of_bytes(errand),
        };
        watched.path.push_bytes(path);
        Some(watched)
    }

    /// The service cgroup; empty if there is none.
    pub(super) fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    /// What gives the throttle back instead of us.
    pub(super) fn errand(&self) -> Option<&Errand> {
        self.errand.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn heard(message: &Message) -> Heard {
        Heard::read(message.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_said_is_heard() {
        let cgroup = Some(Path::new("/sys/fs/cgroup/service.3"));
        let errand = Errand::new(&["systemctl", "--", "web.service"], Path::new("/run/x.conf")).unwrap();
        let watch = Watch { generation: 3, cgroup, pid: Some(77), high: Limit::Bytes(4096), errand: Some(&errand) };
        let Heard::Watch(watched) = heard(&Message::watch(&watch)) else { panic!("not a watch") };
        assert_eq!((watched.generation, watched.pid, watched.high), (3, Some(77), Limit::Bytes(4096)));
        assert_eq!(watched.path(), b"/sys/fs/cgroup/service.3");
        assert_eq!(watched.errand().map(Errand::as_bytes), Some(errand.as_bytes()));
        assert!(matches!(heard(&Message::rest()), Heard::Rest));
        assert!(matches!(heard(&Message::farewell()), Heard::Farewell));
    }

    #[test]
    fn nothing_to_watch_yet_is_said_too() {
        let watch = Watch { generation: 1, cgroup: None, pid: None, high: Limit::Max, errand: None };
        let Heard::Watch(watched) = heard(&Message::watch(&watch)) else { panic!("not a watch") };
        assert_eq!((watched.pid, watched.high, watched.path()), (None, Limit::Max, &b""[..]));
        assert!(watched.errand().is_none());
    }

    #[test]
    fn a_cut_off_message_is_an_end() {
        let watch = Watch { generation: 1, cgroup: None, pid: None, high: Limit::Max, errand: None };
        let whole = Message::watch(&watch);
        for length in 0..whole.as_bytes().len() {
            assert!(Heard::read(&whole.as_bytes()[..length]).is_err());
        }
        assert!(Heard::read(&[0xff, 0xff, b'W'][..]).is_err());
        assert!(Heard::read(&[1, 0, b'?'][..]).is_err());
    }
}

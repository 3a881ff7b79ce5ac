//! Sockets of the service: from systemd or bound here, handed to every generation, and open as long as highwater runs.
//! Connections wait in their queue while no generation takes them.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

use highwater_core::policy::{self, Listen};
use highwater_kernel::listen::{Address, Socket};

/// Descriptors in the store of systemd that begin with this are ours.
const STORED: &str = "highwater.";
/// Queue of a socket whose unit did not say.
const BACKLOG: u32 = 4096;

/// The sockets of the service, in the order in which it gets them: those of systemd first.
#[derive(Debug, Default)]
pub struct Sockets(Vec<Kept>);

#[derive(Debug)]
struct Kept {
    socket: Socket,
    backlog: u32,
    origin: Origin,
}

/// Where a socket came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A socket unit of systemd, which keeps it open itself.
    Unit,
    /// The store of systemd, where a predecessor left it.
    Store,
    /// Bound here.
    Here,
}

impl Sockets {
    /// Sockets that systemd handed over, and then those of the policy: taken from what was handed over, or bound. What is
    /// in the store and in the policy no more is closed, and its name returned.
    pub fn open(wanted: &[policy::Socket], handed: Vec<Socket>) -> highwater_kernel::Result<(Self, Vec<String>)> {
        let (mut stored, mut given): (Vec<Socket>, Vec<Socket>) =
            handed.into_iter().partition(|socket| socket.name.starts_with(STORED));
        let mut bound = Vec::new();
        for wanted in wanted {
            let from_unit = take(&mut given, |socket| is_at(socket, &wanted.listen));
            let from_store = take(&mut stored, |socket| {
                socket.name.strip_prefix(STORED) == Some(&wanted.name) && is_at(socket, &wanted.listen)
            });
            let (mut socket, origin) = match (from_unit, from_store) {
                (Some(socket), _) => (socket, Origin::Unit),
                (None, Some(socket)) => (socket, Origin::Store),
                (None, None) => (Socket::bind(&wanted.name, &address(&wanted.listen), wanted.backlog)?, Origin::Here),
            };
            socket.name.clone_from(&wanted.name);
            // One from the store is as the last service left it.
            socket.nonblocking &= origin == Origin::Unit;
            bound.push(Kept { socket, backlog: wanted.backlog, origin });
        }
        let given = given.into_iter().map(|socket| Kept { socket, backlog: BACKLOG, origin: Origin::Unit });
        let kept = given.chain(bound).collect();
        Ok((Self(kept), stored.into_iter().map(|socket| socket.name).collect()))
    }

    /// The sockets with their names, as good as new, for the next generation.
    pub fn for_a_generation(&self) -> impl Iterator<Item = (BorrowedFd<'_>, &str)> {
        self.0.iter().map(|kept| {
            if let Err(error) = kept.socket.refresh(kept.backlog) {
                tracing::warn!("{error}");
            }
            (kept.socket.as_fd(), kept.socket.name.as_str())
        })
    }

    /// What systemd does not have yet and could keep for the next supervisor, each with its name in the store.
    pub fn to_store(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>)> {
        let bound_here = self.0.iter().filter(|kept| kept.origin == Origin::Here);
        bound_here.map(|kept| (format!("{STORED}{}", kept.socket.name), kept.socket.as_fd()))
    }

    /// Whether a policy asks for other sockets than are open: a reload does not change them.
    pub fn differ_from(&self, wanted: &[policy::Socket]) -> bool {
        let is_kept = |one: &policy::Socket| {
            self.0.iter().any(|kept| kept.socket.name == one.name && is_at(&kept.socket, &one.listen))
        };
        let ours = self.0.iter().filter(|kept| kept.origin != Origin::Unit).count();
        !wanted.iter().all(is_kept) || ours > wanted.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Sockets {
    /// What is kept open and where it came from, for the first record.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Kept { socket, origin, .. }) in self.0.iter().enumerate() {
            let origin = match origin {
                Origin::Unit => "from systemd",
                Origin::Store => "kept by systemd",
                Origin::Here => "bound",
            };
            let place = socket.address().map_or(String::new(), |address| format!(" on {address}"));
            let comma = if index == 0 { "" } else { ", " };
            write!(formatter, "{comma}{}{place} ({origin})", socket.name)?;
        }
        Ok(())
    }
}

fn take(sockets: &mut Vec<Socket>, is_it: impl Fn(&Socket) -> bool) -> Option<Socket> {
    let index = sockets.iter().position(is_it)?;
    Some(sockets.remove(index))
}

fn is_at(socket: &Socket, listen: &Listen) -> bool {
    socket.address() == Some(address(listen))
}

fn address(listen: &Listen) -> Address {
    match listen {
        Listen::Ip(address) => Address::Ip(*address),
        Listen::Unix(path) => Address::Unix(path.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn wanted(directory: &Path, name: &str) -> policy::Socket {
        let path = directory.join(name).display().to_string();
        policy::Socket { listen: Listen::Unix(path), name: name.into(), backlog: 8 }
    }

    fn handed(directory: &Path, file: &str, name: &str) -> Socket {
        Socket::bind(name, &Address::Unix(directory.join(file)), 8).unwrap()
    }

    #[test]
    fn what_a_predecessor_left_is_found_again_and_the_rest_is_bound() {
        let place = tempfile::tempdir().unwrap();
        let old = vec![
            handed(place.path(), "a", "highwater.a"),
            handed(place.path(), "gone", "highwater.gone"),
            handed(place.path(), "u", "unit.socket"),
        ];
        let policy = [wanted(place.path(), "b"), wanted(place.path(), "a")];
        let (sockets, unwanted) = Sockets::open(&policy, old).unwrap();
        assert_eq!(unwanted, ["highwater.gone"]);
        let names: Vec<_> = sockets.for_a_generation().map(|(_, name)| name.to_owned()).collect();
        assert_eq!(names, ["unit.socket", "b", "a"]);
        let stored: Vec<_> = sockets.to_store().map(|(name, _)| name).collect();
        assert_eq!(stored, ["highwater.b"], "what is there already is not sent again");
        assert!(!sockets.differ_from(&policy) && sockets.differ_from(&policy[..1]));
    }

    #[test]
    fn a_name_that_moved_is_bound_anew() {
        let place = tempfile::tempdir().unwrap();
        let elsewhere = handed(place.path(), "old", "highwater.a");
        let (sockets, unwanted) = Sockets::open(&[wanted(place.path(), "a")], vec![elsewhere]).unwrap();
        assert_eq!((unwanted.len(), sockets.to_store().count()), (1, 1));
        assert!(sockets.to_string().ends_with("/a (bound)"), "{sockets}");
    }

    #[test]
    fn a_socket_of_systemd_at_the_same_place_is_the_one_that_is_meant() {
        let place = tempfile::tempdir().unwrap();
        let unit = handed(place.path(), "a", "web.socket");
        let (sockets, _) = Sockets::open(&[wanted(place.path(), "a")], vec![unit]).unwrap();
        assert_eq!((sockets.for_a_generation().count(), sockets.to_store().count()), (1, 0));
    }

    #[test]
    fn what_cannot_be_bound_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let error = Sockets::open(&[wanted(&place.path().join("none"), "a")], Vec::new()).unwrap_err();
        assert!(error.to_string().contains("/none/a"), "{error}");
    }
}

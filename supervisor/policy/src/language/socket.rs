//! `[[socket]]`: what stays open over all generations.

use crate::shape::shape;
use crate::text::count::Backlog;
use crate::text::listen::Address;
use crate::text::plain::SocketName;

shape! {
    /// A socket that stays open over all generations. A reload changes nothing about it.
    Socket in "[[socket]]" {
        /// Where it listens: an IP address and a port, or an absolute path.
        "listen" listen: Address = Required,
        /// The name under which the service gets it (`$LISTEN_FDNAMES`). When absent, `port-8080` or the name of the file.
        "name" name: SocketName = Optional,
        /// So many connections may wait for the service; the kernel allows net.core.somaxconn at most.
        "backlog" backlog: Backlog = Default("4096"),
    }
}

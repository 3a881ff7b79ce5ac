//! Sockets that outlive the generations of a service.

use std::fmt;
use std::net::SocketAddr;

/// A socket that is kept open over all generations, so that connections wait instead of being refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Where it listens.
    pub listen: Listen,
    /// The name under which the service gets it.
    pub name: String,
    /// So many connections may wait.
    pub backlog: u32,
}

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// TCP on that address and port.
    Ip(SocketAddr),
    /// A stream socket at that absolute path.
    Unix(String),
}

impl Listen {
    /// The name of a socket that was given none: `port-8080`, or the name of its file.
    pub fn usual_name(&self) -> String {
        match self {
            Self::Ip(address) => format!("port-{}", address.port()),
            Self::Unix(path) => path.rsplit('/').next().unwrap_or(path).replace(':', "-"),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(formatter, "{address}"),
            Self::Unix(path) => formatter.write_str(path),
        }
    }
}

//! What is served over HTTP.

use std::net::SocketAddr;

/// Where state, metrics and incidents can be read over the network. The unix socket is there always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// Where to listen, if anywhere.
    pub listen: Option<SocketAddr>,
}

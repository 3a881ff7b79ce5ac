//! Where a socket listens.

use std::net::SocketAddr;

use highwater_core::policy::Listen;

use crate::value::{Fault, Text};

/// The longest path the kernel takes for a socket.
const LONGEST: usize = 107;

/// An IP address with a port, or an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) Listen);

impl Text for Address {
    const ALLOWED: &'static str = "an address and a port, like \"0.0.0.0:8080\" or \"[::]:80\", or an absolute path";

    fn from_text(text: &str) -> Result<Self, Fault> {
        if text.starts_with('/') {
            return path(text);
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() == 0 => Err(Fault::new("nobody knows where port 0 is")),
            Ok(address) => Ok(Self(Listen::Ip(address))),
            Err(_) => Err(not_an_address(text)),
        }
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(r"^(/.*[^/]|[0-9.]+:[0-9]+|\[[0-9a-fA-F:.]+\]:[0-9]+)$")
    }
}

fn path(text: &str) -> Result<Address, Fault> {
    if text.len() > LONGEST {
        return Err(Fault::new(format!("a path of {} bytes: a socket has at most {LONGEST}", text.len())));
    }
    if text.ends_with('/') || text.contains('\0') {
        return Err(Fault::new(format!("\"{text}\" cannot be a socket")));
    }
    Ok(Address(Listen::Unix(text.to_owned())))
}

fn not_an_address(text: &str) -> Fault {
    let message = format!("\"{text}\" is not an address");
    let port = text.strip_prefix(':').or(text.strip_prefix("*:")).unwrap_or(text);
    if port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Fault::with(message, format!("\"[::]:{port}\" is every address of this machine"));
    }
    match text.split_once(':') {
        Some(("localhost", port)) => Fault::with(message, format!("write \"127.0.0.1:{port}\"")),
        _ => Fault::new(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_are_taken() {
        for right in ["0.0.0.0:8080", "[::]:80", "127.0.0.1:1", "/run/x.sock"] {
            assert_eq!(Address::from_text(right).unwrap().0.to_string(), right);
        }
        let long = format!("/{}", "x".repeat(LONGEST));
        for wrong in ["", "1.2.3.4", "1.2.3.4:0", "1.2.3.4:65536", "::1:80", "x.sock", "/run/", "/a\0b", &long] {
            assert!(Address::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bare_port_is_helped() {
        let help = |text| Address::from_text(text).unwrap_err().help.unwrap();
        assert_eq!(help("8080"), "\"[::]:8080\" is every address of this machine");
        assert_eq!(help("*:80"), help(":80"));
        assert_eq!(help("localhost:80"), "write \"127.0.0.1:80\"");
    }
}

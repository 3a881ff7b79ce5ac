//! Addresses to listen on.

use std::net::{IpAddr, SocketAddr};

use crate::value::{Fault, Text};

/// An IP address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HttpAddress(pub(crate) SocketAddr);

impl Text for HttpAddress {
    const ALLOWED: &'static str = "an IP address and a port, like \"127.0.0.1:9464\" or \"[::1]:9464\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        match text.parse() {
            Ok(address) => Ok(Self(address)),
            Err(_) => Err(instead_of(text)),
        }
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(r"^([0-9.]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$")
    }
}

/// What is wrong, and what was meant.
fn instead_of(text: &str) -> Fault {
    let message = format!("\"{text}\" is not an IP address with a port");
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    match host {
        "" | "*" => {
            Fault::with(message, format!("every address of this machine is \"0.0.0.0:{port}\", or \"[::]:{port}\""))
        }
        "localhost" => Fault::with(message, format!("no names are resolved: write \"127.0.0.1:{port}\"")),
        _ => match text.parse::<IpAddr>() {
            Ok(address) => Fault::with(message, format!("add a port: \"{}\"", SocketAddr::new(address, 9464))),
            Err(_) => Fault::new(message),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_an_address_and_a_port() {
        for right in ["127.0.0.1:9464", "0.0.0.0:80", "[::1]:9464", "127.0.0.1:0"] {
            assert!(HttpAddress::from_text(right).is_ok(), "{right}");
        }
        for wrong in ["9464", "127.0.0.1", "::1:9464x", "127.0.0.1:65536", "a:80", "http://127.0.0.1:80", ""] {
            assert!(HttpAddress::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_others_allow_is_put_right() {
        let help = |text: &str| HttpAddress::from_text(text).unwrap_err().help.unwrap();
        assert!(help(":9464").contains("\"0.0.0.0:9464\""));
        assert!(help("localhost:80").contains("\"127.0.0.1:80\""));
        assert_eq!(help("::1"), "add a port: \"[::1]:9464\"");
    }
}

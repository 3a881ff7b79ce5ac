//! URLs highwater can reach: it resolves no names and speaks no TLS.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::value::{Fault, Text};

/// `http://` and an IP literal or `localhost`, with an optional port, path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url(pub(crate) String);

impl Text for Url {
    const ALLOWED: &'static str =
        "http:// with an IP address or localhost, like \"http://127.0.0.1:6060/debug/pprof/heap\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(not_http(text));
        };
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii() || "\"<>\\^`{|}#".contains(c)) {
            return Err(Fault::with(format!("\"{text}\" has a character a URL cannot have"), "write it as %XX"));
        }
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        let (host, port) = host_and_port(authority);
        if authority.contains('@') {
            return Err(Fault::new("a user name in a URL is not supported"));
        }
        if !is_reachable(host) {
            let help = "no names are resolved: write the IP address, or localhost";
            return Err(Fault::with(format!("\"{host}\" is not an IP address"), help));
        }
        if port.is_some_and(|port| port.parse::<u16>().ok().is_none_or(|port| port == 0)) {
            return Err(Fault::new(format!("\"{}\" is not a port", port.unwrap_or_default())));
        }
        Ok(Self(text.to_owned()))
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(r"^http://(localhost|[0-9.]+|\[[0-9a-fA-F:.]+\])(:[0-9]+)?([/?].*)?$")
    }
}

/// What to say about another scheme.
fn not_http(text: &str) -> Fault {
    if text.starts_with("https://") {
        Fault::with("TLS is not supported", "use a plain http:// address on this host, or a `command`")
    } else {
        Fault::new(format!("\"{text}\" does not begin with http://"))
    }
}

/// The two parts of "host:port".
fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether no name needs to be resolved.
fn is_reachable(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok()
        || bracketed.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_neither_names_nor_tls() {
        for right in ["http://127.0.0.1", "http://localhost:80/x?y=1", "http://[::1]:6060/debug", "http://10.0.0.1?x"] {
            assert!(Url::from_text(right).is_ok(), "{right}");
        }
        for wrong in [
            "https://127.0.0.1/",
            "http://example.org/",
            "http://",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:/",
            "http://u@127.0.0.1/",
            "http://::1/",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/\r\nX: y",
            "127.0.0.1:80",
        ] {
            assert!(Url::from_text(wrong).is_err(), "{wrong}");
        }
    }
}

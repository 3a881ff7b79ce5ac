//! Names that others gave: of a bucket, of a region.

use crate::value::{Fault, Text};

/// Some text without spaces, control characters or quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plain(pub(crate) String);

impl Text for Plain {
    const ALLOWED: &'static str = "letters, digits and any of - _ . /";

    fn from_text(text: &str) -> Result<Self, Fault> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if text.is_empty() || !text.chars().all(is_plain) {
            return Err(Fault::new(format!("\"{text}\" is not such a name")));
        }
        Ok(Self(text.to_owned()))
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern("^[A-Za-z0-9._/-]+$")
    }
}

/// The name of a socket, as it stands in `$LISTEN_FDNAMES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketName(pub(crate) String);

impl Text for SocketName {
    const ALLOWED: &'static str = "letters, digits and any of - _ . , at most 100";

    fn from_text(text: &str) -> Result<Self, Fault> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if text.is_empty() || text.len() > 100 || !text.chars().all(is_plain) {
            return Err(Fault::new(format!("\"{text}\" cannot be the name of a socket")));
        }
        Ok(Self(text.to_owned()))
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern("^[A-Za-z0-9._-]{1,100}$")
    }
}

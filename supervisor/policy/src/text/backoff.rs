//! A pause that doubles: "1s..1m".

use std::time::Duration;

use super::duration::shown;
use crate::value::{Fault, Text};

/// The shortest and the longest pause before the next generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// The first pause.
    pub(crate) shortest: Duration,
    /// No pause is longer.
    pub(crate) longest: Duration,
}

impl Text for Backoff {
    const ALLOWED: &'static str = "the shortest and the longest pause, like \"1s..1m\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        let Some((shortest, longest)) = text.split_once("..") else {
            let help =
                Duration::from_text(text).is_ok().then(|| format!("one fixed pause is \"{0}..{0}\"", text.trim()));
            return Err(Fault { message: format!("\"{text}\" is not a range"), help });
        };
        let (shortest, longest) = (Duration::from_text(shortest)?, Duration::from_text(longest)?);
        if shortest.is_zero() {
            return Err(Fault::with(
                "a backoff that begins with 0s never grows",
                "begin with \"1s\", or with \"100ms\"",
            ));
        }
        if shortest > longest {
            let turned = format!("write \"{}..{}\"", shown(longest), shown(shortest));
            return Err(Fault::with(format!("\"{text}\" begins with the longer pause"), turned));
        }
        Ok(Self { shortest, longest })
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(r"^.*\d+\s*[a-zA-Zµ]+\s*\.\..*\d+\s*[a-zA-Zµ]+\s*$")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_two_times() {
        let backoff = Backoff { shortest: Duration::from_secs(1), longest: Duration::from_mins(1) };
        assert_eq!(Backoff::from_text("1s..1m"), Ok(backoff));
        assert_eq!(Backoff::from_text("1s .. 60s"), Ok(backoff));
        assert!(Backoff::from_text("1m..1s").unwrap_err().help.unwrap().contains("\"1s..1m\""));
        assert!(Backoff::from_text("5s").unwrap_err().help.unwrap().contains("\"5s..5s\""));
        assert!(Backoff::from_text("0s..1m").is_err());
        assert!(Backoff::from_text("1..5s").unwrap_err().message.contains("no unit"));
        assert!(Backoff::from_text("1s...5s").is_err());
    }
}

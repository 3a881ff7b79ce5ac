//! Times: a number and a unit, always.

use std::time::Duration;

use toml::de::DeValue;

use crate::value::{Fault, Text, describe};

/// No time of a policy is longer: 30 days. It also keeps sums of instants far from overflow.
const LONGEST: Duration = Duration::from_hours(30 * 24);

impl Text for Duration {
    const ALLOWED: &'static str = "a time with a unit, like \"500ms\", \"20s\", \"10m\" or \"1h 30m\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        let time = humantime::parse_duration(text.trim()).map_err(|error| fault(text, &error))?;
        if time > LONGEST {
            let help = text.contains('M').then(|| "`M` is a month; minutes are `m`".to_owned());
            return Err(Fault { message: format!("\"{text}\" is longer than 30 days"), help });
        }
        Ok(time)
    }

    fn instead(found: &DeValue<'_>) -> Fault {
        match found {
            DeValue::Integer(number) => Fault::with(format!("`{number}` has no unit"), format!("write \"{number}s\"")),
            other => Fault::new(format!("found {}", describe(other))),
        }
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(r"^\s*\d+\s*[a-zA-Zµ]+(\s*\d+\s*[a-zA-Zµ]+)*\s*$")
    }
}

/// What humantime says, in the words of the language.
fn fault(text: &str, error: &humantime::DurationError) -> Fault {
    let trimmed = text.trim();
    match error {
        _ if !trimmed.is_empty() && trimmed.chars().all(|c| c.is_ascii_digit()) => {
            Fault::with(format!("\"{text}\" has no unit"), format!("write \"{trimmed}s\""))
        }
        humantime::DurationError::UnknownUnit { unit, .. } => Fault::with(
            format!("unknown unit `{unit}` in \"{text}\""),
            "units are ms, s, m (or min), h and d; `us` and `ns` for very short times",
        ),
        humantime::DurationError::NumberOverflow => Fault::new(format!("\"{text}\" is longer than 30 days")),
        _ if trimmed.starts_with('-') => Fault::new(format!("\"{text}\" is negative")),
        _ => Fault::new(format!("\"{text}\" is not a time")),
    }
}

/// A time longer than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lasting(pub(crate) Duration);

impl Text for Lasting {
    const ALLOWED: &'static str = "a time longer than 0s, like \"500ms\", \"20s\", \"10m\" or \"1h 30m\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        match Duration::from_text(text)? {
            Duration::ZERO => Err(Fault::new(format!("\"{text}\" is no time at all"))),
            time => Ok(Self(time)),
        }
    }

    fn instead(found: &DeValue<'_>) -> Fault {
        Duration::instead(found)
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        Duration::text_schema()
    }
}

/// A time as a policy would write it: "1m 30s".
pub(crate) fn shown(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_unit_and_an_end() {
        assert_eq!(Duration::from_text("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(Duration::from_text("0s"), Ok(Duration::ZERO));
        assert_eq!(Duration::from_text("20").unwrap_err().help.as_deref(), Some("write \"20s\""));
        assert!(Duration::from_text("20x").unwrap_err().message.contains("unknown unit `x`"));
        assert!(Duration::from_text("5M").unwrap_err().help.unwrap().contains("minutes are `m`"));
        assert!(Duration::from_text("99999999999999999999h").unwrap_err().message.contains("30 days"));
        assert!(Duration::from_text("-1s").unwrap_err().message.contains("negative"));
        assert!(Duration::from_text("").is_err());
        assert!(Lasting::from_text("0ms").is_err());
    }
}

//! Amounts: a size, or a percentage of the limit.

use toml::de::DeValue;

use highwater_core::amount::Amount;

use super::size::Size;
use crate::value::{Fault, Text, describe};

impl Text for Amount {
    const ALLOWED: &'static str = "a percentage of the limit like \"80%\", or a size with a unit like \"64MiB\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        match text.trim().strip_suffix('%') {
            Some(number) => share(number.trim_end(), text).map(Self::Share),
            None => match Size::from_text(text)?.0 {
                0 => Err(Fault::new(format!("\"{text}\" is no memory at all"))),
                bytes => Ok(Self::Bytes(bytes)),
            },
        }
    }

    fn instead(found: &DeValue<'_>) -> Fault {
        match found {
            DeValue::Integer(number) => {
                Fault::with(format!("`{number}` has no unit"), format!("write \"{number}%\" or \"{number}MiB\""))
            }
            DeValue::Float(number) => {
                let percent = number.as_str().parse::<f64>().ok().filter(|share| *share > 0.0 && *share <= 1.0);
                let help = percent.map(|share| format!("write \"{}%\"", (share * 10_000.0).round() / 100.0));
                Fault { message: format!("`{number}` has no unit"), help }
            }
            other => Fault::new(format!("found {}", describe(other))),
        }
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(&format!(r"^(\s*\d+(\.\d{{1,2}})?\s*%\s*|{})$", super::size::PATTERN))
    }
}

/// A percentage in hundredths of a percent: more than 0, at most 100, up to two decimals.
fn share(number: &str, text: &str) -> Result<u32, Fault> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
        return Err(Fault::new(format!("\"{text}\" is not a percentage with up to two decimals")));
    }
    let hundredths = format!("{decimals:0<2}").parse::<u32>().unwrap_or(0);
    let share = whole.parse::<u32>().ok().and_then(|whole| whole.checked_mul(100)?.checked_add(hundredths));
    match share {
        Some(0) => Err(Fault::new(format!("\"{text}\" is no memory at all"))),
        Some(share) if share <= 10_000 => Ok(share),
        _ => Err(Fault::with(format!("\"{text}\" is more than the limit"), "a percentage is at most \"100%\"")),
    }
}

/// `[memory] tripwire`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tripwire {
    /// It waits there.
    At(Amount),
    /// There is none.
    Off,
}

impl Text for Tripwire {
    const ALLOWED: &'static str = "a percentage of the limit like \"80%\", a size like \"400MiB\", or \"off\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        match text {
            "off" => Ok(Self::Off),
            "none" | "no" | "false" | "Off" | "OFF" => {
                Err(Fault::with(format!("unknown word \"{text}\""), "write \"off\""))
            }
            _ => Amount::from_text(text).map(Self::At),
        }
    }

    fn instead(found: &DeValue<'_>) -> Fault {
        match found {
            DeValue::Boolean(false) => Fault::with("found the boolean false", "write \"off\""),
            other => Amount::instead(other),
        }
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "const": "off" }, Amount::text_schema()] })
    }
}

/// `[memory] max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Max {
    /// So many bytes.
    Bytes(u64),
    /// No limit.
    None,
}

/// No process starts in less.
const LEAST: u64 = 1 << 20;

impl Text for Max {
    const ALLOWED: &'static str = "a size with a unit like \"512MiB\", or \"none\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        match text {
            "none" => Ok(Self::None),
            "max" | "unlimited" | "infinity" | "off" => {
                Err(Fault::with(format!("unknown word \"{text}\""), "no limit is \"none\""))
            }
            _ if text.trim_end().ends_with('%') => Err(Fault::with(
                format!("\"{text}\" has nothing to be a percentage of"),
                "percentages are of this limit",
            )),
            _ => match Size::from_text(text)?.0 {
                bytes if bytes < LEAST => Err(Fault::new(format!("\"{text}\" is less than any process needs (1MiB)"))),
                bytes => Ok(Self::Bytes(bytes)),
            },
        }
    }

    fn instead(found: &DeValue<'_>) -> Fault {
        Size::instead(found)
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "const": "none" }, Size::text_schema()] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_exact_and_at_most_the_limit() {
        assert_eq!(Amount::from_text("80%"), Ok(Amount::Share(8_000)));
        assert_eq!(Amount::from_text("80.5%"), Ok(Amount::Share(8_050)));
        assert_eq!(Amount::from_text("0.01 %"), Ok(Amount::Share(1)));
        assert_eq!(Amount::from_text("64MiB"), Ok(Amount::Bytes(64 << 20)));
        for wrong in ["0%", "100.01%", "%", "80.125%", "-1%", "1e1%", "99999999999%", "0B", "80"] {
            assert!(Amount::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_limit_is_bytes_or_none() {
        assert_eq!(Max::from_text("512MiB"), Ok(Max::Bytes(512 << 20)));
        assert_eq!(Max::from_text("none"), Ok(Max::None));
        assert!(Max::from_text("80%").unwrap_err().message.contains("percentage of"));
        assert!(Max::from_text("1KiB").is_err());
    }
}

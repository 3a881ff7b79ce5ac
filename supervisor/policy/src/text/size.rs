//! Sizes: a number and a unit, always. "512M" means two things to two people, so it is refused.

use toml::de::DeValue;

use crate::value::{Fault, Text, describe};

/// Units with their bytes: binary ones, then those of ten.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

impl Text for Size {
    const ALLOWED: &'static str = "a size with a unit: B, KiB, MiB, GiB, TiB, or kB, MB, GB, TB; like \"512MiB\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = (&trimmed[..digits], trimmed[digits..].trim_start());
        if number.is_empty() {
            return Err(Fault::new(format!("\"{text}\" is not a size")));
        }
        let bytes = factor(unit).ok_or_else(|| wrong_unit(text, number, unit))?;
        let too_large = || Fault::new(format!("\"{text}\" is more than there can be"));
        scaled(number, bytes, text)?.ok_or_else(too_large).map(Self)
    }

    fn instead(found: &DeValue<'_>) -> Fault {
        match found {
            DeValue::Integer(number) => {
                Fault::with(format!("`{number}` has no unit"), format!("write \"{number}MiB\", or \"{number}B\""))
            }
            other => Fault::new(format!("found {}", describe(other))),
        }
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(&format!("^{PATTERN}$"))
    }
}

/// A size as a regular expression.
#[cfg(test)]
pub(crate) const PATTERN: &str = r"\s*\d+(\.\d{1,3})?\s*([kMGT]B|[KMGT]iB|B)\s*";

/// The bytes of a unit.
fn factor(unit: &str) -> Option<u64> {
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, bytes)| *bytes)
}

/// What to say about a unit that is missing or unknown.
fn wrong_unit(text: &str, number: &str, unit: &str) -> Fault {
    if unit.is_empty() {
        return Fault::with(format!("\"{text}\" has no unit"), format!("write \"{number}MiB\", or \"{number}B\""));
    }
    let letter = unit.chars().next().map(|first| first.to_ascii_uppercase()).filter(|first| "KMGT".contains(*first));
    let known = matches!(unit.to_ascii_lowercase().get(1..), Some("" | "b" | "i" | "ib"));
    let help = letter.filter(|_| known).map(|letter| {
        let ten = if letter == 'K' { 'k' } else { letter };
        format!("write \"{number}{letter}iB\" (powers of 1024) or \"{number}{ten}B\" (powers of 1000)")
    });
    Fault { message: format!("unknown unit `{unit}` in \"{text}\""), help }
}

/// `number` times `bytes`; `None` when that does not fit.
fn scaled(number: &str, bytes: u64, text: &str) -> Result<Option<u64>, Fault> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 3 || fraction.contains('.') {
        return Err(Fault::new(format!("\"{text}\" is not a size with up to three decimals")));
    }
    let Ok(whole) = whole.parse::<u64>() else { return Ok(None) };
    let thousandths = format!("{fraction:0<3}").parse::<u128>().unwrap_or(0);
    let total = u128::from(whole) * u128::from(bytes) + thousandths * u128::from(bytes) / 1_000;
    Ok(u64::try_from(total).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit_that_means_one_thing() {
        assert_eq!(Size::from_text("512MiB"), Ok(Size(512 << 20)));
        assert_eq!(Size::from_text("1.5 GiB"), Ok(Size(3 << 29)));
        assert_eq!(Size::from_text("2kB"), Ok(Size(2_000)));
        assert_eq!(Size::from_text("0B"), Ok(Size(0)));
        assert!(Size::from_text("512").unwrap_err().message.contains("has no unit"));
        assert!(Size::from_text("512M").unwrap_err().help.unwrap().contains("\"512MiB\""));
        assert!(Size::from_text("512mib").unwrap_err().help.unwrap().contains("\"512MiB\""));
        assert!(Size::from_text("512KB").unwrap_err().help.unwrap().contains("\"512kB\""));
        assert_eq!(Size::from_text("512 apples").unwrap_err().help, None);
        for wrong in
            ["", "MiB", "1..5MiB", "1.MiB", ".5MiB", "1.2345MiB", "-1MiB", "99999999999999999999B", "99999999TiB", "1é"]
        {
            assert!(Size::from_text(wrong).is_err(), "{wrong}");
        }
    }
}

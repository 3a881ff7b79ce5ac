//! Names of steps and triggers, and references to triggers.

use std::ops::Range;

use toml::de::DeValue;

use crate::notes::Notes;
use crate::value::{Fault, Item, Text, Value, describe};

/// A name becomes part of file names, so it is short and plain.
const LONGEST: usize = 40;

/// The name of a step or trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl Text for Name {
    const ALLOWED: &'static str = "a name of a-z, 0-9 and `-`, at most 40 characters, beginning with a letter or digit";

    fn from_text(text: &str) -> Result<Self, Fault> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !text.is_empty() && text.len() <= LONGEST && !text.starts_with('-') && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        let better = plainer(text);
        let help = (!better.is_empty()).then(|| format!("write \"{better}\""));
        Err(Fault { message: format!("\"{text}\" cannot be a name"), help })
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern("^[a-z0-9][a-z0-9-]{0,39}$")
    }
}

/// The text as a name, as near as may be.
fn plainer(text: &str) -> String {
    let dashed = text.to_lowercase().replace(['_', ' ', '.', '/'], "-");
    let plain = dashed.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-');
    plain.collect::<String>().trim_matches('-').chars().take(LONGEST).collect()
}

/// `on`: the triggers a step answers, each with its place.
#[derive(Clone, Debug)]
pub(crate) struct TriggerNames(pub(crate) Vec<(String, Range<usize>)>);

impl Value for TriggerNames {
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self> {
        const ALLOWED: &str = "a list of trigger names, like [\"breach\"]";
        let names = match item.get_ref() {
            DeValue::Array(names) => names,
            DeValue::String(name) => {
                notes
                    .error(&item.span(), format!("found {}", describe(item.get_ref())), ALLOWED)
                    .help(format!("write [\"{name}\"]"));
                return None;
            }
            other => {
                notes.error(&item.span(), format!("found {}", describe(other)), ALLOWED);
                return None;
            }
        };
        if names.is_empty() {
            notes
                .error(&item.span(), "a step that answers no trigger can never run", ALLOWED)
                .help("leave `on` out to answer every trigger");
            return None;
        }
        let read = names.iter().map(|name| match name.get_ref() {
            DeValue::String(text) => Some((text.to_string(), name.span())),
            other => {
                notes.error(&name.span(), format!("found {}", describe(other)), "the name of a trigger");
                None
            }
        });
        // Collected first, so that every wrong one is noted.
        read.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    #[cfg(test)]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": Name::text_schema() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert!(Name::from_text("near-limit").is_ok());
        assert_eq!(Name::from_text("Near_Limit").unwrap_err().help.as_deref(), Some("write \"near-limit\""));
        assert_eq!(Name::from_text("").unwrap_err().help, None);
        assert!(Name::from_text("../x").is_err());
        assert!(Name::from_text(&"a".repeat(41)).is_err());
    }
}

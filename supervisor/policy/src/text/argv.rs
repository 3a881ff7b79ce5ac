//! Programs and their arguments.

use toml::de::DeValue;

use crate::notes::Notes;
use crate::value::{Item, Value, describe};

const ALLOWED: &str = "a list of the program and its arguments, like [\"jcmd\", \"1\", \"Thread.print\"]";

/// A program and its arguments; the program is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argv(pub(crate) Vec<String>);

impl Value for Argv {
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self> {
        let DeValue::Array(parts) = item.get_ref() else {
            let note = notes.error(&item.span(), format!("found {}", describe(item.get_ref())), ALLOWED);
            if let DeValue::String(line) = item.get_ref() {
                let words: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
                note.help(format!("no shell reads it: write [{}]", words.join(", ")));
            }
            return None;
        };
        let read: Vec<Option<String>> = parts.iter().map(|part| argument(part, notes)).collect();
        if read.first().is_none_or(|program| program.as_deref() == Some("")) {
            notes.error(&item.span(), "no program", ALLOWED);
            return None;
        }
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    #[cfg(test)]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "array", "minItems": 1, "items": { "type": "string" } })
    }
}

/// One argument.
fn argument(item: &Item<'_>, notes: &mut Notes) -> Option<String> {
    match item.get_ref() {
        DeValue::String(text) if !text.contains('\0') => return Some(text.to_string()),
        DeValue::String(_) => notes.error(&item.span(), "an argument with a NUL byte", "text without NUL"),
        other => notes.error(&item.span(), format!("found {}", describe(other)), "a string; numbers go in quotes too"),
    };
    None
}

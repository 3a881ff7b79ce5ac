//! Environment variables.

use toml::de::DeValue;

use crate::notes::Notes;
use crate::value::{Item, Value, describe};

/// Variables in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Env(pub(crate) Vec<(String, String)>);

impl Value for Env {
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self> {
        let DeValue::Table(table) = item.get_ref() else {
            let message = format!("found {}", describe(item.get_ref()));
            notes.error(&item.span(), message, "a table of strings, like { GODEBUG = \"madvdontneed=1\" }");
            return None;
        };
        let mut keys: Vec<_> = table.iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        let read: Vec<_> = keys
            .into_iter()
            .map(|(key, item)| {
                let name = key.get_ref();
                if name.is_empty() || name.contains(['=', '\0']) {
                    let allowed = "a name that is not empty, without `=` and NUL";
                    notes.error(&key.span(), format!("\"{name}\" cannot be a variable"), allowed);
                }
                value(item, notes).map(|value| (name.to_string(), value))
            })
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    #[cfg(test)]
    fn schema() -> serde_json::Value {
        let names = serde_json::json!({ "pattern": "^[^=]+$" });
        serde_json::json!({ "type": "object", "propertyNames": names, "additionalProperties": { "type": "string" } })
    }
}

/// The value of one variable.
fn value(item: &Item<'_>, notes: &mut Notes) -> Option<String> {
    match item.get_ref() {
        DeValue::String(text) if !text.contains('\0') => return Some(text.to_string()),
        DeValue::String(_) => notes.error(&item.span(), "a value with a NUL byte", "text without NUL"),
        other => notes.error(&item.span(), format!("found {}", describe(other)), "a string; numbers go in quotes too"),
    };
    None
}

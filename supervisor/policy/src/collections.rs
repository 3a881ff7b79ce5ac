//! Tables with names of the user's choice, and lists of tables.

use std::ops::Range;

use toml::de::DeValue;

use crate::notes::Notes;
use crate::text::name::Name;
use crate::value::{Item, Text, Value, describe};

/// Entries under names of the user's choice, in the order of the text: `[trigger.NAME]`.
#[derive(Clone, Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<Entry<T>>);

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Entry<T> {
    /// Its name.
    pub(crate) name: String,
    /// Where the name is.
    pub(crate) name_at: Range<usize>,
    /// `None` when it is wrong.
    pub(crate) value: Option<T>,
}

impl<T: Value> Value for Named<T> {
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self> {
        let DeValue::Table(table) = item.get_ref() else {
            let allowed = "named tables, like [trigger.breach]";
            notes.error(&item.span(), format!("found {}", describe(item.get_ref())), allowed);
            return None;
        };
        let mut keys: Vec<_> = table.iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        Some(Self(keys.into_iter().map(|(key, value)| entry(key.get_ref(), key.span(), value, notes)).collect()))
    }

    #[cfg(test)]
    fn schema() -> serde_json::Value {
        let names = Name::text_schema();
        serde_json::json!({ "type": "object", "propertyNames": names, "additionalProperties": T::schema() })
    }
}

/// Reads one entry, its name first.
fn entry<T: Value>(name: &str, name_at: Range<usize>, value: &Item<'_>, notes: &mut Notes) -> Entry<T> {
    if let Err(fault) = Name::from_text(name) {
        notes.error(&name_at, fault.message, Name::ALLOWED).help = fault.help;
    }
    Entry { name: name.to_owned(), name_at, value: T::read(value, notes) }
}

/// A list of tables: `[[step]]`.
#[derive(Clone, Debug)]
pub(crate) struct Many<T>(pub(crate) Vec<Option<T>>);

impl<T: Value> Value for Many<T> {
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self> {
        let DeValue::Array(array) = item.get_ref() else {
            notes
                .error(&item.span(), format!("found {}", describe(item.get_ref())), "a list of tables")
                .help("a list of tables has double brackets: `[[step]]`");
            return None;
        };
        Some(Self(array.iter().map(|item| T::read(item, notes)).collect()))
    }

    #[cfg(test)]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "array", "items": T::schema() })
    }
}

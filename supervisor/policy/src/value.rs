//! How values of the tree are read, each by its type. Nothing stops at the first mistake.

use toml::Spanned;
use toml::de::DeValue;

use crate::notes::Notes;

/// A value of the tree with its place.
pub(crate) type Item<'a> = Spanned<DeValue<'a>>;

/// A type of the language.
pub(crate) trait Value: Sized {
    /// Reads `item`. `None` means that what is wrong has been noted.
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self>;

    /// Its JSON Schema.
    #[cfg(test)]
    fn schema() -> serde_json::Value;
}

/// What is wrong with a leaf.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What was found and why it will not do.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) help: Option<String>,
}

impl Fault {
    /// A fault without a way out.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    /// A fault and what to write instead.
    pub(crate) fn with(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: Some(help.into()) }
    }
}

/// A leaf written as a string.
pub(crate) trait Text: Sized {
    /// What is allowed; stands under the caret.
    const ALLOWED: &'static str;

    /// Reads the string.
    fn from_text(text: &str) -> Result<Self, Fault>;

    /// What to say about a value that is not a string.
    fn instead(found: &DeValue<'_>) -> Fault {
        Fault::new(format!("found {}", describe(found)))
    }

    /// Its JSON Schema.
    #[cfg(test)]
    fn text_schema() -> serde_json::Value;
}

/// The JSON Schema of strings that match a regular expression.
#[cfg(test)]
pub(crate) fn pattern(pattern: &str) -> serde_json::Value {
    serde_json::json!({ "type": "string", "pattern": pattern })
}

impl<T: Text> Value for T {
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self> {
        let read = match item.get_ref() {
            DeValue::String(text) => T::from_text(text),
            other => Err(T::instead(other)),
        };
        read.map_err(|fault| {
            let note = notes.error(&item.span(), fault.message, T::ALLOWED);
            note.help = fault.help;
        })
        .ok()
    }

    #[cfg(test)]
    fn schema() -> serde_json::Value {
        T::text_schema()
    }
}

/// A value of the tree in words: "the number 20".
pub(crate) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string \"{text}\""),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(value) => format!("the boolean {value}"),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

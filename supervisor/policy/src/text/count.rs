//! How often: a whole number, at least 1.

use toml::de::DeValue;

use crate::notes::Notes;
use crate::value::{Item, Value, describe};

/// How often, at least once. No count of a policy is larger than this.
pub(crate) type Count = UpTo<1_000>;

/// Connections that may wait.
pub(crate) type Backlog = UpTo<65_535>;

/// A whole number from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UpTo<const MOST: u32>(pub(crate) u32);

impl<const MOST: u32> Value for UpTo<MOST> {
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self> {
        let number = match item.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let sound = number.filter(|number| (1..=MOST).contains(number)).map(Self);
        if sound.is_none() {
            let message = format!("found {}", describe(item.get_ref()));
            notes.error(&item.span(), message, format!("a whole number from 1 to {MOST}"));
        }
        sound
    }

    #[cfg(test)]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "integer", "minimum": 1, "maximum": MOST })
    }
}

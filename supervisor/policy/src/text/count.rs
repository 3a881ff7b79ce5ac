//! How often: a whole number, at least 1.

use toml::de::DeValue;

use crate::notes::Notes;
use crate::value::{Item, Value, describe};

/// No count of a policy is larger.
const MOST: u32 = 1_000;

/// How often, at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u32);

impl Value for Count {
    fn read(item: &Item<'_>, notes: &mut Notes) -> Option<Self> {
        let number = match item.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let sound = number.filter(|number| (1..=MOST).contains(number)).map(Self);
        if sound.is_none() {
            let message = format!("found {}", describe(item.get_ref()));
            notes.error(&item.span(), message, "a whole number from 1 to 1000");
        }
        sound
    }

    #[cfg(test)]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "integer", "minimum": 1, "maximum": MOST })
    }
}

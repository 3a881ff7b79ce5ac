//! What grew between two profiles: the model of `difference.json`.

use serde::{Deserialize, Serialize};

use crate::format::Format;

/// What grew between two profiles of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What both are.
    pub format: Format,
    /// All of the profile of the healthy service.
    pub before: Total,
    /// All of the later profile.
    pub after: Total,
    /// What grew most, first the one that gained most bytes; at most [`MOST`].
    pub growers: Vec<Grower>,
}

/// So many growers are kept.
pub const MOST: usize = 50;

/// Sum over a whole profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Bytes in use.
    pub bytes: u64,
    /// Objects in use.
    pub objects: u64,
}

/// A place or a type that holds more than it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grower {
    /// The function, line, class or constructor, as the runtime calls it.
    pub site: String,
    /// The calls that led there, outermost first, with the site itself last. One entry where the format knows no stacks.
    pub stack: Vec<String>,
    /// Before.
    pub before: Total,
    /// After.
    pub after: Total,
}

impl Grower {
    /// Bytes gained.
    pub fn gained(&self) -> i64 {
        self.after.bytes.cast_signed().saturating_sub(self.before.bytes.cast_signed())
    }
}

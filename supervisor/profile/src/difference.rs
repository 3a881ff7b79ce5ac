//! What grew between two profiles: the model of `difference.json`.

use serde::{Deserialize, Serialize};

use crate::blame::{self, Part};
use crate::comparison::Comparison;
use crate::format::Format;
use crate::profile::Profile;

/// What grew between two profiles of one service. Without `before`, or where it is of another format, all counts as gained.
///
/// A grower is called by the innermost call that is neither an allocator nor a container of the standard library: see
/// [`Grower::site`]. Who also wants the flame graph is faster with a [`Comparison`].
pub fn difference(before: Option<&Profile>, after: &Profile) -> Difference {
    Comparison::new(before, after).difference()
}

/// What grew between two profiles of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What both are.
    pub format: Format,
    /// All of the profile of the healthy service.
    pub before: Total,
    /// All of the later profile.
    pub after: Total,
    /// What grew most, first the one that gained most bytes; at most [`MOST`]. Some that are the program's own are always
    /// among them, however much the runtime's types outgrow them.
    pub growers: Vec<Grower>,
}

impl Difference {
    /// Who to name when only a few can be named, first the most likely: what gained most, even if it is a type that the
    /// runtime itself has, such as `byte[]`, and then only what is the program's own. Of the growers, some may be neither.
    pub fn suspects(&self) -> impl Iterator<Item = &Grower> {
        let own = |grower: &Grower| blame::part(self.format, &grower.site) == Part::Own;
        self.growers
            .iter()
            .enumerate()
            .filter(move |(place, grower)| *place == 0 || own(grower))
            .map(|(_, grower)| grower)
    }
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

impl Total {
    /// Adds another.
    pub(crate) fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.objects = self.objects.saturating_add(other.objects);
    }
}

/// A place or a type that holds more than it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grower {
    /// The function, line, class or constructor, as the runtime calls it: of a stack, the innermost call that is not
    /// machinery, which asks for memory on behalf of everybody.
    pub site: String,
    /// The calls that led there, outermost first, with the site itself last. One entry where the format knows no stacks.
    /// Where several stacks lead there, the one that gained most.
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

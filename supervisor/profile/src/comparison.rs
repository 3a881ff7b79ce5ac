//! Two profiles laid over each other, stack by stack.

mod growers;

use crate::difference::{Difference, Total};
use crate::format::Format;
use crate::names::{Name, Names};
use crate::profile::Profile;
use crate::tree::{Call, Tree};

/// Two profiles laid over each other: the work that a difference and a flame graph share.
pub struct Comparison {
    pub(crate) format: Format,
    pub(crate) names: Names,
    pub(crate) tree: Tree<Change>,
    pub(crate) total: Change,
}

/// What was held before and is held after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub before: Total,
    pub after: Total,
}

impl Change {
    /// Bytes gained.
    pub(crate) fn gained(&self) -> i128 {
        i128::from(self.after.bytes) - i128::from(self.before.bytes)
    }

    /// Objects gained.
    pub(crate) fn gained_objects(&self) -> i128 {
        i128::from(self.after.objects) - i128::from(self.before.objects)
    }

    /// Adds another.
    pub(crate) fn add(&mut self, other: Self) {
        self.before.add(other.before);
        self.after.add(other.after);
    }
}

impl Comparison {
    /// Lays two profiles over each other. A `before` of another format is as good as none.
    pub fn new(before: Option<&Profile>, after: &Profile) -> Self {
        let before = before.filter(|before| before.format() == after.format());
        let mut comparison = Self {
            format: after.format(),
            names: Names::default(),
            tree: Tree::new(),
            total: Change { before: before.map(Profile::total).unwrap_or_default(), after: after.total() },
        };
        comparison.lay(after, |change| &mut change.after);
        if let Some(before) = before {
            comparison.lay(before, |change| &mut change.before);
        }
        comparison.tree.finish();
        comparison
    }

    /// What grew: see [`crate::difference()`].
    pub fn difference(&self) -> Difference {
        Difference {
            format: self.format,
            before: self.total.before,
            after: self.total.after,
            growers: growers::growers(self),
        }
    }

    fn lay(&mut self, profile: &Profile, side: fn(&mut Change) -> &mut Total) {
        let names: Vec<Name> = profile.names().texts().map(|text| self.names.number(text)).collect();
        let mut places = Vec::with_capacity(profile.stacks().len());
        for call in profile.stacks().calls() {
            let place = self.place(profile.stacks(), call, &names, &places);
            places.push(place);
            side(self.tree.value_mut(place)).add(profile.stacks().value(call));
        }
    }

    /// Where a call of a profile is here. Its caller has its place already.
    fn place(&mut self, stacks: &Tree<Total>, call: Call, names: &[Name], places: &[Call]) -> Call {
        let Some(name) = stacks.name(call).map(|name| names[name.index()]) else {
            return Call::ROOT;
        };
        let caller = places[stacks.caller(call).index()];
        let place = self.tree.called(caller, name).or_else(|| self.tree.called(Call::ROOT, name));
        place.unwrap_or(Call::ROOT)
    }
}

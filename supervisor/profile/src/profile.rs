//! The form into which every profile is read.

use crate::difference::Total;
use crate::format::Format;
use crate::names::{Name, Names};
use crate::tree::{Call, Tree};

/// A stack deeper than this keeps its innermost calls only: deep recursion says the same thing again and again.
pub(crate) const DEEPEST: usize = 512;

/// What a process held in memory, by the stack that asked for it or, where the runtime knows no stacks, by type.
#[derive(Clone, Debug)]
pub struct Profile {
    format: Format,
    names: Names,
    stacks: Tree<Total>,
    total: Total,
}

impl Profile {
    /// A profile that holds nothing yet.
    pub fn new(format: Format) -> Self {
        Self { format, names: Names::default(), stacks: Tree::new(), total: Total::default() }
    }

    /// A profile without stacks: what each type, class or constructor holds. A name that comes twice is added up.
    pub fn of_types<'a>(format: Format, types: impl IntoIterator<Item = (&'a str, Total)>) -> Self {
        let mut profile = Self::new(format);
        for (name, total) in types {
            let name = profile.name(name);
            profile.add(&[name], total);
        }
        profile
    }

    /// What it was read from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// All it holds.
    pub fn total(&self) -> Total {
        self.total
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.stacks.len() == 1
    }

    /// The number of a function, line or type, to be used with [`Self::add`].
    pub(crate) fn name(&mut self, text: &str) -> Name {
        self.names.number(text)
    }

    /// Adds what a stack holds, given from the outermost call.
    pub(crate) fn add(&mut self, stack: &[Name], held: Total) {
        let stack = self.stack(stack);
        self.hold(stack, held);
    }

    /// The innermost call of a stack, given from the outermost.
    pub(crate) fn stack(&mut self, stack: &[Name]) -> Call {
        let kept = &stack[stack.len().saturating_sub(DEEPEST)..];
        self.stacks.stack(kept.iter().copied())
    }

    /// Adds what the stack with this innermost call holds.
    pub(crate) fn hold(&mut self, stack: Call, held: Total) {
        self.stacks.value_mut(stack).add(held);
        self.total.add(held);
    }

    /// Its names.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Its stacks.
    pub(crate) fn stacks(&self) -> &Tree<Total> {
        &self.stacks
    }

    /// The same in as little memory as it takes, once nothing is added any more.
    pub(crate) fn finished(mut self) -> Self {
        self.stacks.finish();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_is_added_up() {
        let held = Total { bytes: 100, objects: 2 };
        let profile = Profile::of_types(Format::JvmHistogram, [("byte[]", held), ("Session", held), ("byte[]", held)]);
        assert_eq!(profile.total(), Total { bytes: 300, objects: 6 });
        assert_eq!(profile.stacks().len(), 3, "two and the root");
    }

    #[test]
    fn of_a_deep_stack_the_innermost_calls_are_kept() {
        let mut profile = Profile::new(Format::Pprof);
        let (deep, leak) = (profile.name("deep"), profile.name("leak"));
        let mut stack = vec![deep; 10_000];
        stack.push(leak);
        profile.add(&stack, Total { bytes: 1, objects: 1 });
        assert_eq!(profile.stacks().len(), DEEPEST + 1);
        let innermost = profile.stacks().calls().next_back().unwrap();
        assert_eq!(profile.stacks().name(innermost), Some(leak));
    }
}

//! Stacks as a tree: what several have in common from the outermost call on is kept once.

use std::collections::HashMap;

use crate::names::Name;

/// So many calls exist at most in a tree, which bounds its memory to some 200 MB. The largest real profiles have a tenth.
pub(crate) const MOST_CALLS: usize = 4 << 20;

/// A call in a tree. Those of one stack have rising numbers from the outermost inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Call(u32);

impl Call {
    /// What all stacks begin with. It has no name.
    pub(crate) const ROOT: Self = Self(0);

    /// Position in a list that has an entry for each call.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Calls, each with a value of its own: that of the stacks that end with it.
#[derive(Clone, Debug)]
pub(crate) struct Tree<V> {
    calls: Vec<Entry>,
    values: Vec<V>,
    /// What a call calls besides the first.
    others: HashMap<(Call, Name), Call>,
    most: usize,
}

/// Most calls call one function only, and so are followed without looking anything up.
#[derive(Clone, Copy, Debug)]
struct Entry {
    caller: Call,
    name: Name,
    /// The first that this one was seen to call; the root where there is none, which nobody calls.
    first: Call,
}

impl<V: Copy + Default> Tree<V> {
    /// A tree of no stacks.
    pub(crate) fn new() -> Self {
        Self::with_most(MOST_CALLS)
    }

    fn with_most(most: usize) -> Self {
        let root = Entry { caller: Call::ROOT, name: Name::NONE, first: Call::ROOT };
        Self { calls: vec![root], values: vec![V::default()], others: HashMap::new(), most }
    }

    /// The call of a function from another call; none where there would be too many.
    pub(crate) fn called(&mut self, caller: Call, name: Name) -> Option<Call> {
        let first = self.calls[caller.index()].first;
        if first == Call::ROOT {
            let call = self.add(caller, name)?;
            self.calls[caller.index()].first = call;
            Some(call)
        } else if self.calls[first.index()].name == name {
            Some(first)
        } else if let Some(known) = self.others.get(&(caller, name)) {
            Some(*known)
        } else {
            let call = self.add(caller, name)?;
            self.others.insert((caller, name), call);
            Some(call)
        }
    }

    fn add(&mut self, caller: Call, name: Name) -> Option<Call> {
        if self.calls.len() >= self.most && caller != Call::ROOT {
            return None;
        }
        let call = Call(u32::try_from(self.calls.len()).ok()?);
        self.calls.push(Entry { caller, name, first: Call::ROOT });
        self.values.push(V::default());
        Some(call)
    }

    /// The innermost call of a stack, given from the outermost. Where there are too many calls, the innermost function
    /// alone: it still says where memory was asked for.
    pub(crate) fn stack(&mut self, stack: impl DoubleEndedIterator<Item = Name> + Clone) -> Call {
        let mut call = Call::ROOT;
        for name in stack.clone() {
            let Some(inner) = self.called(call, name) else {
                return stack.last().and_then(|name| self.called(Call::ROOT, name)).unwrap_or(Call::ROOT);
            };
            call = inner;
        }
        call
    }

    /// The value of a call's own.
    pub(crate) fn value(&self, call: Call) -> V {
        self.values[call.index()]
    }

    /// The same, to change it.
    pub(crate) fn value_mut(&mut self, call: Call) -> &mut V {
        &mut self.values[call.index()]
    }

    /// What a call calls; none for the root.
    pub(crate) fn name(&self, call: Call) -> Option<Name> {
        Some(self.calls[call.index()].name).filter(|name| *name != Name::NONE)
    }

    /// Who calls; the root for the root.
    pub(crate) fn caller(&self, call: Call) -> Call {
        self.calls[call.index()].caller
    }

    /// How many calls there are, with the root.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// All of them, callers before what they call.
    pub(crate) fn calls(&self) -> impl DoubleEndedIterator<Item = Call> + use<V> {
        (0..u32::try_from(self.calls.len()).unwrap_or(u32::MAX)).map(Call)
    }

    /// A call, its caller, and so on to the outermost.
    pub(crate) fn outwards(&self, from: Call) -> impl Iterator<Item = (Call, Name)> {
        std::iter::successors(Some(from), |call| Some(self.caller(*call)))
            .map_while(|call| Some((call, self.name(call)?)))
    }

    /// Gives back what only building needs.
    pub(crate) fn finish(&mut self) {
        self.others = HashMap::new();
        self.calls.shrink_to_fit();
        self.values.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;

    fn names() -> [Name; 3] {
        let mut names = Names::default();
        ["main", "serve", "leak"].map(|text| names.number(text))
    }

    #[test]
    fn stacks_share_what_they_begin_with() {
        let [main, serve, leak] = names();
        let mut tree = Tree::<u64>::new();
        let short = tree.stack([main, serve].into_iter());
        let long = tree.stack([main, serve, leak].into_iter());
        assert_eq!(tree.caller(long), short);
        assert_eq!(tree.len(), 4, "three and the root");
        assert_eq!(tree.outwards(long).map(|(_, name)| name).collect::<Vec<_>>(), [leak, serve, main]);
        assert_eq!(tree.stack(std::iter::empty()), Call::ROOT);
    }

    #[test]
    fn where_there_are_too_many_calls_the_innermost_function_is_kept_alone() {
        let [main, serve, leak] = names();
        let mut tree = Tree::<u64>::with_most(3);
        let first = tree.stack([main, serve].into_iter());
        let second = tree.stack([main, serve, leak].into_iter());
        assert_eq!(tree.caller(first), Call(1));
        assert_eq!(tree.caller(second), Call::ROOT);
        assert_eq!(tree.name(second), Some(leak));
    }
}

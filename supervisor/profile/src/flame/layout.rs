//! Which bars there are, and where.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::comparison::Change;
use crate::tree::{Call, Tree};

/// A bar narrower than this share of the whole is left out: it would be less than a pixel on most screens.
pub(super) const NARROWEST: f64 = 0.001;

/// So many bars at most; of more, the widest. It bounds the file to half a megabyte.
const MOST_BARS: usize = 2500;

/// So many rows at most. Deeper calls are left out.
const MOST_ROWS: usize = 128;

/// Where the bars are.
pub(super) struct Layout {
    /// From the top row down, in each from the left. The first is the whole.
    pub bars: Vec<Bar>,
    /// How many rows there are.
    pub rows: usize,
    /// How many bars are left out.
    pub left_out: usize,
}

/// A call and what it called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bar {
    pub call: Call,
    pub row: usize,
    /// Where it begins, as a share of the whole.
    pub begin: f64,
    /// How wide it is, likewise.
    pub width: f64,
    pub before: u64,
    pub after: u64,
}

impl Layout {
    /// Lays out a tree of which something is held.
    pub(super) fn of(tree: &Tree<Change>) -> Self {
        let sums = sums(tree);
        let held = tree.calls().filter(|call| sums[call.index()].after > 0).count();
        let bars = place(tree, &sums, widest(tree, &sums));
        Self { rows: bars.iter().map(|bar| bar.row + 1).max().unwrap_or(0), left_out: held - bars.len(), bars }
    }
}

/// Bytes of a call and all that it called.
#[derive(Clone, Copy, Default)]
struct Sum {
    before: u64,
    after: u64,
}

fn sums(tree: &Tree<Change>) -> Vec<Sum> {
    let mut sums: Vec<Sum> = tree
        .calls()
        .map(|call| tree.value(call))
        .map(|change| Sum { before: change.before.bytes, after: change.after.bytes })
        .collect();
    for call in tree.calls().rev().filter(|call| *call != Call::ROOT) {
        let sum = sums[call.index()];
        let caller = &mut sums[tree.caller(call).index()];
        caller.before = caller.before.saturating_add(sum.before);
        caller.after = caller.after.saturating_add(sum.after);
    }
    sums
}

/// The calls to show: with each its caller, which is no narrower.
fn widest(tree: &Tree<Change>, sums: &[Sum]) -> Vec<Call> {
    let after = |call: &Call| sums[call.index()].after;
    let narrowest = (after(&Call::ROOT) as f64 * NARROWEST).ceil().max(1.0) as u64;
    let mut calls: Vec<Call> = tree.calls().filter(|call| after(call) >= narrowest).collect();
    if calls.len() > MOST_BARS {
        // Of equals, a caller has the lower number, and so is kept before what it calls.
        calls.select_nth_unstable_by_key(MOST_BARS, |call| (Reverse(after(call)), *call));
        calls.truncate(MOST_BARS);
    }
    // Callers before what they call, and what one calls from the widest down.
    calls.sort_unstable_by_key(|call| (tree.caller(*call), Reverse(after(call)), *call));
    calls
}

fn place(tree: &Tree<Change>, sums: &[Sum], calls: Vec<Call>) -> Vec<Bar> {
    let whole = sums[Call::ROOT.index()].after as f64;
    // Row, and where the next call begins.
    let mut below: BTreeMap<Call, (usize, f64)> = BTreeMap::new();
    let mut bars = Vec::with_capacity(calls.len());
    for call in calls {
        let Sum { before, after } = sums[call.index()];
        let width = after as f64 / whole;
        let (row, begin) = match below.get_mut(&tree.caller(call)).filter(|_| call != Call::ROOT) {
            Some((row, next)) => (*row, std::mem::replace(next, *next + width)),
            None if call == Call::ROOT => (0, 0.0),
            None => continue,
        };
        bars.push(Bar { call, row, begin, width, before, after });
        if row + 1 < MOST_ROWS {
            below.insert(call, (row + 1, begin));
        }
    }
    bars.sort_by(|one, other| one.row.cmp(&other.row).then(one.begin.total_cmp(&other.begin)));
    bars
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Comparison;
    use crate::difference::Total;
    use crate::format::Format;
    use crate::profile::Profile;

    fn comparison(stacks: &[(&[&str], u64)]) -> Comparison {
        let mut profile = Profile::new(Format::Pprof);
        for (stack, bytes) in stacks {
            let stack: Vec<_> = stack.iter().map(|name| profile.name(name)).collect();
            profile.add(&stack, Total { bytes: *bytes, objects: 1 });
        }
        Comparison::new(None, &profile)
    }

    fn places(comparison: &Comparison, layout: &Layout) -> Vec<(String, usize, f64, f64)> {
        let name = |call| comparison.tree.name(call).map_or("all", |name| comparison.names.text(name)).to_owned();
        layout.bars.iter().map(|bar| (name(bar.call), bar.row, bar.begin, bar.width)).collect()
    }

    #[test]
    fn calls_hang_below_their_caller_the_widest_first() {
        let comparison =
            comparison(&[(&["main"], 1), (&["main", "small"], 1), (&["main", "large"], 2), (&["other"], 4)]);
        let layout = Layout::of(&comparison.tree);
        let wanted = [
            ("all", 0, 0.0, 1.0),
            ("main", 1, 0.0, 0.5),
            ("other", 1, 0.5, 0.5),
            ("large", 2, 0.0, 0.25),
            ("small", 2, 0.25, 0.125),
        ];
        assert_eq!(
            places(&comparison, &layout),
            wanted.map(|(name, row, begin, width)| (name.to_owned(), row, begin, width))
        );
        assert_eq!((layout.rows, layout.left_out), (3, 0));
    }

    #[test]
    fn what_is_too_narrow_is_left_out_and_counted() {
        let layout = Layout::of(&comparison(&[(&["large"], 9981), (&["enough"], 10), (&["narrow", "inner"], 9)]).tree);
        assert_eq!((layout.bars.len(), layout.left_out), (3, 2));
    }

    #[test]
    fn of_too_many_the_widest_are_drawn_and_none_without_its_caller() {
        let names: Vec<String> = (0..120).map(|number| format!("f{number}")).collect();
        let stacks: Vec<Vec<&str>> = (0..900)
            .map(|at| (0..100).map(|depth| names[(at + depth) % 120].as_str()).chain([&*names[at % 113]]).collect())
            .collect();
        let stacks: Vec<(&[&str], u64)> = stacks.iter().map(|stack| (stack.as_slice(), 1000)).collect();
        let comparison = comparison(&stacks);
        let layout = Layout::of(&comparison.tree);
        assert_eq!(layout.bars.len(), MOST_BARS);
        assert!(layout.left_out > 0);
        for bar in &layout.bars {
            assert!(layout.bars.iter().any(|other| other.call == comparison.tree.caller(bar.call)));
        }
    }

    #[test]
    fn deep_recursion_ends_at_the_last_row() {
        let layout = Layout::of(&comparison(&[(&["deep"; 500], 1)]).tree);
        assert_eq!(layout.rows, MOST_ROWS);
        assert_eq!(layout.left_out, 501 - MOST_ROWS);
    }
}

//! Stacks as pprof has them: what was inlined is one location with several lines.

use std::collections::HashMap;

use highwater_profile::pprof::message::{self, Line, Location};

use super::frames::{Code, Frame};
use super::strings::Strings;

/// A program has not more places than this that allocate or lead there.
const MOST_FRAMES: usize = 1 << 18;
const MOST_BYTES: usize = 1 << 26;

/// The locations and functions of all stacks seen so far.
pub(super) struct Stacks<'a> {
    code: Code<'a>,
    pub(super) strings: Strings,
    frames: HashMap<u64, Frame>,
    numbers: HashMap<Vec<u64>, u64>,
    named: HashMap<i64, u64>,
    pub(super) locations: Vec<Location>,
    pub(super) functions: Vec<message::Function>,
}

impl<'a> Stacks<'a> {
    pub(super) fn new(code: Code<'a>) -> Self {
        Self {
            code,
            strings: Strings::new(),
            frames: HashMap::new(),
            numbers: HashMap::new(),
            named: HashMap::new(),
            locations: Vec::new(),
            functions: Vec::new(),
        }
    }

    /// Whether there are too many places for a real program.
    pub(super) fn is_full(&self) -> bool {
        self.frames.len() >= MOST_FRAMES || self.strings.bytes() >= MOST_BYTES
    }

    /// The locations of a stack, without the runtime's own calls at its inner end unless there is nothing else.
    pub(super) fn locations(&mut self, stack: &[u64]) -> Vec<u64> {
        let inner = stack.iter().position(|&address| !self.frame(address).is_runtime).unwrap_or(0);
        let shown = self.merged(&stack[inner..]);
        if shown.is_empty() { self.merged(stack) } else { shown }
    }

    fn merged(&mut self, stack: &[u64]) -> Vec<u64> {
        let cut_off = stack.last().map(|&last| self.code.cut_off(last)).unwrap_or_default();
        let (mut locations, mut open) = (Vec::new(), Vec::<(u64, Frame)>::new());
        for &address in stack.iter().chain(&cut_off) {
            let frame = self.frame(address);
            if !open.last().is_some_and(|(_, inner)| is_inlined_in(inner, &frame)) {
                locations.extend(self.location(&open));
                open.clear();
            }
            if !frame.is_root {
                open.push((address, frame));
            }
        }
        locations.extend(self.location(&open));
        locations
    }

    fn frame(&mut self, address: u64) -> Frame {
        let (code, strings) = (&self.code, &mut self.strings);
        *self.frames.entry(address).or_insert_with(|| code.frame(address, strings))
    }

    /// The number of the location of calls that are one in the code, the innermost first.
    fn location(&mut self, calls: &[(u64, Frame)]) -> Option<u64> {
        let address = calls.first()?.1.address;
        let key: Vec<u64> = calls.iter().map(|(address, _)| *address).collect();
        if let Some(&number) = self.numbers.get(&key) {
            return Some(number);
        }
        let known = calls.iter().filter(|(_, frame)| frame.function.is_some());
        let line = known.map(|(_, frame)| self.line(frame)).collect();
        let id = self.locations.len() as u64 + 1;
        self.locations.push(Location { id, address, line, ..Location::default() });
        self.numbers.insert(key, id);
        Some(id)
    }

    fn line(&mut self, frame: &Frame) -> Line {
        let next = self.named.len() as u64 + 1;
        let function_id = *self.named.entry(frame.name).or_insert(next);
        if function_id == next {
            self.functions.push(message::Function {
                id: next,
                name: frame.name,
                system_name: frame.name,
                filename: frame.file,
                start_line: i64::from(frame.start_line),
            });
        }
        Line { function_id, line: i64::from(frame.line) }
    }
}

/// Whether a call was inlined in the next one of the stack. One function cannot be inlined in itself.
fn is_inlined_in(inner: &Frame, outer: &Frame) -> bool {
    inner.is_inlined && inner.function.is_some() && inner.function == outer.function && inner.name != outer.name
}

#[cfg(test)]
mod tests {
    use super::super::bytes::tests::blocks;
    use super::super::sample::{self, TEXT};
    use super::*;

    /// The names of the lines of each location of a stack.
    fn named(stack: &[u64]) -> Vec<Vec<String>> {
        let file = blocks(&sample::image());
        let mut stacks = Stacks::new(sample::code(&file).unwrap());
        let stack: Vec<u64> = stack.iter().map(|at| TEXT + at).collect();
        let numbers = stacks.locations(&stack);
        assert_eq!(numbers, stacks.locations(&stack), "the same stack has other locations");
        let names: Vec<&str> = stacks.strings.all().collect();
        let function = |id: u64| names[stacks.functions[id as usize - 1].name as usize].to_owned();
        let location = |&id: &u64| &stacks.locations[id as usize - 1];
        let lines = |id: &u64| location(id).line.iter().map(|line| function(line.function_id)).collect();
        numbers.iter().map(lines).collect()
    }

    #[test]
    fn the_runtime_is_left_out_and_what_was_inlined_is_one_location() {
        let stack = [0x20, 0x125, 0x111, 0x110, 0x138, 0x150];
        assert_eq!(named(&stack), [vec!["main.smaller", "main.small", "main.leak"], vec!["main.leak"]]);
    }

    #[test]
    fn a_stack_that_was_cut_within_a_location_is_completed() {
        assert_eq!(named(&[0x125]), [["main.smaller", "main.small", "main.leak"]]);
    }

    #[test]
    fn the_runtime_alone_is_shown_and_what_is_unknown_has_no_lines() {
        assert_eq!(named(&[0x20, 0x30]), [["runtime.mallocgc"], ["runtime.mallocgc"]]);
        assert_eq!(named(&[0x1000, 0x150]), [[""; 0]]);
    }
}

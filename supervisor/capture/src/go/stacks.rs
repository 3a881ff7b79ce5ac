//! Stacks as pprof has them: what was inlined is one location with several lines.

use std::collections::HashMap;

use highwater_profile::pprof::message::{self, Line, Location};

use super::frames::{Code, Frame};
use super::strings::Strings;

/// A program has not more places than this that allocate or lead there.
const MOST_FRAMES: usize = 1 << 18;

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
        self.frames.len() >= MOST_FRAMES
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

//! What the tuples of a snapshot mean: frames, stacks, and traces of living blocks.

use crate::difference::Total;
use crate::names::Name;
use crate::profile::Profile;
use crate::read::Problem;
use crate::tree::Call;

/// A value on the way to a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A size, a line, and others.
    Number(u64),
    /// A text, by its number.
    Text(usize),
    /// File and line.
    Frame(Name),
    /// The stack of a block.
    Stack(Call),
    /// Where the items of a tuple or list begin.
    Mark,
    /// What is of no use here.
    Other,
}

/// Adds traces to a profile as soon as they are whole.
pub(super) struct Traces<'a> {
    profile: &'a mut Profile,
    texts: Vec<Box<str>>,
    text_bytes: usize,
    frames: Vec<Name>,
}

impl<'a> Traces<'a> {
    /// A text is cut to so many bytes. A path has no more.
    pub(super) const LONGEST_TEXT: u64 = 4096;

    /// All texts have no more bytes. Each file has one.
    const MOST_TEXT_BYTES: usize = 64 << 20;

    /// Adds to this profile.
    pub(super) fn new(profile: &'a mut Profile) -> Self {
        Self { profile, texts: Vec::new(), text_bytes: 0, frames: Vec::new() }
    }

    /// Keeps a text: it may be the name of a file.
    pub(super) fn text(&mut self, text: &str) -> Result<Value, Problem> {
        // What it costs to keep an empty one counts too.
        self.text_bytes += text.len() + size_of::<Box<str>>();
        if self.text_bytes > Self::MOST_TEXT_BYTES {
            return Err(Problem::malformed("it has more than 64 MiB of names"));
        }
        self.texts.push(text.into());
        Ok(Value::Text(self.texts.len() - 1))
    }

    /// What a tuple is. A trace is added to the profile, and then of no more use.
    ///
    /// A trace has its domain, since Python 3.6, its size, its frames and, since 3.9, how deep the stack really was.
    pub(super) fn tuple(&mut self, items: &[Value]) -> Value {
        match items {
            [Value::Text(file), Value::Number(line)] => self.frame(*file, *line),
            [Value::Frame(_), ..] => self.stack(items),
            [Value::Number(size), Value::Stack(stack)]
            | [Value::Number(_), Value::Number(size), Value::Stack(stack)]
            | [Value::Number(_), Value::Number(size), Value::Stack(stack), Value::Number(_)] => {
                self.profile.hold(*stack, Total { bytes: *size, objects: 1 });
                Value::Other
            }
            _ => Value::Other,
        }
    }

    fn frame(&mut self, file: usize, line: u64) -> Value {
        let place = format!("{}:{line}", self.texts.get(file).map_or("?", AsRef::as_ref));
        Value::Frame(self.profile.name(&place))
    }

    /// Frames come innermost first.
    fn stack(&mut self, items: &[Value]) -> Value {
        self.frames.clear();
        for item in items.iter().rev() {
            let Value::Frame(frame) = item else { return Value::Other };
            self.frames.push(*frame);
        }
        Value::Stack(self.profile.stack(&self.frames))
    }
}

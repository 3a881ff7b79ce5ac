//! The machine of which a pickle is the program, as far as a snapshot needs it.
//!
//! It builds nothing but what [`Traces`] makes of texts, numbers and tuples: no class is looked up, nothing is called. What
//! stands for an object of any other kind is only there so that the others are found where they belong.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use crate::read::Problem;
use crate::tracemalloc::traces::{Traces, Value};

/// So many values are kept at a time, which bounds memory: a snapshot hands its traces over a thousand at a time.
const MOST_VALUES: usize = 4 << 20;

/// Runs a pickle to its end.
pub(super) fn read(reader: impl BufRead, traces: &mut Traces<'_>) -> Result<(), Problem> {
    let mut machine = Machine { reader, stack: Vec::new(), memo: HashMap::new(), memoized: 0 };
    while machine.step(traces)? {}
    Ok(())
}

struct Machine<R> {
    reader: R,
    stack: Vec<Value>,
    /// What may be asked for again. What is of no use is not kept, but counted.
    memo: HashMap<u64, Value>,
    memoized: u64,
}

impl<R: BufRead> Machine<R> {
    /// One instruction; whether there is another. Their names in the language's documentation stand behind.
    fn step(&mut self, traces: &mut Traces<'_>) -> Result<bool, Problem> {
        match self.number(1)? as u8 {
            b'.' => return Ok(false),                                                      // STOP
            0x80 => self.skip(1)?,                                                         // PROTO
            0x95 => self.skip(8)?,                                                         // FRAME
            b'(' => self.push(Value::Mark)?,                                               // MARK
            b'K' => self.push_number(1)?,                                                  // BININT1
            b'M' => self.push_number(2)?,                                                  // BININT2
            b'J' => self.push_number(4)?,                                                  // BININT
            0x8a => self.push_long(1)?,                                                    // LONG1
            0x8c => self.push_text(1, traces)?,                                            // SHORT_BINUNICODE
            b'X' => self.push_text(4, traces)?,                                            // BINUNICODE
            0x8d => self.push_text(8, traces)?,                                            // BINUNICODE8
            b')' | b']' | b'}' | b'N' | 0x88 | 0x89 => self.push(Value::Other)?, // EMPTY_*, NONE, NEWTRUE, NEWFALSE
            b'G' => self.skip(8).and_then(|()| self.push(Value::Other))?,        // BINFLOAT
            0x85 => self.tuple_of(1, traces)?,                                   // TUPLE1
            0x86 => self.tuple_of(2, traces)?,                                   // TUPLE2
            0x87 => self.tuple_of(3, traces)?,                                   // TUPLE3
            b't' => self.marked().and_then(|begin| self.tuple(begin + 1, begin, traces))?, // TUPLE
            b'e' | b'u' => self.marked().map(|begin| self.stack.truncate(begin))?, // APPENDS, SETITEMS
            b'a' | b'b' | b'0' => self.drop(1)?,                                 // APPEND, BUILD, POP
            b's' => self.drop(2)?,                                               // SETITEM
            0x93 | 0x81 | b'R' => self.drop(2).and_then(|()| self.push(Value::Other))?, // STACK_GLOBAL, NEWOBJ, REDUCE
            b'c' => self.global()?,                                              // GLOBAL
            0x94 => self.memoize(self.memoized)?,                                // MEMOIZE
            b'q' => self.number(1).and_then(|at| self.memoize(at))?,             // BINPUT
            b'r' => self.number(4).and_then(|at| self.memoize(at))?,             // LONG_BINPUT
            b'h' => self.number(1).and_then(|at| self.recall(at))?,              // BINGET
            b'j' => self.number(4).and_then(|at| self.recall(at))?,              // LONG_BINGET
            other => {
                return Err(Problem::malformed(format!("a snapshot has no use for the pickle instruction {other:#x}")));
            }
        }
        Ok(true)
    }

    /// A number of so many bytes, the lowest first.
    fn number(&mut self, bytes: usize) -> Result<u64, Problem> {
        let mut number = [0; 8];
        self.reader.read_exact(&mut number[..bytes])?;
        Ok(u64::from_le_bytes(number))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Problem> {
        match io::copy(&mut self.reader.by_ref().take(bytes), &mut io::sink())? {
            skipped if skipped < bytes => Err(Problem::Truncated),
            _ => Ok(()),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), Problem> {
        if self.stack.len() >= MOST_VALUES {
            return Err(Problem::malformed("it stacks more than four million values"));
        }
        self.stack.push(value);
        Ok(())
    }

    fn push_number(&mut self, bytes: usize) -> Result<(), Problem> {
        let number = self.number(bytes)?;
        self.push(Value::Number(number))
    }

    /// A number of any length. Sizes and lines have no more than eight bytes.
    fn push_long(&mut self, length: usize) -> Result<(), Problem> {
        match self.number(length)? {
            bytes @ 0..=8 => self.push_number(bytes as usize),
            bytes => self.skip(bytes).and_then(|()| self.push(Value::Other)),
        }
    }

    fn push_text(&mut self, length: usize, traces: &mut Traces<'_>) -> Result<(), Problem> {
        let length = self.number(length)?;
        let mut text = Vec::new();
        self.reader.by_ref().take(length.min(Traces::LONGEST_TEXT)).read_to_end(&mut text)?;
        self.skip(length - text.len() as u64)?;
        let text = traces.text(&String::from_utf8_lossy(&text))?;
        self.push(text)
    }

    fn tuple_of(&mut self, items: usize, traces: &mut Traces<'_>) -> Result<(), Problem> {
        let begin = self.stack.len().checked_sub(items).ok_or_else(underflow)?;
        self.tuple(begin, begin, traces)
    }

    /// Puts a tuple in the place of its items, and of all from `keep` on.
    fn tuple(&mut self, begin: usize, keep: usize, traces: &mut Traces<'_>) -> Result<(), Problem> {
        let tuple = traces.tuple(&self.stack[begin..]);
        self.stack.truncate(keep);
        self.push(tuple)
    }

    /// Where the last mark is.
    fn marked(&self) -> Result<usize, Problem> {
        self.stack.iter().rposition(|value| *value == Value::Mark).ok_or_else(underflow)
    }

    fn drop(&mut self, values: usize) -> Result<(), Problem> {
        let left = self.stack.len().checked_sub(values).ok_or_else(underflow)?;
        self.stack.truncate(left);
        Ok(())
    }

    /// Two lines of text, module and name.
    fn global(&mut self) -> Result<(), Problem> {
        for _ in 0..2 {
            let mut line = Vec::new();
            self.reader.by_ref().take(Traces::LONGEST_TEXT).read_until(b'\n', &mut line)?;
        }
        self.push(Value::Other)
    }

    fn memoize(&mut self, at: u64) -> Result<(), Problem> {
        self.memoized += 1;
        let value = *self.stack.last().ok_or_else(underflow)?;
        if matches!(value, Value::Text(_) | Value::Frame(_) | Value::Stack(_)) {
            if self.memo.len() >= MOST_VALUES {
                return Err(Problem::malformed("it remembers more than four million values"));
            }
            self.memo.insert(at, value);
        }
        Ok(())
    }

    fn recall(&mut self, at: u64) -> Result<(), Problem> {
        self.push(self.memo.get(&at).copied().unwrap_or(Value::Other))
    }
}

fn underflow() -> Problem {
    Problem::malformed("a pickle instruction takes what is not there")
}

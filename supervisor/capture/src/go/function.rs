//! What the tables say of one function: its name, and for each of its instructions the file, the line, and which
//! inlined call it belongs to.

use std::cell::Cell;

use super::bytes::{Blocks, u32_in};
use super::functions::{Function, Functions};
use super::version::{Inlined, Version};

/// Names of generic functions spell out their types.
const LONGEST_NAME: usize = 8192;

/// So many bytes of tables are gone through: a large program takes a few million.
const PATIENCE: u64 = 1 << 29;

/// Where in `runtime._func` are the offsets of its tables, and their number.
const FILES: u64 = 20;
const LINES: u64 = 24;
const TABLES: u64 = 28;
const UNIT: u64 = 32;

/// Indices of what is known of inlined calls, among the tables and among the data of a function.
const INLINED_TABLE: u64 = 2;
const INLINED_DATA: u64 = 3;

/// There is no such table, file or call.
const NONE: u32 = u32::MAX;

/// A look at functions, with what is needed beside their index.
pub(super) struct Descriptions<'a> {
    pub(super) functions: Functions<'a>,
    pub(super) version: Version,
    /// Offset in the file of the data of functions, if it is there.
    data: Option<u64>,
    /// How many bytes of tables may still be gone through.
    patience: Cell<u64>,
}

/// A call at an instruction: of the function itself, or of one that was inlined there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Offset of the name of who calls.
    pub(super) name: u32,
    /// The line at which its function begins, if known.
    pub(super) start_line: u32,
    /// Where it was inlined: an instruction from the start of the function; `None` in the function itself.
    pub(super) parent: Option<u32>,
}

impl<'a> Descriptions<'a> {
    pub(super) fn new(functions: Functions<'a>, version: Version, data: Option<u64>) -> Self {
        Self { functions, version, data, patience: Cell::new(PATIENCE) }
    }

    fn file(&self) -> &Blocks {
        self.functions.file
    }

    /// A name by its offset.
    pub(super) fn name(&self, offset: u32) -> Option<String> {
        let at = self.functions.names.start.checked_add(u64::from(offset))?;
        self.file().text(at, LONGEST_NAME).ok().filter(|name| !name.is_empty())
    }

    /// The file and the line of an instruction.
    pub(super) fn place(&self, function: Function, code: u32) -> Option<(String, u32)> {
        let number = self.value(function, FILES, code)?;
        let unit = self.file().u32(function.at + UNIT).ok()?;
        let index = u64::from(unit.wrapping_add(number));
        let offset = self.file().u32(self.functions.units.checked_add(4 * index)?).ok()?;
        let at = self.functions.files.checked_add(u64::from(offset)).filter(|_| offset != NONE)?;
        let file = self.file().text(at, LONGEST_NAME).ok()?;
        Some((file, self.value(function, LINES, code)?))
    }

    /// Who calls at an instruction: the innermost of what was inlined there, else the function.
    pub(super) fn call(&self, function: Function, code: u32) -> Option<Call> {
        if let Some(inlined) = self.inlined(function, code) {
            return Some(inlined);
        }
        let name = self.file().u32(function.at + 4).ok()?;
        let start_line = self.version.start_line.and_then(|at| self.file().u32(function.at + at).ok());
        Some(Call { name, start_line: start_line.unwrap_or(0), parent: None })
    }

    fn inlined(&self, function: Function, code: u32) -> Option<Call> {
        let tables = u64::from(self.file().u32(function.at + TABLES).ok()?);
        let mut counts = [0; 4];
        let last = function.at + self.version.function - 4;
        self.file().read(last, &mut counts).ok()?;
        if tables <= INLINED_TABLE || u64::from(counts[3]) <= INLINED_DATA {
            return None;
        }
        let index = self.value(function, self.version.function + 4 * INLINED_TABLE, code)?;
        let data = function.at + self.version.function + 4 * (tables + INLINED_DATA);
        let offset = self.file().u32(data).ok().filter(|&offset| offset != NONE)?;
        let Inlined { size, name, parent, start_line } = self.version.inlined;
        let mut call = [0; 20];
        let at = self.data?.checked_add(u64::from(offset) + u64::from(index) * size)?;
        self.file().read(at, &mut call[..size as usize]).ok()?;
        let word = |at: u64| u32_in(&call, at as usize);
        Some(Call { name: word(name), start_line: start_line.map_or(0, word), parent: Some(word(parent)) })
    }

    /// The value of an instruction in one of the function's tables, which is found at an offset of its description.
    /// Negative values, of which only -1 is in use, are none.
    fn value(&self, function: Function, table: u64, code: u32) -> Option<u32> {
        let start = self.file().u32(function.at + table).ok().filter(|&start| start != 0)?;
        let mut at = self.functions.values.checked_add(u64::from(start))?;
        // Pairs of a change of the value, twice as large with the sign in the lowest bit, and of the instructions for
        // which it holds; a change of 0 ends the table, except at its start.
        let (mut value, mut upto, mut is_first) = (-1_i32, u64::from(function.entry), true);
        loop {
            let change = self.number(&mut at)?;
            if change == 0 && !is_first {
                return None;
            }
            is_first = false;
            let half = (change >> 1).cast_signed();
            value = value.wrapping_add(if change & 1 == 0 { half } else { !half });
            upto += u64::from(self.number(&mut at)?) * self.functions.quantum;
            if u64::from(code) < upto {
                return u32::try_from(value).ok();
            }
        }
    }

    /// A number of 7 bits a byte, the lowest first.
    fn number(&self, at: &mut u64) -> Option<u32> {
        let mut number = 0;
        for shift in (0..32).step_by(7) {
            self.patience.set(self.patience.get().checked_sub(1)?);
            let mut byte = [0];
            self.file().read(*at, &mut byte).ok()?;
            *at += 1;
            number |= u32::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

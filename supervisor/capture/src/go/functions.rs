//! The index of functions (`.gopclntab`), which every Go program carries, stripped or not: its own stack traces need it.

use std::io;
use std::ops::Range;

use super::bytes::{Blocks, u32_in, u64_in};
use super::elf::Elf;
use super::error::GoError;
use super::search;

/// A hostile file may say more.
const MOST_FUNCTIONS: u64 = 1 << 22;
const LONGEST: u64 = 1 << 32;

/// The header: a magic word, two zeros, the sizes of an instruction and of an address, counts, and five offsets.
const HEADER: usize = 72;

/// The index and the tables it leads to, as offsets in the file.
pub(super) struct Functions<'a> {
    pub(super) file: &'a Blocks,
    /// Where they are for the program itself, before it is moved.
    pub(super) address: u64,
    start: u64,
    /// Bytes that an instruction is a multiple of.
    pub(super) quantum: u64,
    count: u64,
    pub(super) names: Range<u64>,
    pub(super) units: u64,
    pub(super) files: u64,
    pub(super) values: u64,
    entries: u64,
}

/// A compiled function, into which others may have been inlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Offset of its description in the file.
    pub(super) at: u64,
    /// Where it begins, from the start of the code of Go.
    pub(super) entry: u32,
    /// Where the next one begins.
    pub(super) end: u32,
}

impl<'a> Functions<'a> {
    /// Finds the index: in a section of its own or, where another linker merged that into a larger one, by its header.
    pub(super) fn find(file: &'a Blocks, elf: &Elf, magic: u32) -> Result<Self, GoError> {
        let named = |suffix: &'static str| elf.sections.iter().filter(move |section| section.name.ends_with(suffix));
        let own = named(".gopclntab").map(|section| (section.address, section.offset));
        let merged = named(".data.rel.ro").flat_map(|section| {
            let starts = headers(file, section.offset..section.offset.saturating_add(section.size), magic);
            starts.into_iter().map(|at| (section.address.wrapping_add(at), section.offset.wrapping_add(at)))
        });
        let mut found = own.chain(merged).filter_map(|(address, start)| Self::at(file, magic, address, start));
        found.next().ok_or(GoError::missing("the tables of its functions (.gopclntab)"))
    }

    fn at(file: &'a Blocks, magic: u32, address: u64, start: u64) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read(start, &mut header).ok()?;
        let count = u64_in(&header, 8);
        let offsets = [32, 40, 48, 56, 64].map(|at| u64_in(&header, at));
        let is_plausible =
            is_header(&header, magic) && count <= MOST_FUNCTIONS && offsets.is_sorted() && offsets[4] <= LONGEST;
        let [names, units, files, values, entries] = offsets.map(|offset| start.saturating_add(offset));
        let (quantum, names) = (u64::from(header[6]), names..units);
        is_plausible.then_some(Self { file, address, start, quantum, count, names, units, files, values, entries })
    }

    /// What `runtime.moduledata` begins with: the addresses of this index, of the names and of what follows them. The
    /// number says where each is in it.
    pub(super) fn landmarks(&self) -> [(usize, u64); 3] {
        let address = |offset: u64| self.address.wrapping_add(offset - self.start);
        [(0, self.address), (8, address(self.names.start)), (32, address(self.units))]
    }

    /// The function of an instruction, both from the start of the code of Go.
    pub(super) fn at_code(&self, code: u32) -> Option<Function> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = u64::midpoint(low, high);
            if self.entry(middle).ok()? <= code {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.nth(low.checked_sub(1)?).ok().filter(|function| code < function.end)
    }

    /// Functions by their names.
    pub(super) fn named<const N: usize>(&self, names: [&str; N]) -> io::Result<[Option<Function>; N]> {
        let wanted = search::names_in(self.file, self.names.clone(), names)?;
        let mut found = [None; N];
        for index in 0..self.count {
            let function = self.nth(index)?;
            let name = Some(u64::from(self.file.u32(function.at + 4)?));
            if let Some(index) = wanted.iter().position(|&wanted| wanted == name) {
                found[index] = Some(function);
            }
        }
        Ok(found)
    }

    fn nth(&self, index: u64) -> io::Result<Function> {
        // After the last function there is one more entry, which says where it ends.
        let [entry, end] = [self.entry(index)?, self.entry(index + 1)?];
        let at = u64::from(self.file.u32(self.entries + 8 * index + 4)?);
        Ok(Function { at: self.entries.saturating_add(at), entry, end })
    }

    fn entry(&self, index: u64) -> io::Result<u32> {
        self.file.u32(self.entries.saturating_add(8 * index))
    }
}

fn is_header(bytes: &[u8], magic: u32) -> bool {
    u32_in(bytes, 0) == magic && bytes[4..6] == [0, 0] && matches!(bytes[6], 1 | 2 | 4) && bytes[7] == 8
}

/// Where in a range of the file such a header may be, from its start.
fn headers(file: &Blocks, range: Range<u64>, magic: u32) -> Vec<u64> {
    const ENOUGH: usize = 64;
    let mut found = Vec::new();
    // What cannot be read holds none.
    let _ = search::pieces(file, range, 0, 8, |at, piece| {
        let starts = piece.chunks_exact(8).zip((at..).step_by(8)).filter(|(bytes, _)| is_header(bytes, magic));
        found.extend(starts.map(|(_, at)| at).take(ENOUGH - found.len()));
    });
    found
}

//! What of an executable's ELF headers leads to the tables of Go.

use std::io;

use super::bytes::{Blocks, u16_in, u32_in, u64_in};

/// Bounds, so that a hostile file costs no more than this.
const MOST_SECTIONS: usize = 4096;
const MOST_SEGMENTS: usize = 512;
const MOST_NAME: usize = 64;

/// Kinds of sections and segments.
const SYMBOLS: u32 = 2;
const LOADED: u32 = 1;
const EXECUTABLE: u32 = 1;
const WRITABLE: u32 = 2;

/// Whose instructions these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Amd64,
    Arm64,
    Other,
}

/// The headers of a 64-bit, little-endian executable.
pub(super) struct Elf {
    pub(super) machine: Machine,
    pub(super) entry: u64,
    pub(super) sections: Vec<Section>,
    segments: Vec<Segment>,
}

/// A section: a named range of the file.
pub(super) struct Section {
    pub(super) name: String,
    kind: u32,
    /// Index of the section with the names of these symbols.
    link: usize,
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// A segment: a range of the file that is loaded.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    kind: u32,
    flags: u32,
    pub(super) offset: u64,
    pub(super) address: u64,
    file_size: u64,
    pub(super) size: u64,
}

impl Elf {
    /// `None` if it is nothing of that kind.
    pub(super) fn read(file: &Blocks) -> io::Result<Option<Self>> {
        let mut header = [0; 64];
        file.read(0, &mut header)?;
        let is_known = header.starts_with(b"\x7fELF\x02\x01");
        if !is_known || u16_in(&header, 54) != 56 || !matches!(u16_in(&header, 58), 0 | 64) {
            return Ok(None);
        }
        let machine = match u16_in(&header, 18) {
            62 => Machine::Amd64,
            183 => Machine::Arm64,
            _ => Machine::Other,
        };
        let segments = read_segments(file, u64_in(&header, 32), usize::from(u16_in(&header, 56)))?;
        let [count, names] = [60, 62].map(|at| usize::from(u16_in(&header, at)));
        let sections = read_sections(file, u64_in(&header, 40), count, names)?;
        Ok(Some(Self { machine, entry: u64_in(&header, 24), sections, segments }))
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The symbols and their names, unless they were stripped.
    pub(super) fn symbols(&self) -> Option<(&Section, &Section)> {
        let symbols = self.sections.iter().find(|section| section.kind == SYMBOLS)?;
        Some((symbols, self.sections.get(symbols.link)?))
    }

    /// The code.
    pub(super) fn code(&self) -> Option<Segment> {
        self.loaded().find(|segment| segment.flags & EXECUTABLE != 0)
    }

    /// Where variables are: address and size of what the file initialises.
    pub(super) fn initialised(&self) -> impl Iterator<Item = (u64, u64)> {
        self.writable().map(|segment| (segment.address, segment.file_size.min(segment.size)))
    }

    /// Whether a variable of this program can be there.
    pub(super) fn is_variable(&self, address: u64) -> bool {
        self.writable().any(|segment| address.checked_sub(segment.address).is_some_and(|at| at < segment.size))
    }

    /// Where in the file an address was loaded from.
    pub(super) fn offset(&self, address: u64) -> Option<u64> {
        self.loaded().find_map(|segment| {
            let at = address.checked_sub(segment.address).filter(|&at| at < segment.file_size)?;
            segment.offset.checked_add(at)
        })
    }

    /// An executable with nothing but one section.
    #[cfg(test)]
    pub(super) fn with_section(name: &str, offset: u64) -> Self {
        let section = Section { name: name.into(), kind: 1, link: 0, address: offset, offset, size: 1 << 20 };
        Self { machine: Machine::Other, entry: 0, sections: vec![section], segments: Vec::new() }
    }

    fn loaded(&self) -> impl Iterator<Item = Segment> {
        self.segments.iter().copied().filter(|segment| segment.kind == LOADED)
    }

    fn writable(&self) -> impl Iterator<Item = Segment> {
        self.loaded().filter(|segment| segment.flags & WRITABLE != 0)
    }
}

fn read_segments(file: &Blocks, at: u64, count: usize) -> io::Result<Vec<Segment>> {
    let headers = read_table(file, at, count.min(MOST_SEGMENTS), 56)?;
    let segment = |header: &[u8]| Segment {
        kind: u32_in(header, 0),
        flags: u32_in(header, 4),
        offset: u64_in(header, 8),
        address: u64_in(header, 16),
        file_size: u64_in(header, 32),
        size: u64_in(header, 40),
    };
    Ok(headers.chunks_exact(56).map(segment).collect())
}

fn read_sections(file: &Blocks, at: u64, count: usize, names: usize) -> io::Result<Vec<Section>> {
    let headers = read_table(file, at, count.min(MOST_SECTIONS), 64)?;
    let headers: Vec<&[u8]> = headers.chunks_exact(64).collect();
    let Some(names) = headers.get(names).map(|header| u64_in(header, 24)) else { return Ok(Vec::new()) };
    let section = |header: &&[u8]| {
        Ok(Section {
            name: file.text(names.saturating_add(u64::from(u32_in(header, 0))), MOST_NAME)?,
            kind: u32_in(header, 4),
            address: u64_in(header, 16),
            offset: u64_in(header, 24),
            size: u64_in(header, 32),
            link: u32_in(header, 40) as usize,
        })
    };
    headers.iter().map(section).collect()
}

fn read_table(file: &Blocks, at: u64, count: usize, size: usize) -> io::Result<Vec<u8>> {
    let mut table = vec![0; count * size];
    file.read(at, &mut table)?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::super::bytes::tests::blocks;
    use super::*;
    use std::fs::File;

    fn own() -> (Blocks, Elf) {
        let file = Blocks::new(File::open("/proc/self/exe").unwrap());
        let elf = Elf::read(&file).unwrap().unwrap();
        (file, elf)
    }

    #[test]
    fn the_headers_of_this_test_are_read() {
        let (_, elf) = own();
        let text = elf.section(".text").unwrap();
        assert_eq!(elf.offset(text.address), Some(text.offset));
        let code = elf.code().unwrap();
        assert!((code.address..code.address + code.size).contains(&elf.entry));
        assert!(elf.is_variable(elf.section(".data").unwrap().address));
        assert!(!elf.is_variable(text.address));
        assert!(elf.section(".go.buildinfo").is_none());
    }

    #[test]
    fn every_cut_off_or_spoilt_header_is_survived() {
        let mut head = vec![0; 1024];
        own().0.read(0, &mut head).unwrap();
        for length in [0, 10, 63, 64, 1024] {
            let _ = Elf::read(&blocks(&head[..length]));
        }
        for at in 0..64 {
            for value in [0, 0x7f, 0xff] {
                let mut spoilt = head.clone();
                spoilt[at] = value;
                let _ = Elf::read(&blocks(&spoilt));
            }
        }
        assert!(Elf::read(&blocks(&[b'#'; 200])).unwrap().is_none());
    }
}

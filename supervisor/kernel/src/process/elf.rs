//! The names of the sections of an executable, by the few fields of ELF that lead there.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bounds, so that a hostile file costs no more than this.
const MOST_SECTIONS: usize = 4096;
const MOST_NAMES: usize = 1 << 16;

/// Whether a little-endian executable has a section of one of these names; `None` if it is nothing of that kind.
pub(super) fn has_section(file: &File, wanted: &[&str]) -> Option<bool> {
    let mut header = [0_u8; 64];
    file.read_exact_at(&mut header[..52], 0).ok()?;
    if &header[..4] != b"\x7fELF" || header[5] != 1 {
        return None;
    }
    let layout = Layout::of(header[4])?;
    file.read_exact_at(&mut header[..layout.header], 0).ok()?;
    let table = layout.word(&header, layout.table_offset)?;
    let [size, count, names_index] = [0, 2, 4].map(|i| usize::from(half(&header, layout.counts + i)));
    if size < layout.section || count > MOST_SECTIONS || names_index >= count {
        return None;
    }
    let mut sections = vec![0_u8; size * count];
    file.read_exact_at(&mut sections, table).ok()?;
    let names = read_names(file, &layout, &sections[names_index * size..])?;
    let name_of = |section: &[u8]| name_at(&names, int(section, 0) as usize).map(<[u8]>::to_vec);
    let mut found = sections.chunks_exact(size).filter_map(name_of);
    Some(found.any(|name| wanted.iter().any(|wanted| wanted.as_bytes() == name)))
}

/// Where the fields are in 32-bit and 64-bit files.
struct Layout {
    wide: bool,
    header: usize,
    table_offset: usize,
    /// Offset of the size of a section header, followed by their count and the index of the one with the names.
    counts: usize,
    section: usize,
    section_offset: usize,
    section_size: usize,
}

impl Layout {
    fn of(class: u8) -> Option<Self> {
        match class {
            1 => Some(Self {
                wide: false,
                header: 52,
                table_offset: 32,
                counts: 46,
                section: 40,
                section_offset: 16,
                section_size: 20,
            }),
            2 => Some(Self {
                wide: true,
                header: 64,
                table_offset: 40,
                counts: 58,
                section: 64,
                section_offset: 24,
                section_size: 32,
            }),
            _ => None,
        }
    }

    fn word(&self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.wide {
            bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
        } else {
            bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes).map(u64::from)
        }
    }
}

fn read_names(file: &File, layout: &Layout, section: &[u8]) -> Option<Vec<u8>> {
    let offset = layout.word(section, layout.section_offset)?;
    let size = usize::try_from(layout.word(section, layout.section_size)?).ok()?;
    let mut names = vec![0_u8; size.min(MOST_NAMES)];
    file.read_exact_at(&mut names, offset).ok()?;
    Some(names)
}

fn name_at(names: &[u8], at: usize) -> Option<&[u8]> {
    let rest = names.get(at..)?;
    rest.split(|&byte| byte == 0).next()
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn int(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn the_sections_of_this_test_are_found() {
        let own = File::open("/proc/self/exe").unwrap();
        assert_eq!(has_section(&own, &[".text"]), Some(true));
        assert_eq!(has_section(&own, &[".go.buildinfo"]), Some(false));
    }

    #[test]
    fn other_files_are_not_executables() {
        assert_eq!(has_section(&file(b""), &[".text"]), None);
        assert_eq!(has_section(&file(b"#!/bin/sh\nexec true\n"), &[".text"]), None);
    }

    #[test]
    fn every_cut_off_or_spoilt_header_is_survived() {
        let mut head = vec![0_u8; 512];
        std::os::unix::fs::FileExt::read_at(&File::open("/proc/self/exe").unwrap(), &mut head, 0).unwrap();
        for length in [10, 52, 63, 64, 512] {
            assert_ne!(has_section(&file(&head[..length]), &[".text"]), Some(true));
        }
        for at in 4..64 {
            let mut spoilt = head.clone();
            spoilt[at] = 0xff;
            let _ = has_section(&file(&spoilt), &[".text"]);
        }
    }
}

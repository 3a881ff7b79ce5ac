//! Names looked up in tables of millions of bytes, of which only a piece at a time is kept.

use std::io;
use std::ops::Range;

use super::bytes::{Blocks, u32_in, u64_in};
use super::elf::Elf;

const PIECE: usize = 1 << 16;

/// A table that says it is longer is searched so far.
const LONGEST: u64 = 1 << 30;

const SYMBOL: usize = 24;

/// Values of symbols of these names, for each of them, as far as the symbols were not stripped.
pub(super) fn symbols<const N: usize>(file: &Blocks, elf: &Elf, names: [&str; N]) -> io::Result<[Option<u64>; N]> {
    let mut found = [None; N];
    let Some((table, texts)) = elf.symbols() else { return Ok(found) };
    let wanted = names_in(file, texts.offset..texts.offset.saturating_add(texts.size), names)?;
    if wanted.iter().all(Option::is_none) {
        return Ok(found);
    }
    pieces(file, table.offset..table.offset.saturating_add(table.size), 0, SYMBOL, |_, piece| {
        for symbol in piece.chunks_exact(SYMBOL) {
            let name = Some(u64::from(u32_in(symbol, 0)));
            if let Some(index) = wanted.iter().position(|&wanted| wanted == name) {
                found[index] = found[index].or(Some(u64_in(symbol, 8)));
            }
        }
    })?;
    Ok(found)
}

/// Offsets of names in a table of names, each of which ends with a zero; for each of them, from the start of the table.
pub(super) fn names_in<const N: usize>(
    file: &Blocks,
    table: Range<u64>,
    names: [&str; N],
) -> io::Result<[Option<u64>; N]> {
    let needles = names.map(|name| format!("\0{name}\0").into_bytes());
    let longest = needles.iter().map(Vec::len).max().unwrap_or(0);
    let mut found = [None; N];
    pieces(file, table, longest, 1, |at, piece| {
        for zero in (0..piece.len()).filter(|&at| piece[at] == 0) {
            if let Some(index) = needles.iter().position(|needle| piece[zero..].starts_with(needle)) {
                found[index] = found[index].or(Some(at + zero as u64 + 1));
            }
        }
    })?;
    Ok(found)
}

/// Shows a range of a file piece by piece, each beginning with the last `overlap` bytes of the one before and being a
/// multiple of `unit` long; with its offset from the start of the range. Ends early with the file.
pub(super) fn pieces(
    file: &Blocks,
    range: Range<u64>,
    overlap: usize,
    unit: usize,
    mut show: impl FnMut(u64, &[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE / unit * unit];
    let mut at = range.start;
    let end = range.end.min(range.start.saturating_add(LONGEST));
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        let read = file.read_past(at, &mut buffer[..length])?;
        show(at - range.start, &buffer[..read]);
        if read <= overlap || at + read as u64 >= end {
            break;
        }
        at += ((read - overlap) / unit * unit).max(1) as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::bytes::tests::blocks;
    use super::*;
    use std::fs::File;

    #[test]
    fn a_name_is_found_whole_and_across_pieces() {
        for before in [10, PIECE - 8, PIECE - 1, PIECE, 3 * PIECE - 3] {
            let bytes = [vec![b'x'; before], b"\0main.leak\0main.leakier\0".to_vec(), vec![b'y'; 100]].concat();
            let end = bytes.len() as u64;
            let found = names_in(&blocks(&bytes), 0..end, ["main.leak", "main.leaky", "main.leakier"]).unwrap();
            assert_eq!(found, [Some(before as u64 + 1), None, Some(before as u64 + 11)]);
        }
    }

    #[test]
    fn a_table_that_says_it_is_endless_ends_with_the_file() {
        let bytes = vec![0; 1000];
        assert_eq!(names_in(&blocks(&bytes), 10..u64::MAX, ["a"]).unwrap(), [None]);
    }

    #[test]
    fn the_symbols_of_this_test_are_found() {
        let file = Blocks::new(File::open("/proc/self/exe").unwrap());
        let elf = Elf::read(&file).unwrap().unwrap();
        let found = symbols(&file, &elf, ["_start", "no such symbol"]).unwrap();
        assert_eq!(found, [Some(elf.entry), None]);
    }
}

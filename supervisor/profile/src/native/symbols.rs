//! Functions in the symbol tables of ELF files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use object::read::{ReadCache, ReadRef};
use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};

/// The symbols at these offsets of a file, as far as it can be read and knows them.
///
/// Only the tables are read, and of them only what is asked for is kept: a program may have a gigabyte.
pub(super) fn at(path: &Path, offsets: Vec<u64>) -> BTreeMap<u64, String> {
    open(path).map(ReadCache::new).and_then(|cache| read(&cache, offsets)).unwrap_or_default()
}

/// The path comes from the profile: only a regular file is touched.
fn open(path: &Path) -> Option<File> {
    path.is_absolute().then(|| path.metadata().ok())?.filter(std::fs::Metadata::is_file)?;
    File::open(path).ok()
}

fn read<'data>(data: impl ReadRef<'data>, mut offsets: Vec<u64>) -> Option<BTreeMap<u64, String>> {
    let file = object::File::parse(data).ok()?;
    let mut wanted: Vec<(u64, u64)> = Vec::new();
    offsets.sort_unstable();
    for offset in offsets {
        wanted.extend(loaded(&file, offset).map(|address| (address, offset)));
    }
    wanted.sort_unstable();
    let mut found = BTreeMap::new();
    for symbol in file.symbols().chain(file.dynamic_symbols()).filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let begin = wanted.partition_point(|(address, _)| *address < symbol.address());
        let end = symbol.address().saturating_add(symbol.size());
        for (_, offset) in wanted[begin..].iter().take_while(|(address, _)| *address < end) {
            let name = || symbol.name().map(ToOwned::to_owned);
            if !found.contains_key(offset)
                && let Ok(name) = name()
            {
                found.insert(*offset, name);
            }
        }
    }
    Some(found)
}

/// The address that the linker gave what is at an offset.
fn loaded<'data>(file: &object::File<'data, impl ReadRef<'data>>, offset: u64) -> Option<u64> {
    file.segments().find_map(|segment| {
        let (begin, size) = segment.file_range();
        let within = offset.checked_sub(begin).filter(|within| *within < size)?;
        segment.address().checked_add(within)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use crate::native::read_jemalloc;
    use crate::{Profile, difference};

    #[inline(never)]
    fn remember_forever() -> usize {
        remember_forever as *const () as usize
    }

    /// A profile of this very process, which has itself for a program.
    fn profile_of_this_process(at: usize) -> Profile {
        let mut text = format!("heap_v2/1\n@ {:#x} {:#x}\n  t*: 1: 5000 [0: 0]\n\nMAPPED_LIBRARIES:\n", at + 1, 0x10);
        text += &std::fs::read_to_string("/proc/self/maps").unwrap();
        read_jemalloc(text.as_bytes()).unwrap()
    }

    #[test]
    fn functions_are_found_in_the_symbol_table() {
        let stack = difference(None, &profile_of_this_process(remember_forever())).growers[0].stack.clone();
        assert_eq!(stack, ["0xf", concat!(module_path!(), "::remember_forever")]);
    }

    #[test]
    fn what_is_no_elf_file_or_no_file_at_all_knows_no_symbols() {
        let mut text = tempfile::NamedTempFile::new().unwrap();
        text.write_all(b"\x7fELF\x02\x01\x01 is not enough").unwrap();
        for path in [text.path(), std::path::Path::new("/dev/zero"), "/proc".as_ref(), "service".as_ref()] {
            assert!(super::at(path, vec![0, 16]).is_empty(), "{}", path.display());
        }
    }
}

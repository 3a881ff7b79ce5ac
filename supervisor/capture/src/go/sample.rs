//! Tables of functions as Go 1.20 writes them, of a program that is small enough to know by heart.

use super::bytes::Blocks;
use super::bytes::tests::blocks;
use super::elf::Elf;
use super::frames::Code;
use super::function::Descriptions;
use super::functions::Functions;
use super::version::Version;

/// Where the tables are in the file; what is known of inlined calls is right before.
pub(super) const AT: u64 = 64;
/// Where the code begins in the process.
pub(super) const TEXT: u64 = 0x40_0000;

const NAMES: &str = "\0runtime.mallocgc\0main.leak\0main.small\0main.smaller\0runtime.goexit\0";
const FILES: &str = "malloc.go\0main.go\0small.go\0";

fn name(text: &str) -> u32 {
    NAMES.find(&format!("\0{text}\0")).unwrap() as u32 + 1
}

/// A table of values: each holds for so many instructions.
fn table(spans: &[(i32, u8)]) -> Vec<u8> {
    let mut last = -1;
    let change = |&(value, count): &(i32, u8)| {
        let by: i32 = value - last;
        last = value;
        [if by < 0 { !by << 1 | 1 } else { by << 1 } as u8, count]
    };
    spans.iter().flat_map(change).chain([0]).collect()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The file. Of `main.leak`, which is at 0x100..0x140, the middle is `main.small`, line 7 of `small.go`, inlined at
/// line 21 of `main.go`, and within it `main.smaller`, line 9, inlined at line 7.
pub(super) fn image() -> Vec<u8> {
    let none = u32::MAX;
    let inlined = words(&[0, name("main.small"), 0x0f, 5, 0, name("main.smaller"), 0x10, 8]);
    let mut values = vec![0];
    let mut add = |spans: &[(i32, u8)]| {
        let at = values.len() as u32;
        values.extend(table(spans));
        at
    };
    let plain = [(0, 0x40)];
    let (files, lines) = (add(&[(0, 16), (1, 32), (0, 16)]), add(&[(21, 16), (7, 16), (9, 16), (22, 16)]));
    let calls = add(&[(-1, 16), (0, 16), (1, 16), (-1, 16)]);
    let (plain, line) = (add(&plain), add(&[(50, 0x40)]));
    let function = |entry: u32, text: &str, files: u32, lines: u32, unit: u32, calls: u32| {
        let inlined = if calls == 0 { none } else { 0 };
        let start = [entry, name(text), 0, 0, 0, files, lines, 3, unit, 20, 4 << 24];
        words(&[&start[..], &[0, 0, calls], &[none, none, none, inlined]].concat())
    };
    let functions = [
        function(0x00, "runtime.mallocgc", plain, line, 0, 0),
        function(0x100, "main.leak", files, lines, 1, calls),
        function(0x140, "runtime.goexit", plain, line, 0, 0),
    ];
    let start = 4 * 7;
    let index = [0, start, 0x100, start + 72, 0x140, start + 144, 0x180];
    let tables =
        [NAMES.into(), words(&[0, 10, 18]), FILES.into(), values, [words(&index), functions.concat()].concat()];
    let mut image = inlined;
    image.resize(AT as usize, 0);
    image.extend(words(&[0xffff_fff1, 0x0801_0000, 3, 0, 3, 0, 0, 0]));
    let mut offset = 72_u64;
    for table in &tables {
        image.extend(offset.to_le_bytes());
        offset += table.len() as u64;
    }
    image.extend(tables.concat());
    image
}

/// What points to the tables.
pub(super) fn elf() -> Elf {
    Elf::with_section(".gopclntab", AT)
}

/// The code described by a file that has the tables, if it has.
pub(super) fn code(file: &Blocks) -> Option<Code<'_>> {
    let functions = Functions::find(file, &elf(), 0xffff_fff1).ok()?;
    let version = Version::of(20, "go1.20");
    Some(Code { descriptions: Descriptions::new(functions, version, Some(0)), text: TEXT })
}

/// All that is asked of tables which are spoilt must come to an end.
#[test]
fn every_spoilt_or_cut_off_table_is_survived() {
    let whole = image();
    let ask = |bytes: &[u8]| {
        let file = blocks(bytes);
        let Some(code) = code(&file) else { return };
        let mut strings = super::strings::Strings::new();
        for address in (TEXT..TEXT + 0x190).step_by(7) {
            code.frame(address, &mut strings);
            code.cut_off(address);
        }
        let _ = code.descriptions.functions.named(["main.leak", "main.none"]);
    };
    for length in (0..whole.len()).step_by(3) {
        ask(&whole[..length]);
    }
    for at in 0..whole.len() {
        for value in [0, 0x7f, 0xff] {
            let mut spoilt = whole.clone();
            spoilt[at] = value;
            ask(&spoilt);
        }
    }
}

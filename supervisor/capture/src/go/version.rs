//! Which Go built a program, and how its runtime lays out what is read here.

use super::bytes::Blocks;
use super::elf::Elf;
use super::error::GoError;

/// What is supported, for messages.
pub(super) const SUPPORTED: &str =
    "Go 1.19 to 1.27 on 64-bit little-endian machines; a stripped program on amd64 and arm64";

const OLDEST: u32 = 19;
const NEWEST: u32 = 27;

/// The build information begins with this, at a multiple of 16.
const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
const HEADER: u64 = 32;
const SEARCHED: u64 = 4096;
const LONGEST: usize = 256;

/// A version of Go that is supported, and its layout. All sizes and offsets are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// In Go's words: `go1.22.10`.
    pub(super) text: String,
    /// First word of the tables of functions.
    pub(super) magic: u32,
    /// Offset of the address of the data of functions in `runtime.moduledata`.
    pub(super) functions_data: u64,
    /// Size of `runtime._func` without the arrays that follow.
    pub(super) function: u64,
    /// Where in `runtime._func` the line of its start is.
    pub(super) start_line: Option<u64>,
    /// `runtime.inlinedCall`.
    pub(super) inlined: Inlined,
    /// Numbers in `runtime.memRecordCycle`, the first two of which are allocations and frees.
    pub(super) cycle_words: usize,
    /// The runtime has packages of its own, which it does not show in its profile either.
    pub(super) has_internal_packages: bool,
}

/// Layout of a call that was inlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inlined {
    pub(super) size: u64,
    pub(super) name: u64,
    pub(super) parent: u64,
    pub(super) start_line: Option<u64>,
}

impl Version {
    /// Of an executable; `None` if it is not a Go program.
    pub(super) fn read(file: &Blocks, elf: &Elf) -> Option<Result<Self, GoError>> {
        let text = build_info(file, elf)?;
        let minor = minor(&text).filter(|minor| (OLDEST..=NEWEST).contains(minor));
        Some(
            minor.map(|minor| Self::of(minor, &text)).ok_or(GoError::Unsupported { found: text, supported: SUPPORTED }),
        )
    }

    /// The layouts are those of the sources of each version: `runtime/mprof.go`, `runtime/symtab.go`,
    /// `runtime/runtime2.go`, `runtime/symtabinl.go` and `runtime/pprof/protomem.go`.
    pub(super) fn of(minor: u32, text: &str) -> Self {
        let old_inlined = Inlined { size: 20, name: 12, parent: 16, start_line: None };
        let new_inlined = Inlined { size: 16, name: 4, parent: 8, start_line: Some(12) };
        Self {
            text: text.to_owned(),
            magic: if minor < 20 { 0xffff_fff0 } else { 0xffff_fff1 },
            functions_data: [304, 320, 344][usize::from(minor >= 20) + usize::from(minor >= 27)],
            function: if minor < 20 { 40 } else { 44 },
            start_line: (minor >= 20).then_some(36),
            inlined: if minor < 20 { old_inlined } else { new_inlined },
            cycle_words: if minor < 27 { 4 } else { 2 },
            has_internal_packages: minor >= 24,
        }
    }
}

/// The version in the build information.
fn build_info(file: &Blocks, elf: &Elf) -> Option<String> {
    let section = elf.section(".go.buildinfo")?;
    let is_there = |at: &u64| {
        let mut magic = [0; MAGIC.len()];
        file.read(*at, &mut magic).is_ok() && &magic == MAGIC
    };
    let places = (section.offset..section.offset.saturating_add(section.size.min(SEARCHED))).step_by(16);
    let at = places.into_iter().find(is_there)?;
    // Before Go 1.18 there was a pointer in place of the text.
    if file.u64(at + 8).ok()? >> 56 & 2 == 0 {
        return Some("Go before 1.18".to_owned());
    }
    let mut length = [0; 2];
    file.read(at + HEADER, &mut length).ok()?;
    let (length, skipped) = match length {
        [low, _] if low < 0x80 => (usize::from(low), 1),
        [low, high] => (usize::from(low & 0x7f) | usize::from(high & 0x7f) << 7, 2),
    };
    let mut text = vec![0; length.min(LONGEST)];
    file.read(at + HEADER + skipped, &mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The second number of `go1.22.10`, `go1.19.8 X:boringcrypto`, `devel go1.24-abcdef Mon Jan 1`.
fn minor(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("go1.")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::bytes::tests::blocks;
    use super::*;

    #[test]
    fn the_number_is_found_in_every_form_of_a_version() {
        assert_eq!(minor("go1.22.10"), Some(22));
        assert_eq!(minor("go1.27"), Some(27));
        assert_eq!(minor("go1.21rc3"), Some(21));
        assert_eq!(minor("go1.19.8 X:boringcrypto"), Some(19));
        assert_eq!(minor("devel go1.24-abcdef Mon Jan 1"), Some(24));
        assert_eq!(minor("devel +abcdef"), None);
        assert_eq!(minor("go2.1"), None);
    }

    /// What the build information of a program with this version says, 32 bytes into its section.
    fn read(flags: u8, version: &str) -> Option<Result<Version, GoError>> {
        let mut bytes = [&[0; 64], &MAGIC[..], &[8, flags], &[0; 16]].concat();
        bytes.extend([version.len() as u8 & 0x7f | 0x80, (version.len() >> 7) as u8]);
        bytes.extend(version.as_bytes());
        Version::read(&blocks(&bytes), &Elf::with_section(".go.buildinfo", 32))
    }

    #[test]
    fn what_is_known_is_read_and_the_rest_is_refused_by_its_name() {
        assert_eq!(read(2, "go1.22.10").unwrap().unwrap(), Version::of(22, "go1.22.10"));
        let refused = |flags: u8, version: &str| read(flags, version).unwrap().unwrap_err().to_string();
        assert!(refused(2, "go1.28").starts_with("go1.28 is not supported; supported is Go 1.19 to 1.27"));
        assert!(refused(2, "go1.18.10").starts_with("go1.18.10 is not supported"));
        assert!(refused(0, "").starts_with("Go before 1.18 is not supported"));
        assert!(refused(2, "devel +abcdef").starts_with("devel +abcdef is not supported"));
    }

    #[test]
    fn other_programs_have_no_version() {
        assert!(Version::read(&blocks(&[0; 200]), &Elf::with_section(".go.buildinfo", 32)).is_none());
        assert!(Version::read(&blocks(&[0; 200]), &Elf::with_section(".text", 32)).is_none());
    }
}

//! The profile as a gzipped pprof message, written part by part: parts of a message that follow each other are one.

use std::io::Write;
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::write::GzEncoder;
use highwater_kernel::clock;
use highwater_profile::pprof::message::{Label, Mapping, Profile, Sample, ValueType};
use prost::Message;

use super::process::Process;
use super::scale::scale;
use super::stacks::Stacks;

const PAGE: u64 = 4096;

const IN_MEMORY: &str = "writing to memory does not fail";

/// Objects allocated since the program began, and in use, of one size and stack.
pub(super) struct Objects<'a> {
    pub(super) size: u64,
    pub(super) stack: &'a [u64],
    pub(super) allocated: u64,
    pub(super) in_use: u64,
}

pub(super) struct Writer<'a> {
    to: GzEncoder<Vec<u8>>,
    stacks: Stacks<'a>,
    rate: u64,
    size_label: i64,
}

impl<'a> Writer<'a> {
    /// Begins a profile in which one object is sampled every `rate` bytes.
    pub(super) fn new(process: &Process, mut stacks: Stacks<'a>, rate: u64) -> Self {
        let strings = &mut stacks.strings;
        let mut kind = |name: &str, unit: &str| ValueType { r#type: strings.number(name), unit: strings.number(unit) };
        let [objects, bytes] = ["alloc", "inuse"]
            .map(|what| [kind(&format!("{what}_objects"), "count"), kind(&format!("{what}_space"), "bytes")]);
        let head = Profile {
            sample_type: [objects, bytes].concat(),
            period_type: Some(kind("space", "bytes")),
            period: i64::try_from(rate).unwrap_or(i64::MAX),
            default_sample_type: strings.number("inuse_space"),
            time_nanos: clock::wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64),
            mapping: mapping(process, strings.number(&process.path.to_string_lossy())).into_iter().collect(),
            ..Profile::default()
        };
        let size_label = strings.number("bytes");
        let mut writer = Self { to: GzEncoder::new(Vec::new(), Compression::fast()), stacks, rate, size_label };
        writer.part(&head);
        writer
    }

    /// Whether there is more than a real program has.
    pub(super) fn is_full(&self) -> bool {
        self.stacks.is_full()
    }

    /// Adds a sample; says how many objects and bytes are in use by it.
    pub(super) fn sample(&mut self, objects: &Objects) -> [i64; 2] {
        let allocated = scale(objects.allocated, objects.size, self.rate);
        let in_use = scale(objects.in_use, objects.size, self.rate);
        let num = i64::try_from(objects.size).unwrap_or(i64::MAX);
        let sample = Sample {
            location_id: self.stacks.locations(objects.stack),
            value: [allocated, in_use].concat(),
            label: vec![Label { key: self.size_label, num, ..Label::default() }],
        };
        self.part(&Profile { sample: vec![sample], ..Profile::default() });
        in_use
    }

    /// Adds what the samples refer to.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let mut location = std::mem::take(&mut self.stacks.locations);
        // All that can be told is of the one executable.
        location.iter_mut().filter(|location| !location.line.is_empty()).for_each(|known| known.mapping_id = 1);
        let function = std::mem::take(&mut self.stacks.functions);
        self.part(&Profile { location, function, ..Profile::default() });
        let string_table = self.stacks.strings.all().map(str::to_owned).collect();
        self.part(&Profile { string_table, ..Profile::default() });
        self.to.finish().expect(IN_MEMORY)
    }

    fn part(&mut self, part: &Profile) {
        self.to.write_all(&part.encode_to_vec()).expect(IN_MEMORY);
    }
}

/// The code of the executable, in whole pages as it is mapped.
fn mapping(process: &Process, filename: i64) -> Option<Mapping> {
    let code = process.elf.code()?;
    let end = code.address.checked_add(code.size)?.checked_next_multiple_of(PAGE)?;
    Some(Mapping {
        id: 1,
        memory_start: process.base.wrapping_add(code.address / PAGE * PAGE),
        memory_limit: process.base.wrapping_add(end),
        file_offset: code.offset / PAGE * PAGE,
        filename,
        has_functions: true,
        has_filenames: true,
        has_line_numbers: true,
        has_inline_frames: true,
        ..Mapping::default()
    })
}

//! The lines of a profile: stacks with what they hold, and the files mapped.

use std::io::BufRead;

use crate::difference::Total;
use crate::format::Format;
use crate::lines::Lines;
use crate::native::header::Sampling;
use crate::native::mappings::Mappings;
use crate::native::names;
use crate::profile::{DEEPEST, Profile};
use crate::read::Problem;

/// So many addresses are kept, which bounds memory: 128 MiB. jemalloc keeps 128 of a stack at most.
const MOST_ADDRESSES: usize = 16 << 20;

/// Stacks as addresses, innermost first.
#[derive(Default)]
pub(super) struct Samples {
    addresses: Vec<u64>,
    /// Where the addresses of each end, and what it holds.
    stacks: Vec<(usize, Total)>,
}

/// Reads a whole profile.
pub(super) fn read(format: Format, reader: impl BufRead) -> Result<Profile, Problem> {
    let mut lines = Lines::new(reader);
    let sampling = Sampling::parse(lines.next()?.ok_or(Problem::Empty)?)?;
    let samples = match format {
        Format::Jemalloc => jemalloc(&mut lines, sampling)?,
        _ => gperftools(&mut lines, sampling)?,
    };
    let mappings = Mappings::read(&mut lines)?;
    let mut profile = Profile::new(format);
    let names = names::of(&samples.addresses, &mappings, &mut profile);
    for (stack, held) in samples.iter() {
        let calls: Vec<_> = stack.iter().rev().filter_map(|address| names.get(*address)).collect();
        profile.add(&calls, held);
    }
    Ok(profile)
}

/// A line with the stack, and below it one with the sum over all threads:
/// ```text
/// @ 0x5f86da8 0x5f5a1dc
///   t*: 13: 6688 [0: 0]
///   t3: 12: 6496 [0: 0]
/// ```
fn jemalloc<R: BufRead>(lines: &mut Lines<R>, sampling: Sampling) -> Result<Samples, Problem> {
    let mut samples = Samples::default();
    let mut begin = None;
    while let Some(line) = lines.next()? {
        if line == Mappings::BEGIN {
            return Ok(samples);
        } else if let Some(stack) = line.strip_prefix("@ ") {
            begin = Some(samples.addresses.len());
            samples.push_stack(stack)?;
        } else if let (Some(_), Some(counts)) = (begin, line.trim_start().strip_prefix("t*:")) {
            begin = None;
            samples.hold(sampling.scale(in_use(counts)?));
        }
    }
    Err(Problem::Truncated)
}

/// A line for each stack: `    13:     6688 [    20:    9000] @ 0x5f86da8 0x5f5a1dc`
fn gperftools<R: BufRead>(lines: &mut Lines<R>, sampling: Sampling) -> Result<Samples, Problem> {
    let mut samples = Samples::default();
    while let Some(line) = lines.next()? {
        if line == Mappings::BEGIN {
            return Ok(samples);
        } else if let Some((counts, stack)) = line.split_once("] @") {
            samples.push_stack(stack)?;
            samples.hold(sampling.scale(in_use(counts)?));
        }
    }
    Err(Problem::Truncated)
}

/// Objects and bytes before the bracket.
fn in_use(counts: &str) -> Result<Total, Problem> {
    let (objects, bytes) = counts.split('[').next().and_then(|counts| counts.split_once(':')).unwrap_or_default();
    match (objects.trim().parse(), bytes.trim().parse()) {
        (Ok(objects), Ok(bytes)) => Ok(Total { bytes, objects }),
        _ => Err(Problem::malformed(format!("a stack holds {:?}", counts.chars().take(80).collect::<String>()))),
    }
}

impl Samples {
    /// Addresses are where calls return to; a byte before it is the call itself, which may be the last of its function.
    fn push_stack(&mut self, stack: &str) -> Result<(), Problem> {
        for address in stack.split_ascii_whitespace().take(DEEPEST) {
            let digits = address.strip_prefix("0x").unwrap_or(address);
            let address =
                u64::from_str_radix(digits, 16).map_err(|_| Problem::malformed(format!("{digits:?} is no address")))?;
            self.addresses.push(address.saturating_sub(1));
        }
        if self.addresses.len() > MOST_ADDRESSES {
            return Err(Problem::malformed("it has more than 16 million addresses"));
        }
        Ok(())
    }

    fn hold(&mut self, held: Total) {
        self.stacks.push((self.addresses.len(), held));
    }

    fn iter(&self) -> impl Iterator<Item = (&[u64], Total)> {
        let begins = std::iter::once(0).chain(self.stacks.iter().map(|(end, _)| *end));
        begins.zip(&self.stacks).map(|(begin, (end, held))| (&self.addresses[begin..*end], *held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference;

    const BEFORE: &[u8] = include_bytes!("../../tests/fixtures/jemalloc-before.heap");
    const AFTER: &[u8] = include_bytes!("../../tests/fixtures/jemalloc-after.heap");

    /// Their program is long gone: the places are as good as it gets.
    #[test]
    fn a_leak_is_named_by_its_place_where_the_program_is_gone() {
        let before = read(Format::Jemalloc, BEFORE).unwrap();
        let after = read(Format::Jemalloc, AFTER).unwrap();
        let first = &difference(Some(&before), &after).growers[0];
        assert!(first.site.starts_with("leak+0x"), "{first:?}");
        // 2200 times 20 kB, sampled every 128 KiB.
        assert!((40_000_000..48_000_000).contains(&first.after.bytes), "{first:?}");
        assert!(first.stack.len() > 5, "{first:?}");
    }

    #[test]
    fn the_text_of_gperftools_is_read() {
        let text = "heap profile:      3:   30300 [    3:    30300] @ heapprofile\n\
            \x20    1:    300 [     1:      300] @ 0x1001 0x2001\n\
            \x20    2:  30000 [     2:    30000] @ 0x1011 0x2001\n\n\
            MAPPED_LIBRARIES:\n00001000-00003000 r-xp 00000000 fe:00 7  /none/such/service\n";
        let profile = read(Format::Gperftools, text.as_bytes()).unwrap();
        assert_eq!(profile.total(), Total { bytes: 30_300, objects: 3 });
        let growers = difference(None, &profile).growers;
        assert_eq!(growers[0].stack, ["service+0x1000", "service+0x10"]);
    }

    #[test]
    fn a_profile_without_its_mappings_was_cut_off() {
        for length in [15, 100, 400] {
            assert!(matches!(
                read(Format::Jemalloc, &AFTER[..length]),
                Err(Problem::Truncated | Problem::Malformed(_))
            ));
        }
    }

    #[test]
    fn damaged_lines_are_said_so() {
        for text in ["heap_v2/1\n@ 0xzz\n", "heap_v2/1\n@ 0x1\n  t*: x: 3 [0: 0]\n", "heap_v2/1\n@ 0x1\n t*:\n"] {
            assert!(matches!(read(Format::Jemalloc, text.as_bytes()), Err(Problem::Malformed(_))), "{text}");
        }
    }
}

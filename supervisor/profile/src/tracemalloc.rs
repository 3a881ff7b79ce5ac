//! Snapshots of Python's `tracemalloc`, whole or as the text of their statistics.

mod pickle;
mod statistics;
mod traces;

use std::io::BufRead;

use crate::format::Format;
use crate::profile::Profile;
use crate::read::Problem;

pub(crate) use statistics::begins_statistics;

/// A pickle of version 2 or later begins with it.
const PICKLE: u8 = 0x80;

/// Whether bytes are the beginning of what `Snapshot.dump()` writes: a pickle that names its class first.
pub(crate) fn begins_a_snapshot(head: &[u8]) -> bool {
    head.first() == Some(&PICKLE) && head.windows(b"tracemalloc".len()).any(|word| word == b"tracemalloc")
}

/// Reads either.
pub(crate) fn read(mut reader: impl BufRead) -> Result<Profile, Problem> {
    if reader.fill_buf()?.first() == Some(&PICKLE) {
        let mut profile = Profile::new(Format::Tracemalloc);
        pickle::read(reader, &mut traces::Traces::new(&mut profile))?;
        Ok(profile)
    } else {
        statistics::read(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference;
    use crate::difference::Total;

    #[test]
    fn a_leak_is_named_first_from_whole_snapshots() {
        let before = read(&include_bytes!("../tests/fixtures/python-before.tracemalloc")[..]).unwrap();
        let after = read(&include_bytes!("../tests/fixtures/python-after.tracemalloc")[..]).unwrap();
        let first = &difference(Some(&before), &after).growers[0];
        assert_eq!(first.site, "/opt/app/leak.py:14");
        assert_eq!(
            first.stack,
            ["/opt/app/leak.py:32", "/opt/app/leak.py:27", "/opt/app/leak.py:18", "/opt/app/leak.py:14"]
        );
        // 60 times 10 kB with 33 bytes for the object, and the list they are in.
        assert_eq!(first.after, Total { bytes: 60 * 10_033 + 512, objects: 61 });
        assert_eq!(first.before.objects, 11);
    }

    /// Python 3.6 leaves out how deep the stack was, and numbers what it repeats.
    #[test]
    fn snapshots_of_an_older_python_are_read_too() {
        let profile = read(&include_bytes!("../tests/fixtures/python-3.6.tracemalloc")[..]).unwrap();
        let first = &difference(None, &profile).growers[0];
        assert_eq!((first.site.as_str(), first.after.objects), ("/opt/app/leak.py:14", 61));
    }

    #[test]
    fn a_snapshot_that_was_cut_off_is_refused_wherever_it_was() {
        let whole = include_bytes!("../tests/fixtures/python-before.tracemalloc");
        for length in 1..whole.len() {
            assert!(matches!(read(&whole[..length]), Err(Problem::Truncated)), "{length}");
        }
    }
}

//! The text of statistics: one line for each place, as `print(statistic)` gives them.

use std::io::BufRead;

use crate::difference::Total;
use crate::format::Format;
use crate::lines::Lines;
use crate::profile::Profile;
use crate::read::Problem;

/// Whether one of the first lines is a statistic.
pub(crate) fn begins_statistics(text: &str) -> bool {
    text.lines().take(16).any(|line| parse(line).is_some())
}

/// Reads all lines that are statistics. A last line without its end may be cut off, and is not counted.
pub(super) fn read(reader: impl BufRead) -> Result<Profile, Problem> {
    let mut profile = Profile::new(Format::Tracemalloc);
    let mut lines = Lines::new(reader);
    while let Some(line) = lines.next()? {
        let Some((place, held)) = parse(line) else { continue };
        let place = profile.name(place);
        if lines.ended() {
            profile.add(&[place], held);
        }
    }
    if profile.is_empty() { Err(Problem::Truncated) } else { Ok(profile) }
}

/// `/opt/app/service.py:47: size=14.5 MiB, count=58, average=256 KiB`; the difference of two snapshots has how much it
/// changed in brackets, and the order of a list may stand in front.
fn parse(line: &str) -> Option<(&str, Total)> {
    let (place, numbers) = line.rsplit_once(": size=")?;
    let (size, rest) = numbers.split_once(", count=")?;
    let count = rest.split([',', ' ']).next()?;
    let place = match place.split_once(": ") {
        Some((number, place)) if number.trim_start_matches('#').parse::<u32>().is_ok() => place,
        _ => place,
    };
    Some((place.trim(), Total { bytes: bytes(size)?, objects: count.parse().ok()? }))
}

/// `14.5 MiB`, `5806 B`, each as it is rounded.
fn bytes(size: &str) -> Option<u64> {
    let mut words = size.split(' ');
    let number: f64 = words.next()?.parse().ok()?;
    let unit = words.next()?;
    let power = ["B", "KiB", "MiB", "GiB", "TiB"].iter().position(|known| *known == unit)?;
    Some((number * 1024_f64.powi(i32::try_from(power).ok()?)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference;

    const BEFORE: &[u8] = include_bytes!("../../tests/fixtures/python-before.txt");
    const AFTER: &[u8] = include_bytes!("../../tests/fixtures/python-after.txt");

    #[test]
    fn a_leak_is_named_first() {
        let (before, after) = (read(BEFORE).unwrap(), read(AFTER).unwrap());
        let first = &difference(Some(&before), &after).growers[0];
        assert_eq!(first.site, "/opt/app/service.py:47");
        assert_eq!(first.after, Total { bytes: (14.5 * f64::from(1 << 20)) as u64, objects: 58 });
    }

    #[test]
    fn lines_of_all_kinds_are_understood() {
        for (line, place, bytes, objects) in [
            ("a.py:1: size=5806 B, count=56, average=104 B", "a.py:1", 5806, 56),
            ("a.py: size=1.5 KiB, count=1", "a.py", 1536, 1),
            (
                "<frozen importlib._bootstrap>:241: size=2 KiB (+1 KiB), count=3 (+1), average=10 B",
                "<frozen importlib._bootstrap>:241",
                2048,
                3,
            ),
            ("#1: C:/a: b.py:7: size=1 GiB, count=2, average=512 MiB", "C:/a: b.py:7", 1 << 30, 2),
        ] {
            assert_eq!(parse(line), Some((place, Total { bytes, objects })), "{line}");
        }
        for line in ["", "a.py:1", "a.py:1: size=, count=", "a.py:1: size=3 XB, count=1", "Total: size=1 B"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_cut_off_is_not_counted() {
        let cut = b"a.py:1: size=5 B, count=1, average=5 B\nb.py:1: size=10 B, count=1";
        assert_eq!(read(&cut[..]).unwrap().total().bytes, 5);
        assert!(matches!(read(&cut[45..]), Err(Problem::Truncated)));
    }
}

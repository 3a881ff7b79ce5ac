//! The class histogram of a JVM, as `GC.class_histogram` prints it.

mod class;

use std::io::BufRead;

use crate::difference::Total;
use crate::format::Format;
use crate::lines::Lines;
use crate::profile::Profile;
use crate::read::Problem;

/// Whether text is the beginning of a histogram. `jcmd` puts the process id above it.
pub(crate) fn begins_a_histogram(text: &str) -> bool {
    text.lines().take(4).any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("num") && words.next() == Some("#instances") && words.next() == Some("#bytes")
    })
}

/// Reads a histogram. Without its last line, the sum, it was cut off.
pub(crate) fn read(reader: impl BufRead) -> Result<Profile, Problem> {
    let mut profile = Profile::new(Format::JvmHistogram);
    let mut lines = Lines::new(reader);
    while let Some(line) = lines.next()? {
        if line.starts_with("Total ") {
            return Ok(profile);
        }
        if let Some((class, held)) = parse(line) {
            let class = profile.name(&class::readable(class));
            profile.add(&[class], held);
        }
    }
    Err(Problem::Truncated)
}

/// `  12:     445     21360  java.lang.invoke.MemberName (java.base@17.0.15)`
fn parse(line: &str) -> Option<(&str, Total)> {
    let (number, rest) = line.trim_start().split_once(':')?;
    number.parse::<u64>().ok()?;
    let mut words = rest.split_whitespace();
    let objects = words.next()?.parse().ok()?;
    let bytes = words.next()?.parse().ok()?;
    Some((words.next()?, Total { bytes, objects }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference;

    const BEFORE: &[u8] = include_bytes!("../tests/fixtures/jvm-before.txt");
    const AFTER: &[u8] = include_bytes!("../tests/fixtures/jvm-after.txt");

    #[test]
    fn a_leak_is_a_suspect_though_it_is_small_itself() {
        let (before, after) = (read(BEFORE).unwrap(), read(AFTER).unwrap());
        let difference = difference(Some(&before), &after);
        let suspects: Vec<_> = difference.suspects().map(|grower| grower.site.as_str()).collect();
        assert_eq!(suspects[..2], ["byte[]", "Sessions$Session"]);
        let session = difference.suspects().nth(1).unwrap();
        assert_eq!((session.before.objects, session.after.objects), (192, 1100));
        assert_eq!(session.stack, ["Sessions$Session"]);
    }

    #[test]
    fn without_its_sum_it_was_cut_off() {
        let cut = &AFTER[..AFTER.len() / 2];
        assert!(matches!(read(cut), Err(Problem::Truncated)));
    }

    #[test]
    fn what_stands_above_it_does_not_matter() {
        for above in ["", "4711:\n", "0\n"] {
            assert!(begins_a_histogram(&format!("{above} num     #instances         #bytes  class name (module)\n")));
        }
        assert!(!begins_a_histogram("num of things\n"));
    }
}

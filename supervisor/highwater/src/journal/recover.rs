//! What a loss of power leaves of the last lines: part of one, or zeros where the disk was not reached.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use serde::de::IgnoredAny;

/// So much of the end is looked at: many pages of a file system, and many lines.
const WINDOW: u64 = 64 << 10;
/// So much of what is taken out is told.
const TOLD: usize = 200;

/// Takes out what is no whole line at the end of a journal, and returns what that was, shortened. The file is one that is
/// appended to.
pub fn recover(mut file: &File) -> io::Result<Option<String>> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(WINDOW);
    let mut tail = vec![0; (length - start) as usize];
    file.read_exact_at(&mut tail, start)?;
    let Some(torn) = Torn::find(&tail, start == 0) else { return Ok(None) };
    file.set_len(start + torn.begin as u64)?;
    file.write_all(&torn.good)?;
    file.sync_data()?;
    Ok(Some(torn.told()))
}

/// Where the first line is that is none, what of the rest is good, and what is not.
struct Torn {
    begin: usize,
    good: Vec<u8>,
    bad: Vec<u8>,
}

impl Torn {
    /// Of a part of the file the first line may be cut off itself, which says nothing.
    fn find(tail: &[u8], is_all: bool) -> Option<Self> {
        let whole = if is_all { 0 } else { tail.iter().position(|byte| *byte == b'\n')? + 1 };
        let mut begin = whole;
        let mut lines = tail[whole..].split_inclusive(|byte| *byte == b'\n').skip_while(|line| {
            let good = is_line(line);
            begin += if good { line.len() } else { 0 };
            good
        });
        let bad = lines.next()?.to_vec();
        let (good, more): (Vec<&[u8]>, Vec<&[u8]>) = lines.partition(|line| is_line(line));
        Some(Self { begin, good: good.concat(), bad: [bad, more.concat()].concat() })
    }

    fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.bad[..self.bad.len().min(TOLD)]).replace(char::is_control, "\u{fffd}");
        format!("{} bytes: {text}", self.bad.len())
    }
}

fn is_line(line: &[u8]) -> bool {
    line.strip_suffix(b"\n").is_some_and(|line| serde_json::from_slice::<IgnoredAny>(line).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    fn recovered(content: &[u8]) -> (String, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        std::fs::write(&path, content).unwrap();
        let said = recover(&OpenOptions::new().read(true).append(true).open(&path).unwrap()).unwrap();
        (std::fs::read_to_string(&path).unwrap(), said)
    }

    #[test]
    fn cut_at_any_byte_only_whole_lines_stay() {
        let whole = "{\"event\":\"a\"}\n{\"event\":\"b\",\"text\":\"{\"}\n";
        for length in 0..=whole.len() {
            let (left, said) = recovered(&whole.as_bytes()[..length]);
            assert_eq!(left.matches('\n').count(), whole[..length].matches('\n').count(), "{length}");
            assert!(left.is_empty() || left.ends_with("}\n"), "{length}");
            assert_eq!(said.is_some(), left.len() != length, "{length}");
        }
    }

    #[test]
    fn what_was_never_written_is_zeros_and_no_line() {
        let (left, said) = recovered(b"{\"event\":\"a\"}\n{\"event\0\0\0\0\0\n\0\0\0");
        assert_eq!(left, "{\"event\":\"a\"}\n");
        assert!(said.unwrap().starts_with("16 bytes: {\"event\u{fffd}"));
    }

    #[test]
    fn what_reached_the_disk_behind_a_gap_stays() {
        let (left, said) = recovered(b"{\"n\":1}\n\0\0\0\0{\"n\":2}\n{\"n\":3}\n{\"n\":");
        assert_eq!(left, "{\"n\":1}\n{\"n\":3}\n");
        assert!(said.unwrap().starts_with("17 bytes"));
    }

    #[test]
    fn of_a_long_journal_only_the_end_is_touched() {
        let line = format!("{{\"text\":\"{}\"}}\n", "x".repeat(1000));
        let mut content = line.repeat(100).into_bytes();
        let length = content.len();
        content.extend(b"{\"torn");
        let (left, said) = recovered(&content);
        assert_eq!((left.len(), said.is_some()), (length, true));
        let endless = vec![b'x'; 100_000];
        assert_eq!(recovered(&endless).0.len(), endless.len(), "no journal: left alone");
    }
}

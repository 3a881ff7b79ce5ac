//! What a loss of power leaves of the last line.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use serde::de::IgnoredAny;

/// So much of the end is looked at: more than one page of a file system, and many lines.
const WINDOW: u64 = 64 << 10;
/// So much of what is cut off is told.
const TOLD: usize = 200;

/// Cuts off what is no whole line at the end of a journal, and returns what that was, shortened.
pub fn recover(file: &File) -> io::Result<Option<String>> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(WINDOW);
    let mut tail = vec![0; (length - start) as usize];
    file.read_exact_at(&mut tail, start)?;
    let good = good_end(&tail, start == 0);
    if good == tail.len() {
        return Ok(None);
    }
    file.set_len(start + good as u64)?;
    file.sync_data()?;
    let torn = &tail[good..];
    let told = String::from_utf8_lossy(&torn[..torn.len().min(TOLD)]).replace(char::is_control, "\u{fffd}");
    Ok(Some(format!("{} bytes: {told}", torn.len())))
}

/// Where the last line ends that is one. Of a part of the file the first line may be cut off itself, which says nothing.
fn good_end(tail: &[u8], is_all: bool) -> usize {
    let mut end = tail.len();
    while let Some(newline) = tail[..end].iter().rposition(|byte| *byte == b'\n') {
        let begin = tail[..newline].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
        let is_cut_off = begin == 0 && !is_all;
        if is_cut_off || serde_json::from_slice::<IgnoredAny>(&tail[begin..newline]).is_ok() {
            return newline + 1;
        }
        end = begin;
    }
    if is_all { 0 } else { tail.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    fn recovered(content: &[u8]) -> (Vec<u8>, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        std::fs::write(&path, content).unwrap();
        let said = recover(&OpenOptions::new().read(true).append(true).open(&path).unwrap()).unwrap();
        (std::fs::read(&path).unwrap(), said)
    }

    #[test]
    fn cut_at_any_byte_only_whole_lines_stay() {
        let whole = "{\"event\":\"a\"}\n{\"event\":\"b\",\"text\":\"{\"}\n";
        for length in 0..=whole.len() {
            let (left, said) = recovered(&whole.as_bytes()[..length]);
            let left = String::from_utf8(left).unwrap();
            assert_eq!(left.matches('\n').count(), whole[..length].matches('\n').count(), "{length}");
            assert!(left.is_empty() || left.ends_with("}\n"), "{length}");
            assert_eq!(said.is_some(), left.len() != length, "{length}");
        }
    }

    #[test]
    fn what_was_never_written_is_zeros_and_no_line() {
        let (left, said) = recovered(b"{\"event\":\"a\"}\n{\"event\0\0\0\0\0\n\0\0\0");
        assert_eq!(left, b"{\"event\":\"a\"}\n");
        assert!(said.unwrap().starts_with("16 bytes: {\"event\u{fffd}"));
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

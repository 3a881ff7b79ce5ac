//! What a reply says: the status is 0 also when nothing was achieved, so the text counts.

use std::time::Duration;

use super::wire::Reply;
use super::{Command, Error};

/// What came of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Finished {
    /// All classes were counted.
    Histogram {
        /// Of all classes.
        objects: u64,
        /// Of all classes.
        bytes: u64,
    },
    /// The dump is written and closed.
    HeapDump {
        /// Its size; a JVM 8 does not tell.
        bytes: Option<u64>,
        /// How long the JVM stood still for it.
        took: Option<Duration>,
    },
    /// The text is the result.
    Text,
    /// As [`Text`](Self::Text), but there was more than was wanted. A histogram has its largest classes first.
    Cut,
}

/// So much of what a JVM says goes into an error.
const LONGEST_QUOTE: usize = 300;

/// Tells success from failure, by the command.
pub(super) fn judge(command: &Command, reply: &Reply) -> Result<Finished, Error> {
    let (head, tail) = (String::from_utf8_lossy(&reply.head), String::from_utf8_lossy(&reply.tail));
    if reply.status != 0 {
        return Err(Error::Failed { text: quote(&head) });
    }
    if reply.is_cut {
        return Ok(Finished::Cut);
    }
    let ends_well = match command {
        Command::Histogram { .. } if head.contains("#instances") => return total(&tail).ok_or(incomplete(reply)),
        Command::HeapDump { path, .. } => return dumped(&head, path),
        Command::Threads if head.contains("Full thread dump") => {
            return if tail.contains("JNI global ref") { Ok(Finished::Text) } else { Err(incomplete(reply)) };
        }
        Command::Histogram { .. } | Command::Threads => false,
        Command::Flags => head.starts_with("-XX:"),
        Command::HeapInfo => head.contains("used"),
        Command::NativeMemory => head.contains("Total:"),
    };
    if ends_well { Ok(Finished::Text) } else { Err(Error::Failed { text: quote(&head) }) }
}

/// The last line: `Total OBJECTS BYTES`.
fn total(tail: &str) -> Option<Finished> {
    // Without the new line it may be cut within the number.
    let last = tail.strip_suffix('\n')?.lines().next_back()?;
    let mut words = last.strip_prefix("Total")?.split_whitespace();
    let (objects, bytes) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(Finished::Histogram { objects, bytes })
}

fn dumped(text: &str, path: &std::path::Path) -> Result<Finished, Error> {
    // The path is repeated first, and might be called anything.
    let text =
        text.strip_prefix("Dumping heap to ").and_then(|rest| rest.split_once('\n')).map_or(text, |(_, rest)| rest);
    if let Some((_, figures)) = text.split_once("Heap dump file created") {
        let (bytes, took) = figures_of(figures).unzip();
        return Ok(Finished::HeapDump { bytes, took });
    }
    if text.trim_end().ends_with("File exists") {
        return Err(Error::FileExists { path: path.into() });
    }
    Err(Error::Failed { text: quote(text) })
}

/// ` [823341234 bytes in 5.123 secs]`
fn figures_of(text: &str) -> Option<(u64, Duration)> {
    let (bytes, rest) = text.trim_start().strip_prefix('[')?.split_once(" bytes in ")?;
    let (seconds, _) = rest.split_once(" secs]")?;
    Some((bytes.parse().ok()?, Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?))
}

fn incomplete(reply: &Reply) -> Error {
    Error::Incomplete { bytes: reply.bytes }
}

/// One line of its words.
fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "it said nothing".into() } else { line.chars().take(LONGEST_QUOTE).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply whose text came whole.
    fn said(status: i32, text: &str) -> Reply {
        let (head, tail) = (text.as_bytes().to_vec(), text.as_bytes().to_vec());
        Reply { status, head, tail, bytes: text.len() as u64, is_cut: false }
    }

    fn dump() -> Command {
        Command::HeapDump { path: "/tmp/a.hprof".into(), live: true, gzip: None }
    }

    const HISTOGRAM: Command = Command::Histogram { all: false };
    const COUNTED: &str = " num     #instances         #bytes  class name (module)\n\
        -------------------------------------------------------\n   \
        1:          5182        1624272  [B (java.base@17.0.15)\n\
        Total         30603        2733016\n";

    #[test]
    fn a_histogram_ends_with_its_total() {
        let counted = Finished::Histogram { objects: 30_603, bytes: 2_733_016 };
        assert_eq!(judge(&HISTOGRAM, &said(0, COUNTED)).unwrap(), counted);
        for end in 130..COUNTED.len() {
            assert!(matches!(judge(&HISTOGRAM, &said(0, &COUNTED[..end])), Err(Error::Incomplete { .. })), "{end}");
        }
    }

    #[test]
    fn a_dump_is_what_the_jvm_says_it_wrote() {
        let text = "Dumping heap to /tmp/a.hprof ...\nHeap dump file created [6067458 bytes in 0.022 secs]\n";
        let written = Finished::HeapDump { bytes: Some(6_067_458), took: Some(Duration::from_millis(22)) };
        assert_eq!(judge(&dump(), &said(0, text)).unwrap(), written);
        let eight = "Heap dump file created\n";
        let written = Finished::HeapDump { bytes: None, took: None };
        assert_eq!(judge(&dump(), &said(0, eight)).unwrap(), written);
    }

    #[test]
    fn a_dump_that_was_not_written_is_a_failure_whatever_the_status() {
        let there = "Dumping heap to /tmp/a.hprof ...\nUnable to create /tmp/a.hprof: File exists\n";
        assert!(matches!(judge(&dump(), &said(0, there)), Err(Error::FileExists { .. })));
        for text in [
            "Dumping heap to /nodir/a.hprof ...\nUnable to create /nodir/a.hprof: No such file or directory\n",
            "Dumping heap to /tmp/Heap dump file created ...\nNo space left on device\n",
            "Compression level out of range (1-9): 11\n",
            "",
        ] {
            assert!(matches!(judge(&dump(), &said(0, text)), Err(Error::Failed { .. })), "{text}");
        }
    }

    #[test]
    fn an_exception_is_quoted() {
        let text = "java.lang.IllegalArgumentException: Unknown diagnostic command\n";
        let error = judge(&Command::Threads, &said(-1, text)).unwrap_err();
        assert!(error.to_string().ends_with("Unknown diagnostic command"), "{error}");
        let untracked = judge(&Command::NativeMemory, &said(0, "Native memory tracking is not enabled\n"));
        assert!(untracked.unwrap_err().to_string().contains("is not enabled"));
    }

    #[test]
    fn threads_end_with_their_references() {
        let text = "2026-11-22 10:13:45\nFull thread dump OpenJDK 64-Bit Server VM (17):\n\nJNI global refs: 15, weak refs: 0\n\n";
        assert_eq!(judge(&Command::Threads, &said(0, text)).unwrap(), Finished::Text);
        assert!(matches!(judge(&Command::Threads, &said(0, &text[..70])), Err(Error::Incomplete { .. })));
    }

    #[test]
    fn figures_that_make_no_sense_are_left_out() {
        for figures in
            ["", "[x bytes in 1 secs]", "[1 bytes in -1 secs]", "[1 bytes in inf secs]", "[1 bytes in 1e300 secs]"]
        {
            assert_eq!(figures_of(figures), None, "{figures}");
        }
    }
}

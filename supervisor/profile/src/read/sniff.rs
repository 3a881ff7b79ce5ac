//! Which format it is, by how it begins.

use crate::format::Format;
use crate::jvm;
use crate::pprof;
use crate::tracemalloc;

/// The format of a file that begins so; the gzip is off already.
pub(super) fn format(head: &[u8]) -> Option<Format> {
    if head.starts_with(b"heap_v2/") {
        Some(Format::Jemalloc)
    } else if head.starts_with(b"heap profile:") {
        Some(Format::Gperftools)
    } else if tracemalloc::begins_a_snapshot(head) {
        Some(Format::Tracemalloc)
    } else if head.trim_ascii_start().starts_with(b"{\"snapshot\"") {
        Some(Format::HeapSnapshot)
    } else if is_node_report(head) {
        Some(Format::NodeReport)
    } else if let Ok(text) = text(head) {
        format_of_text(text)
    } else {
        pprof::begins_a_profile(head).then_some(Format::Pprof)
    }
}

/// A report begins with its header, whose first key is its version.
fn is_node_report(head: &[u8]) -> bool {
    let mut letters = head.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    b"{\"header\":{\"reportVersion\"".iter().all(|letter| letters.next() == Some(*letter))
}

fn format_of_text(text: &str) -> Option<Format> {
    if jvm::begins_a_histogram(text) {
        Some(Format::JvmHistogram)
    } else if tracemalloc::begins_statistics(text) {
        Some(Format::Tracemalloc)
    } else {
        pprof::begins_a_profile(text.as_bytes()).then_some(Format::Pprof)
    }
}

/// The head as text, without the letter that it may end in the middle of.
fn text(head: &[u8]) -> Result<&str, std::str::Utf8Error> {
    match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]),
        whole => whole,
    }
}

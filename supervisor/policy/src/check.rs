//! What only several values together can tell.

mod evidence;
mod ladder;
mod limits;
mod restart;
mod signals;
mod sockets;
mod triggers;

use std::ops::Range;

use crate::collections::Entry;
use crate::language::{Document, Step, Trigger};
use crate::notes::Notes;
use crate::report::Severity;

/// A policy has at most so many triggers, so many steps and so many sockets.
const MOST: usize = 64;

/// Checks a document that could be read whole. Parts that are wrong in themselves are absent and passed over.
pub(crate) fn document(document: &Document, notes: &mut Notes) {
    if !is_small(document, notes) {
        return;
    }
    limits::check(document, notes);
    signals::check(document, notes);
    triggers::check(document, notes);
    restart::check(document, notes);
    ladder::check(document, notes);
    evidence::check(document, notes);
    sockets::check(document, notes);
}

/// The triggers, wrong ones included.
fn triggers(document: &Document) -> &[Entry<Trigger>] {
    document.trigger.value.as_ref().map_or(&[], |named| &named.0)
}

/// The steps that could be read.
fn steps(document: &Document) -> impl DoubleEndedIterator<Item = &Step> {
    document.step.value.iter().flat_map(|many| many.0.iter().flatten())
}

/// The name of a step with its place; the place of the step when it has none.
fn name_of(step: &Step) -> (&str, &Range<usize>) {
    step.name.given().map_or(("", &step.span), |(name, at)| (name.0.as_str(), at))
}

/// Whether the policy is of a size a person can have written.
fn is_small(document: &Document, notes: &mut Notes) -> bool {
    let counts = [
        ("triggers", triggers(document).len()),
        ("steps", steps(document).count()),
        ("sockets", document.socket.value.as_ref().map_or(0, |many| many.0.len())),
    ];
    for (what, count) in counts.iter().filter(|(_, count)| *count > MOST) {
        notes.whole(Severity::Error, format!("{count} {what}: there can be at most {MOST}"));
    }
    counts.iter().all(|(_, count)| *count <= MOST)
}

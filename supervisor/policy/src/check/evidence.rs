//! Baseline and series against the dump they are taken by.

use highwater_core::policy::JvmDump;

use super::steps;
use crate::language::{Document, Dump};
use crate::notes::Notes;

pub(super) fn check(document: &Document, notes: &mut Notes) {
    let Some(evidence) = &document.evidence.value else { return };
    let first = steps(document).find(|step| step.dump.is_present());
    for (key, at) in [("baseline", &evidence.baseline.at), ("series", &evidence.series.at)] {
        let is_given = if key == "baseline" { evidence.baseline.is_present() } else { evidence.series.is_present() };
        let Some(step) = first.filter(|_| is_given) else {
            if is_given && document.step.value.is_some() {
                let message = format!("`{key}` has no source: there is no step that dumps");
                notes.error(at, message, "profiles are taken by the source of the first `dump` step").consequence();
            }
            continue;
        };
        if step.dump.value.as_ref().is_some_and(is_heavy) {
            let message = format!("`{key}` takes a dump as large as the heap each time");
            notes
                .warning(at, message, "the service stands still meanwhile")
                .help("give a cheaper dump a step of its own before it, such as `jvm = \"histogram\"`");
        }
    }
}

/// Whether a dump holds all of the heap.
fn is_heavy(dump: &Dump) -> bool {
    dump.jvm.value == Some(JvmDump::Heap) || dump.core.is_present()
}

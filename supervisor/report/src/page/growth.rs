//! What kind of growth it was, with a bar for each kind.

use super::parts::{bar, change, note, section};
use super::table::{Column, Row, cards};
use crate::classify::Kind;
use crate::incident::Incident;
use crate::markup::{Markup, element};
use crate::summary::sentence;

const COLUMNS: [Column; 3] =
    [Column::text("Kind").with("kind"), Column::text("").with("bars"), Column::number("Change").with("number gained")];

/// A kind of growth as people call it.
pub fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Anon => "Heaps and stacks",
        Kind::PageCache => "Page cache",
        Kind::Shmem => "tmpfs and shared memory",
        Kind::Kernel => "Memory of the kernel",
        Kind::HugePages => "Huge pages that hold little",
        Kind::ManyProcesses => "Many processes",
        Kind::MappedFiles => "Mapped files",
        Kind::OuterLimit => "A limit further up",
        Kind::Burst => "A burst",
        Kind::Unknown => "Not known",
    }
}

/// The section with the classification.
pub fn growth(incident: &Incident) -> Markup {
    let Some(classification) = &incident.classification else {
        return section("growth", "What kind of growth", note("It was not looked into."));
    };
    let kind = element("strong", &[], name(classification.kind));
    let because = match sentence(&classification.because) {
        empty if empty.is_empty() => Markup::default(),
        sentence => format!(": {sentence}").into(),
    };
    let text = element("p", &[("class", "kind")], [kind, because]);
    section("growth", "What kind of growth", [text, bars(&classification.growth)])
}

fn bars(growth: &[(Kind, i64)]) -> Markup {
    if growth.is_empty() {
        return Markup::default();
    }
    let most = growth.iter().map(|(_, gained)| gained.unsigned_abs()).max().unwrap_or(0).max(1) as f64;
    let has_losses = growth.iter().any(|(_, gained)| *gained < 0);
    let row = |(kind, gained): &(Kind, i64)| {
        let share = *gained as f64 / most;
        let cells = vec![name(*kind).into(), drawn(share, has_losses), change(*gained)];
        Row { class: "row", cells, ..Row::default() }
    };
    cards("Since the service was healthy", &COLUMNS, growth.iter().map(row))
}

/// A bar to the right for a gain; to the left of the middle for a loss, where there are any.
fn drawn(share: f64, has_losses: bool) -> Markup {
    match (has_losses, share < 0.0) {
        (false, _) => bar("filled", 0.0, share),
        (true, false) => bar("filled", 0.5, 0.5 + share / 2.0),
        (true, true) => bar("lost", 0.5 + share / 2.0, 0.5),
    }
}

//! What grew, in the service's own terms, and the flame graphs of it.

use highwater_profile::difference::{Grower, Total};
use highwater_profile::format::Format;

use super::parts::{bar, bytes, change, details, file_link, note, section};
use super::table::{Column, Row, cards};
use crate::graph::inline;
use crate::incident::{Compared, Incident};
use crate::markup::{Markup, element};
use crate::text;

/// So many are shown at once; the rest on demand.
const MOST: usize = 8;
const COLUMNS: [Column; 5] = [
    Column::text("Site").with("site"),
    Column::number("Gained").with("number gained"),
    Column::text("Share").with("share"),
    Column::number("Before → after").with("number bytes"),
    Column::number("Objects").with("number objects"),
];

/// The section with the growers of every compared pair.
pub fn growers(incident: &Incident, graphs: &dyn Fn(&str) -> Option<String>) -> Markup {
    if incident.differences.is_empty() {
        let none = if incident.has_done("dump") {
            "What was dumped has not been compared yet, or cannot be: see the kind of growth, and the files, below."
        } else {
            "No profile was taken, so what grew is known only from outside: see the kind of growth below."
        };
        return section("growers", "What grew", note(none));
    }
    let pairs = incident.differences.iter().enumerate();
    section(
        "growers",
        "What grew",
        pairs.map(|(index, compared)| pair(incident, index + 1, graphs, compared)).collect::<Markup>(),
    )
}

fn pair(incident: &Incident, number: usize, graphs: &dyn Fn(&str) -> Option<String>, compared: &Compared) -> Markup {
    let heading = element("h3", &[], format!("{} of step {}", name(compared.difference.format), compared.step));
    let graph = compared.flame_graph.as_deref().and_then(|file| flame_graph(number, compared, file, graphs));
    [heading, sources(incident, compared), top(compared), table(compared), graph.unwrap_or_default()].into()
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Pprof | Format::Jemalloc | Format::Gperftools => "Heap profile",
        Format::JvmHistogram => "Class histogram",
        Format::Tracemalloc => "Snapshot of tracemalloc",
        Format::HeapSnapshot => "Heap snapshot",
        Format::NodeReport => "Report of Node",
    }
}

fn sources(incident: &Incident, compared: &Compared) -> Markup {
    let (before, after) = (compared.difference.before, compared.difference.after);
    let after_link = [file_link(&compared.after), " with ".into(), bytes(after.bytes)];
    let text = if let Some(file) = &compared.before {
        // One that was not copied here is no file of the incident.
        let is_here = incident.files.iter().any(|known| known.path == *file);
        let healthy = if is_here { file_link(file) } else { element("code", &[], file.as_str()) };
        let gained = after.bytes.cast_signed().saturating_sub(before.bytes.cast_signed());
        let healthy = [" compared with the healthy ".into(), healthy, " with ".into(), bytes(before.bytes)];
        [after_link.into(), Markup::from(healthy), ": ".into(), change(gained)].into()
    } else {
        let alone = ". There was no healthy profile to compare with, so all of it counts as growth.";
        Markup::from([after_link.into(), alone.into()])
    };
    element("p", &[("class", "sources")], text)
}

/// The one to look at first, with the way that leads there.
fn top(compared: &Compared) -> Markup {
    let Some(first) = compared.difference.growers.first().filter(|first| first.gained() > 0) else {
        return note("Nothing grew.");
    };
    let share = format!(", {} of all that grew", text::percent(compared.share(first)));
    let figures = element("p", &[("class", "amount")], [element("strong", &[], change(first.gained())), share.into()]);
    let content = [
        element("p", &[("class", "label")], "Grew most"),
        element("p", &[("class", "culprit")], element("code", &[], first.site.as_str())),
        figures,
        next(compared),
        stack(first),
    ];
    element("div", &[("class", "top")], content)
}

fn next(compared: &Compared) -> Markup {
    let Some(next) = compared.next() else { return Markup::default() };
    let said = ["followed by ".into(), element("code", &[], next.site.as_str()), ", ".into(), change(next.gained())];
    element("p", &[("class", "next")], said)
}

fn stack(grower: &Grower) -> Markup {
    if grower.stack.len() < 2 {
        return Markup::default();
    }
    let calls = grower.stack.iter().map(|call| element("li", &[], element("code", &[], call.as_str())));
    details("The calls that lead there", element("ol", &[("class", "stack")], calls.collect::<Markup>()))
}

fn table(compared: &Compared) -> Markup {
    let rows: Vec<Row> = compared.difference.growers.iter().map(|grower| row(compared, grower)).collect();
    if rows.is_empty() {
        return Markup::default();
    }
    let (first, rest) = rows.split_at(rows.len().min(MOST));
    let shown = cards("What gained most, the largest first", &COLUMNS, first.to_vec());
    if rest.is_empty() {
        return shown;
    }
    let more = format!("{} more", rest.len());
    [shown, details(more, cards("What gained less", &COLUMNS, rest.to_vec()))].into()
}

fn row(compared: &Compared, grower: &Grower) -> Row {
    let share = compared.share(grower);
    let arrow = |before: Markup, after: Markup| Markup::from([before, " → ".into(), after]);
    let objects = |total: Total| Markup::from(text::grouped(total.objects));
    let percent = element("span", &[("class", "figure")], text::percent(share));
    let cells = vec![
        element("code", &[], grower.site.as_str()),
        change(grower.gained()),
        [bar("filled", 0.0, share), percent].into(),
        arrow(bytes(grower.before.bytes), bytes(grower.after.bytes)),
        arrow(objects(grower.before), objects(grower.after)),
    ];
    Row { class: "row", cells, ..Row::default() }
}

fn flame_graph(
    number: usize,
    compared: &Compared,
    file: &str,
    graphs: &dyn Fn(&str) -> Option<String>,
) -> Option<Markup> {
    let id = format!("graph-{number}");
    let drawing = inline(&graphs(file)?, &id)?;
    let name = format!("Flame graph of {}", compared.after);
    let attributes = [
        ("id", id.as_str()),
        ("class", "scroll graph"),
        ("tabindex", "0"),
        ("role", "region"),
        ("aria-label", name.as_str()),
    ];
    let alone = note(["The drawing alone: ".into(), file_link(file)]);
    Some([element("h3", &[], "Flame graph"), element("div", &attributes, drawing), alone].into())
}

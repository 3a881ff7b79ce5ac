//! The chart with its legend, and the same in words and figures.

use super::parts::{details, note, section};
use super::readings::readings;
use crate::chart::{NARROW, WIDE, chart};
use crate::incident::{Incident, Reading};
use crate::markup::{Markup, element, empty};

/// The section with the chart.
pub fn figure(incident: &Incident) -> Markup {
    let Some((wide, narrow)) = chart(incident, WIDE).zip(chart(incident, NARROW)) else {
        return section("chart", "Memory over time", note("No readings were kept."));
    };
    let legend = element("figcaption", &[], legend(incident));
    let figure = element("figure", &[], [wide, narrow, legend]);
    section("chart", "Memory over time", [figure, details("The readings as a table", readings(incident))])
}

fn legend(incident: &Incident) -> Markup {
    let has = |known: fn(&Reading) -> bool| incident.readings.iter().any(known);
    let killed = |life: &crate::incident::Life| life.was_killed() || life.cause.as_deref() == Some("crash");
    let ended = incident.lives.iter().filter(|life| life.ended_ms.is_some());
    let items = [
        ("working-set", "working set", has(|reading| reading.working_set.is_some())),
        ("current", "all usage, with cache", true),
        ("high", "memory.high", has(|reading| reading.high.is_some())),
        ("max", "memory.max, the limit", has(|reading| reading.max.is_some())),
        ("flag", "a step, numbered as below", !incident.steps.is_empty()),
        ("death", "killed or failed", ended.clone().any(killed)),
        ("stop", "ended", ended.clone().any(|life| !killed(life))),
        ("start", "a new life", incident.lives.iter().any(|life| life.began_ms.is_some())),
    ];
    let shown = items.into_iter().filter(|(.., is_there)| *is_there);
    let item = |(key, name, _): (&str, &str, bool)| element("li", &[], [swatch(key), name.into()]);
    element("ul", &[("class", "legend")], shown.map(item).collect::<Markup>())
}

fn swatch(key: &str) -> Markup {
    let drawn = match key {
        "flag" => element(
            "g",
            &[("class", "flag good")],
            empty("rect", &[("x", "4"), ("y", "1"), ("width", "16"), ("height", "12"), ("rx", "3")]),
        ),
        "death" => shape("life death", "M7 2L17 12M7 12L17 2"),
        "stop" => shape("life stop", "M7 2H17V12H7Z"),
        "start" => shape("life start", "M7 2L17 7L7 12Z"),
        line => {
            [course(if line == "working-set" { "area" } else { "" }, "M0 7H24V14H0Z"), course(line, "M0 7H24")].into()
        }
    };
    element("svg", &[("class", "chart swatch"), ("viewBox", "0 0 24 14"), ("aria-hidden", "true")], drawn)
}

fn shape(class: &str, course: &str) -> Markup {
    element("g", &[("class", class)], empty("path", &[("d", course)]))
}

fn course(class: &str, course: &str) -> Markup {
    if class.is_empty() { Markup::default() } else { empty("path", &[("class", class), ("d", course)]) }
}

//! The report of an incident: one HTML page that needs nothing else, neither network nor scripts.

mod figure;
mod files;
mod growers;
mod growth;
mod header;
mod next;
mod parts;
mod readings;
mod snapshots;
mod steps;
mod story;
mod table;

use crate::incident::Incident;
use crate::markup::{Markup, element, empty};
use crate::verdict::verdict;

/// What the page may do: draw itself with the styles in it, and nothing else, whatever got into it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page as HTML, which is well-formed XML as well. `graphs` gives drawings (SVG) by their name in the directory of
/// the incident; one that is not there, or is no drawing, is left out. Links lead to the files of the incident as seen
/// from its directory.
pub fn page(incident: &Incident, graphs: &dyn Fn(&str) -> Option<String>) -> String {
    let body = element("body", &[], [header::header(incident), main(incident, graphs), footer(incident)]);
    let html = element("html", &[("lang", "en")], [head(incident), body]);
    format!("<!DOCTYPE html>\n{}\n", html.as_str())
}

fn head(incident: &Incident) -> Markup {
    let title = format!("{}: {} ({})", incident.name, verdict(incident).word.to_lowercase(), incident.incident);
    let meta = |name, content| empty("meta", &[("name", name), ("content", content)]);
    let content = [
        empty("meta", &[("charset", "utf-8")]),
        empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]),
        meta("viewport", "width=device-width, initial-scale=1"),
        meta("color-scheme", "light dark"),
        meta("referrer", "no-referrer"),
        meta("robots", "noindex"),
        element("title", &[], title),
        element("style", &[], Markup::trusted(include_str!("page/style.css"))),
    ];
    element("head", &[], content)
}

fn main(incident: &Incident, graphs: &dyn Fn(&str) -> Option<String>) -> Markup {
    let sections = [
        story::story(incident),
        figure::figure(incident),
        steps::steps(incident),
        growers::growers(incident, graphs),
        growth::growth(incident),
        snapshots::snapshots(incident),
        files::files(incident),
        next::next(incident),
    ];
    element("main", &[], sections)
}

fn footer(incident: &Incident) -> Markup {
    let made = format!(
        "Written by highwater {} from {} of {}, which has every figure. This page fetches nothing.",
        env!("CARGO_PKG_VERSION"),
        crate::FILE,
        incident.incident
    );
    element("footer", &[], element("p", &[], made))
}

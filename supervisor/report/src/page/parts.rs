//! What several sections are made of.

use std::fmt::Write;

use crate::markup::{Markup, element};
use crate::text;
use crate::verdict::Tone;

/// A section of the page with its heading, which a link can lead to.
pub fn section(id: &str, heading: &str, content: impl Into<Markup>) -> Markup {
    let heading_id = format!("{id}-heading");
    let heading = element("h2", &[("id", &heading_id)], heading);
    element("section", &[("id", id), ("aria-labelledby", &heading_id)], [heading, content.into()])
}

/// What is only read by those who want to know more.
pub fn details(summary: impl Into<Markup>, content: impl Into<Markup>) -> Markup {
    element("details", &[], [element("summary", &[], summary), content.into()])
}

/// A remark.
pub fn note(text: impl Into<Markup>) -> Markup {
    element("p", &[("class", "note")], text)
}

/// A word with its tone, which its sign says as well.
pub fn badge(word: &str, tone: Tone) -> Markup {
    let sign = element("span", &[("aria-hidden", "true"), ("class", "sign")], tone.sign());
    element("span", &[("class", &format!("badge {}", tone.class()))], [sign, word.into()])
}

/// Bytes for people, to the last one in the title.
pub fn bytes(bytes: u64) -> Markup {
    element("span", &[("class", "figure"), ("title", &text::exact(bytes))], text::bytes(bytes))
}

/// Bytes that may not be known.
pub fn known_bytes(known: Option<u64>) -> Markup {
    known.map_or_else(unknown, bytes)
}

/// A gain or a loss of bytes for people, to the last one in the title.
pub fn change(gained: i64) -> Markup {
    element("span", &[("class", "figure"), ("title", &text::exact_change(gained))], text::change(gained))
}

/// What stands where nothing is known.
pub fn unknown() -> Markup {
    "–".into()
}

/// A bar as long as a share between 0 and 1. It only repeats a figure.
pub fn bar(class: &str, from: f64, to: f64) -> Markup {
    let ends = [from, to].map(|end| end.clamp(0.0, 1.0) * 100.0);
    let style = format!("margin-left:{:.2}%;width:{:.2}%", ends[0], (ends[1] - ends[0]).max(0.0));
    let filled = element("span", &[("class", class), ("style", &style)], "");
    element("span", &[("class", "bar"), ("aria-hidden", "true")], filled)
}

/// A link to a file of the incident; only its name where that leads out of the incident's directory.
pub fn file_link(path: &str) -> Markup {
    let leads_out = path.starts_with('/') || path.split('/').any(|part| part == ".." || part.is_empty());
    if leads_out {
        return element("span", &[("class", "path")], path);
    }
    let mut address = String::from("./");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => address.push(byte.into()),
            _ => drop(write!(address, "%{byte:02X}")),
        }
    }
    element("a", &[("class", "path"), ("href", &address)], path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_file_of_the_incident_and_nowhere_else() {
        let shown = file_link("javascript:alert(1)");
        assert!(shown.as_str().contains("href=\"./javascript%3Aalert%281%29\""), "{shown:?}");
        assert!(file_link("a b/é?.gz").as_str().contains("href=\"./a%20b/%C3%A9%3F.gz\""));
        for outside in ["/etc/passwd", "../secret", "a/../../b", "//host/a", ""] {
            assert!(!file_link(outside).as_str().contains("href"), "{outside}");
        }
    }

    #[test]
    fn a_bar_stays_within_its_track() {
        assert!(bar("", -3.0, 9.0).as_str().contains("margin-left:0.00%;width:100.00%"));
        assert!(bar("", 0.7, 0.2).as_str().contains("margin-left:70.00%;width:0.00%"));
    }
}

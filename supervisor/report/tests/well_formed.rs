//! The page as markup: well-formed, complete, on its own, and never broken by what it shows.

mod samples;

use std::collections::BTreeSet;

use highwater_report::incident::Incident;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const SECTIONS: [&str; 8] = [
    "What happened",
    "Memory over time",
    "Steps",
    "What grew",
    "What kind of growth",
    "Seen from outside",
    "Files",
    "What to do next",
];
/// What runs or fetches something.
const FOREIGN: [&str; 10] =
    ["script", "iframe", "object", "embed", "img", "image", "link", "form", "base", "foreignObject"];

/// An element with its attributes, and the text directly in it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<String>,
}

impl Element {
    fn get(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

fn page(incident: &Incident) -> String {
    let graphs = |file: &str| std::fs::read_to_string(samples::fixture_directory().join(file)).ok();
    highwater_report::page(incident, &graphs)
}

/// Every element in order of its end; fails where the page is not well-formed.
fn elements(name: &str, page: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(page);
    let (mut open, mut all): (Vec<Element>, Vec<Element>) = Default::default();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{name}: {error} at {}", reader.error_position())) {
            Event::Start(tag) => open.push(element(name, &tag)),
            Event::Empty(tag) => add(&mut open, &mut all, element(name, &tag)),
            Event::End(_) => {
                let closed = open.pop().unwrap();
                add(&mut open, &mut all, closed);
            }
            Event::Text(text) => add_text(&mut open, &text.decode().unwrap()),
            Event::GeneralRef(reference) => add_text(&mut open, &character(name, &reference.decode().unwrap())),
            Event::DocType(_) => {}
            Event::Eof => break,
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(open.is_empty(), "{name}: {open:?}");
    all
}

fn element(page: &str, tag: &BytesStart) -> Element {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let name = text(tag.name().as_ref());
    let attributes = tag.attributes().map(|attribute| {
        // It fails for one that is there twice.
        let attribute = attribute.unwrap_or_else(|error| panic!("{page}: {name}: {error}"));
        (text(attribute.key.as_ref()), attribute.unescape_value().unwrap().into_owned())
    });
    Element { attributes: attributes.collect(), name: text(tag.name().as_ref()), ..Element::default() }
}

fn add(open: &mut [Element], all: &mut Vec<Element>, element: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(element.name.clone());
    }
    all.push(element);
}

fn add_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn character(name: &str, reference: &str) -> String {
    let known = [("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("#39", "'")];
    let found = known.iter().find(|(name, _)| *name == reference);
    found.unwrap_or_else(|| panic!("{name}: &{reference};")).1.into()
}

#[test]
fn every_page_is_well_formed_and_has_every_section() {
    for (name, incident) in samples::all() {
        let elements = elements(name, &page(&incident));
        let named = |level| elements.iter().filter(move |one: &&Element| one.name == level);
        let headings: Vec<&str> = named("h2").map(|heading| heading.text.as_str()).collect();
        assert_eq!(headings, SECTIONS, "{name}");
        assert_eq!(named("h1").count(), 1, "{name}");
        for landmark in ["header", "main", "footer", "title", "body"] {
            assert!(elements.iter().any(|one| one.name == landmark), "{name}: {landmark}");
        }
    }
}

#[test]
fn every_reference_leads_to_something() {
    for (name, incident) in samples::all() {
        let elements = elements(name, &page(&incident));
        let ids: Vec<&str> = elements.iter().filter_map(|one| one.get("id")).collect();
        let known: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(known.len(), ids.len(), "{name}: an id is there twice: {ids:?}");
        for element in &elements {
            for key in ["aria-labelledby", "aria-describedby"] {
                let referred = element.get(key).into_iter().flat_map(str::split_whitespace);
                referred.for_each(|id| assert!(known.contains(id), "{name}: {key} {id}"));
            }
            if let Some(id) = element.get("href").and_then(|address| address.strip_prefix('#')) {
                assert!(known.contains(id), "{name}: link to {id}");
            }
        }
    }
}

#[test]
fn a_page_runs_and_fetches_nothing() {
    for (name, incident) in samples::all() {
        let page = page(&incident);
        assert!(!page.contains("://"), "{name}: {}", page.split("://").next().unwrap());
        let elsewhere = page.split("url(").skip(1).find(|after| !after.starts_with('#'));
        assert_eq!(elsewhere, None, "{name}");
        for element in elements(name, &page) {
            assert!(!FOREIGN.contains(&element.name.as_str()), "{name}: {element:?}");
            for (key, value) in &element.attributes {
                assert!(
                    !key.starts_with("on") && !["src", "srcset", "action", "data"].contains(&key.as_str()),
                    "{name}: {key}"
                );
                let is_local = key != "href" || value.starts_with('#') || value.starts_with("./");
                assert!(is_local && !key.contains(':'), "{name}: {key}={value}");
            }
        }
    }
}

#[test]
fn tables_and_drawings_can_be_understood_without_seeing_them() {
    for (name, incident) in samples::all() {
        for element in elements(name, &page(&incident)) {
            let has = |child: &str| element.children.iter().any(|name| name == child);
            match (element.name.as_str(), element.get("role")) {
                ("table", _) => assert!(has("caption") && has("thead"), "{name}: {element:?}"),
                ("th", _) => assert!(element.get("scope").is_some(), "{name}: {element:?}"),
                ("svg", Some("img")) => assert!(has("title"), "{name}: {element:?}"),
                // The bars of a flame graph have titles of their own.
                ("svg", _) => assert!(has("title") || element.get("aria-hidden").is_some(), "{name}: {element:?}"),
                _ => {}
            }
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    let page = page(&samples::hostile());
    let shown = "&lt;/script&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;";
    assert!(page.matches(shown).count() > 30, "{}", page.matches(shown).count());
    assert!(!page.contains("<script") && !page.contains("]]>") && !page.contains("-->"));
    assert!(!page.chars().any(|c| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}'));
}

#[test]
fn a_hostile_drawing_is_tamed_or_left_out() {
    let incident = samples::fixture();
    let tamed = highwater_report::page(&incident, &|_| {
        Some("<svg id='next' onload='a()'><script>a()</script><a href='javascript:a()'><text id='next'>t</text></a></svg>".into())
    });
    assert!(elements("tamed", &tamed).iter().any(|one| one.get("id") == Some("graph-1-next")));
    assert!(!tamed.contains("a()"));
    for broken in ["", "<svg>", "<svg><g></svg>", "</div><svg></svg></body>", "<html><svg/></html>"] {
        let page = highwater_report::page(&incident, &|_| Some(broken.into()));
        elements(broken, &page);
    }
}

#[test]
fn what_there_is_is_shown() {
    let elements = elements("fixture", &page(&samples::fixture()));
    let has = |text: &str| elements.iter().any(|one| one.text.contains(text));
    for wanted in ["+144.6 MiB", "606\u{a0}618", "1 more", "limit 256 MiB", "share of time stalled on memory"] {
        let shown = has(wanted);
        assert!(shown, "{wanted}");
    }
    let exact = elements.iter().filter_map(|one| one.get("title"));
    assert!(exact.into_iter().any(|title| title == "268\u{a0}435\u{a0}456 bytes"));
    let links: Vec<&str> = elements.iter().filter_map(|one| one.get("href")).collect();
    assert!(links.contains(&"./heap-profile-heap-2.pb.gz") && links.contains(&"./difference.svg"), "{links:?}");
    let sums = elements.iter().filter(|one| one.name == "code").filter_map(|one| one.get("title"));
    assert_eq!(sums.filter(|sum| sum.len() == 64).count(), 4);
}

#[test]
fn a_long_incident_stays_a_small_page() {
    let page = page(&samples::long());
    assert!(page.len() < 600_000, "{} bytes", page.len());
}

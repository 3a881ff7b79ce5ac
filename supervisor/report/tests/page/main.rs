//! The page in a real browser: `tests/run page`. Pictures of it are left in `target/page`.

mod browser;
#[path = "../samples/mod.rs"]
mod samples;
mod view;

use std::path::{Path, PathBuf};
use std::process::Command;

use browser::Browser;
use highwater_report::incident::Incident;
use view::{ALL, View};

/// Every element that is wider than the page, in a few words.
const TOO_WIDE: &str = include_str!("too_wide.js");
/// Every text that is hard to read on what is behind it, in a few words.
const TOO_FAINT: &str = include_str!("too_faint.js");

fn page(incident: &Incident) -> String {
    let graphs = |file: &str| std::fs::read_to_string(samples::fixture_directory().join(file)).ok();
    highwater_report::page(incident, &graphs)
}

/// Where pictures go.
fn pictures() -> PathBuf {
    let given = std::env::var_os("HIGHWATER_PICTURES").map(PathBuf::from);
    let directory = given.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("page"));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn every_page_opens_in_silence_and_fits() {
    let mut browser = Browser::start();
    for (name, incident) in samples::all() {
        let page = page(&incident);
        for view in ALL {
            view.open(&mut browser, &page);
            browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)");
            let too_wide = browser.evaluate(TOO_WIDE);
            assert_eq!(too_wide, serde_json::json!([]), "{name}, {view:?}");
        }
    }
}

#[test]
fn every_text_can_be_read() {
    let mut browser = Browser::start();
    for (name, incident) in samples::all() {
        // The same colours in every row.
        if name == "long" {
            continue;
        }
        let page = page(&incident);
        for view in ALL {
            view.open(&mut browser, &page);
            browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)");
            let too_faint = browser.evaluate(TOO_FAINT);
            assert_eq!(too_faint, serde_json::json!([]), "{name}, {view:?}");
        }
    }
}

#[test]
fn the_page_says_what_it_should() {
    let mut browser = Browser::start();
    let incident = samples::fixture();
    let page = page(&incident);
    for view in ALL {
        view.open(&mut browser, &page);
        let text = browser.evaluate("document.body.innerText").as_str().unwrap().to_owned();
        let sentences = highwater_report::summary(&incident);
        let steps = ["heap-profile", "throttle", "reclaim", "restart"].map(String::from);
        let rest = ["Restarted", "github.com/acme/sessions/store.(*Memory).Put", "+144.6 MiB", "What to do next"];
        for wanted in sentences.into_iter().chain(steps).chain(rest.map(String::from)) {
            assert!(text.contains(&wanted), "{view:?}: {wanted}\nis missing in\n{text}");
        }
        let charts =
            "[...document.querySelectorAll('svg.chart[role=img]')].filter(one => one.checkVisibility()).length";
        assert_eq!(browser.evaluate(charts), 1, "{view:?}");
        assert_eq!(browser.evaluate("document.querySelectorAll('.graph svg svg rect').length"), 25, "{view:?}");
    }
}

#[test]
fn pictures_are_taken() {
    let mut browser = Browser::start();
    let page = page(&samples::fixture());
    for view in ALL {
        view.open(&mut browser, &page);
        let file = format!("{}-{}.png", view.width, view.scheme);
        view.picture(&mut browser, None, &pictures().join(file));
    }
    let view = View { width: 1200, scheme: "light" };
    view.open(&mut browser, &page);
    view.look(&mut browser, 1.0);
    let end = browser.evaluate("document.querySelector('#growers .top').getBoundingClientRect().bottom + scrollY + 24");
    let picture = pictures().join("incident.png");
    view.picture(&mut browser, end.as_f64(), &picture);
    assert!(std::fs::metadata(&picture).unwrap().len() > 20_000);
    if std::env::var_os("HIGHWATER_UPDATE").is_some() {
        keep(&picture);
    }
}

/// Makes the picture small and puts it where the README shows it.
fn keep(picture: &Path) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/incident.png");
    let mut pngquant = Command::new("pngquant");
    let status =
        pngquant.args(["--force", "--strip", "--speed=1", "--output"]).arg(&kept).arg("64").arg(picture).status();
    assert!(status.expect("tests/lane/setup page installs pngquant").success());
    assert!(std::fs::metadata(&kept).unwrap().len() < 200_000);
}

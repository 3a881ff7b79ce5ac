//! Rendered reports of policies with mistakes, each in `reports/NAME.toml` with what is said about it in
//! `reports/NAME.txt`. `HIGHWATER_UPDATE=1` writes the latter anew.

use std::path::{Path, PathBuf};

use highwater_policy::{Colour, Report, Severity, Source, parse};

/// The policies with mistakes, by name.
fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut samples: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    samples.sort();
    samples
}

fn report(path: &Path) -> Report {
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(path).unwrap();
    match parse(&Source { name, text }) {
        Ok(checked) => checked.warnings,
        Err(report) => report,
    }
}

#[test]
fn reports_read_as_they_should() {
    let mut wrong = Vec::new();
    for path in samples() {
        let rendered = report(&path).render(Colour::Never);
        let expected = path.with_extension("txt");
        if std::env::var_os("HIGHWATER_UPDATE").is_some() {
            std::fs::write(&expected, &rendered).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != rendered {
            wrong.push(format!("{}:\n{rendered}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "reports changed; look, and run with HIGHWATER_UPDATE=1:\n{}", wrong.join("\n"));
}

#[test]
fn reports_are_in_the_order_of_the_text() {
    for path in samples() {
        let report = report(&path);
        assert!(report.diagnostics().is_sorted_by_key(|one| one.at), "{}", path.display());
        let errors = report.diagnostics().iter().filter(|one| one.severity == Severity::Error).count();
        assert_eq!(errors + report.left_out(), report.errors(), "{}", path.display());
    }
}

#[test]
fn colour_is_nothing_but_colour() {
    let report = report(&samples()[0]);
    let coloured = report.render(Colour::Always);
    assert!(coloured.contains("\x1b[1;31merror\x1b[0m"));
    let mut plain = String::new();
    for (index, part) in coloured.split("\x1b[").enumerate() {
        plain += if index == 0 { part } else { part.split_once('m').unwrap().1 };
    }
    assert_eq!(plain, report.render(Colour::Never));
}

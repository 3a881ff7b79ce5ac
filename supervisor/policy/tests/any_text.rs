//! Whatever is in a policy: a policy or a report comes out, soon, and every place named is in the text.

use std::io::Write;

use proptest::prelude::*;

use highwater_policy::{Colour, Report, Source, load, parse};

/// Every place named is in the text, and it can be shown.
fn is_sensible(report: &Report, text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    for one in report.diagnostics() {
        if let Some((line, column)) = one.at {
            let width = lines.get(line - 1).unwrap_or_else(|| panic!("no line {line}: {one}")).chars().count();
            assert!((1..=width + 1).contains(&column), "no column {column}: {one}");
        }
    }
    let rendered = report.render(Colour::Never);
    assert!(!rendered.contains('\x1b') && rendered.len() < 100_000);
}

fn check(text: String) {
    let source = Source { name: "any.toml".to_owned(), text };
    match parse(&source) {
        Ok(checked) => {
            assert_eq!(checked.warnings.errors(), 0);
            is_sensible(&checked.warnings, &source.text);
        }
        Err(report) => {
            assert!(report.errors() > 0 && !report.is_empty());
            is_sensible(&report, &source.text);
        }
    }
}

/// Text that is nearly a policy: pieces of the language in any order.
fn nearly() -> impl Strategy<Value = String> {
    let pieces = [
        "[service]",
        "[memory]",
        "[trigger.a]",
        "[[step]]",
        "[step]",
        "[incident]",
        "name",
        "dump",
        "signal",
        "file",
        "max",
        "on",
        "usage",
        "restart",
        "budget",
        "times",
        "within",
        "kill",
        "shed",
        "shrink",
        "memory-event",
        "counter",
        "a",
        "=",
        " = ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\n",
        "\n",
        "\r\n",
        "\"",
        "'",
        "\"\"\"",
        "\"20s\"",
        "\"80%\"",
        "\"none\"",
        "\"SIGUSR1\"",
        "\"1s..1m\"",
        "'/x-*'",
        "['a']",
        "{}",
        "1",
        "2.5",
        "true",
        "#",
        ".",
        "-",
        "_",
        "\\",
        "\u{0}",
        "\t",
        "日本",
        "é",
        "1979-05-27",
    ];
    let piece = proptest::sample::select(pieces.to_vec());
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// A sound policy with one piece taken out or put in.
fn mutilated() -> impl Strategy<Value = String> {
    let sound = include_str!("../../../policies/three-tiers.toml");
    let places: Vec<usize> = (0..sound.len()).filter(|at| sound.is_char_boundary(*at)).collect();
    (proptest::sample::select(places), 0_usize..30, ".{0,5}").prop_map(move |(at, cut, put)| {
        let end = sound.floor_char_boundary((at + cut).min(sound.len())).max(at);
        format!("{}{put}{}", &sound[..at], &sound[end..])
    })
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match load(file.path()) {
            Ok(checked) => is_sensible(&checked.warnings, &text),
            Err(report) => is_sensible(&report, &text),
        }
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        check(text);
    }

    #[test]
    fn nearly_a_policy(text in nearly()) {
        check(text);
    }

    #[test]
    fn a_policy_with_a_piece_missing(text in mutilated()) {
        check(text);
    }
}

#[test]
fn a_megabyte_of_garbage_has_a_short_report() {
    let samples = ["= x\n", "[[step]]\n", "a = 1_\n", "[", "{a=", "\"", "[a]\n", "x", "a.b.c = 'x'\n", "\u{1b}[31m"];
    for sample in samples {
        let text = sample.repeat(1_000_000 / sample.len());
        let source = Source { name: "garbage.toml".to_owned(), text };
        let report = parse(&source).expect_err(sample);
        assert!(report.diagnostics().len() <= 50);
        assert!(report.render(Colour::Never).len() < 100_000, "{sample}");
        is_sensible(&report, &source.text);
    }
}

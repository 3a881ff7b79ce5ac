//! Growth of every kind, recorded from real services on two kernels, and its name.
//!
//! `tests/run vm classify::` records anew: copy `results/kept/recorded` of both runs to `recorded` here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use highwater_report::classify::{Kind, classify};
use highwater_report::incident::Incident;
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    expected: Kind,
    incident: Incident,
}

fn recorded() -> BTreeMap<PathBuf, Recorded> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let read = |file: PathBuf| (file.clone(), serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap());
    files.map(read).collect()
}

#[test]
fn every_recorded_case_gets_its_name() {
    for (file, case) in recorded() {
        let found = classify(&case.incident);
        assert_eq!(found.kind, case.expected, "{}: {} {:?}", file.display(), found.because, found.growth);
        assert!(found.because.contains(" MiB"), "{}: {}", file.display(), found.because);
    }
}

#[test]
fn every_kind_is_recorded_on_both_kernels() {
    let cases = recorded();
    for kernel in ["6.1", "6.12"] {
        let of_kernel = |file: &&PathBuf| file.to_string_lossy().ends_with(&format!("-{kernel}.json"));
        let kinds: Vec<Kind> = cases.keys().filter(of_kernel).map(|file| cases[file].expected).collect();
        for kind in [
            Kind::Anon,
            Kind::PageCache,
            Kind::Shmem,
            Kind::Kernel,
            Kind::HugePages,
            Kind::ManyProcesses,
            Kind::MappedFiles,
            Kind::OuterLimit,
            Kind::Burst,
        ] {
            assert!(kinds.contains(&kind), "{kind:?} on {kernel}");
        }
    }
}

#[test]
fn without_the_healthy_look_a_kind_is_still_named() {
    // All there is began with nothing: what a service began with then counts as growth, too.
    for (file, mut case) in recorded() {
        case.incident.baseline = None;
        let found = classify(&case.incident);
        assert_ne!(found.kind, Kind::Unknown, "{}: {}", file.display(), found.because);
    }
}

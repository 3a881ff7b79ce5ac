//! What to do next.

mod samples;

use highwater_report::advice;
use highwater_report::classify::{Classification, Kind};
use highwater_report::incident::{File, Incident};

#[track_caller]
fn advises(incident: &Incident, wanted: &[&str]) {
    let advice = advice(incident);
    for wanted in wanted {
        assert!(advice.iter().any(|said| said.contains(wanted)), "{wanted}\nis missing in\n{advice:#?}");
    }
}

#[test]
fn a_go_leak_is_opened_with_its_healthy_profile_as_base() {
    let leak = samples::leak();
    assert!(advice(&leak)[0].contains("`main.keep`"));
    advises(&leak, &["`go tool pprof -http=: -diff_base=baseline-heap.pb.gz dump-heap.pb.gz`", "`GOMEMLIMIT=120MiB`"]);
}

#[test]
fn what_is_compressed_or_kept_elsewhere_is_found() {
    let wanted = ["`zless classes.txt.gz`", "`gunzip -k Heap.1.heapsnapshot.gz`", "load `Heap.1.heapsnapshot`"];
    advises(&samples::heap_of_a_jvm(), &wanted);
    let mut leak = samples::leak();
    leak.files.remove(0);
    advises(&leak, &["-diff_base=../../healthy/baseline/baseline-heap.pb.gz dump-heap.pb.gz`"]);
}

#[test]
fn each_runtime_has_a_heap_limit_of_its_own() {
    advises(&samples::open(), &["`-Xmx104m`", "`policies/jvm.toml`"]);
    let node = Incident { runtime: Some("node".into()), ..samples::open() };
    advises(&node, &["`--max-old-space-size=64`"]);
}

#[test]
fn the_heap_is_left_alone_where_it_did_not_grow() {
    let cache = Classification { kind: Kind::PageCache, because: String::new(), growth: Vec::new() };
    let incident = Incident { classification: Some(cache), ..samples::open() };
    assert!(!advice(&incident).iter().any(|said| said.contains("-Xmx")));
}

#[test]
fn what_went_wrong_is_mended() {
    let skipped =
        ["There was no room for the dump `dump`. Give it some with `reserve`", "handle the signal in the service"];
    advises(&samples::skipped(), &skipped);
    advises(&samples::failed_dump(), &["longer than its `within`", "`dump-heap.pb.gz.partial` was cut short"]);
    advises(&samples::killed("own-limit"), &["lower `tripwire`", "died during the dump `dump`"]);
    advises(&samples::killed("outer-limit"), &["Lower `max` under `[memory]`"]);
    advises(&samples::budget_spent(), &["restart budget is spent"]);
    advises(&samples::without_limit(), &["The service has no limit", "Page cache is no leak"]);
    advises(
        &samples::without_baseline(),
        &["compared with a profile of the healthy service", "tracemalloc.Snapshot.load"],
    );
    advises(&samples::burst(), &["It was a burst and no leak"]);
}

#[test]
fn files_that_nothing_was_compared_with_are_opened_by_their_names() {
    let file = |path: &str| File { path: path.into(), complete: true, ..File::default() };
    let files = ["heap.hprof", "Heap.1.heapsnapshot", "core.159"].map(file).to_vec();
    advises(
        &Incident { files, ..samples::open() },
        &["Eclipse Memory Analyzer", "Chrome DevTools", "`gdb PROGRAM core.159`"],
    );
}

#[test]
fn nothing_is_advised_twice() {
    for (name, incident) in samples::all() {
        let advice = advice(&incident);
        let once: std::collections::BTreeSet<&String> = advice.iter().collect();
        assert!(once.len() == advice.len() && advice.len() < 12, "{name}: {advice:#?}");
    }
}

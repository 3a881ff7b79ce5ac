//! Cases made up; those recorded from real services are in `tests/recorded`.

use std::collections::BTreeMap;

use super::*;
use crate::incident::{Life, Reading, Step};
use crate::snapshot::{HugePages, Process, Snapshot};

const MIB: u64 = 1 << 20;

/// A look at a service that has so many MiB of each key.
fn look(keys: &[(&str, u64)]) -> Snapshot {
    let stat: BTreeMap<String, u64> = keys.iter().map(|(key, mib)| ((*key).to_owned(), mib * MIB)).collect();
    let of = |key: &str| stat.get(key).copied().unwrap_or(0);
    let current = Some(of("anon") + of("file") + of("kernel") + of("sock"));
    Snapshot { current, memory_stat: stat, generation: 1, process_count: 1, ..Snapshot::default() }
}

fn grown(before: &[(&str, u64)], after: &[(&str, u64)]) -> Incident {
    Incident { baseline: Some(look(before)), breach: Some(look(after)), ..Incident::default() }
}

fn kind(incident: &Incident) -> Kind {
    classify(incident).kind
}

#[test]
fn the_sentence_has_the_figures() {
    let found = classify(&grown(&[("anon", 20)], &[("anon", 162), ("file", 3)]));
    assert_eq!(found.because, "anonymous memory grew by 142.0 MiB of 145.0 MiB (98 %) since the service was healthy");
    let [anon, file] = [142 * MIB, 3 * MIB].map(u64::cast_signed);
    assert_eq!(found.growth, [(Kind::Anon, anon), (Kind::PageCache, file)]);
}

#[test]
fn tmpfs_is_not_counted_as_page_cache_too() {
    assert_eq!(
        kind(&grown(&[("anon", 9)], &[("anon", 9), ("file", 60), ("shmem", 50), ("file_mapped", 50)])),
        Kind::Shmem
    );
}

#[test]
fn sockets_count_for_the_kernel() {
    let found = classify(&grown(&[("anon", 9)], &[("anon", 9), ("kernel", 5), ("sock", 50)]));
    assert_eq!(found.kind, Kind::Kernel);
    assert!(found.because.ends_with("50.0 MiB of it socket buffers"), "{}", found.because);
}

#[test]
fn without_a_healthy_look_what_grew_in_the_incident_counts() {
    let (breach, last) = (look(&[("anon", 100), ("file", 10)]), look(&[("anon", 100), ("file", 60)]));
    let growing = Incident { breach: Some(breach.clone()), last: Some(last), ..Incident::default() };
    assert_eq!(kind(&growing), Kind::PageCache);
    let still = Incident { breach: Some(breach.clone()), last: Some(breach), ..Incident::default() };
    let found = classify(&still);
    assert_eq!(found.kind, Kind::Anon);
    assert!(found.because.ends_with("since the service began"), "{}", found.because);
}

#[test]
fn a_look_at_the_next_life_does_not_count() {
    let next = Snapshot { generation: 2, ..look(&[("file", 500)]) };
    assert_eq!(kind(&Incident { last: Some(next), ..grown(&[("anon", 5)], &[("anon", 50)]) }), Kind::Anon);
    let late = Snapshot { generation: 2, ..look(&[("anon", 1)]) };
    assert_eq!(
        kind(&Incident { breach: Some(late), last: Some(look(&[("anon", 50)])), ..Incident::default() }),
        Kind::Anon
    );
}

#[test]
fn nothing_known_and_nothing_grown_are_unknown() {
    assert_eq!(kind(&Incident::default()), Kind::Unknown);
    assert_eq!(kind(&grown(&[("anon", 100)], &[("anon", 104)])), Kind::Unknown);
    assert_eq!(kind(&grown(&[("anon", 100)], &[("anon", 50)])), Kind::Unknown);
    assert_eq!(kind(&Incident { breach: Some(Snapshot::default()), ..Incident::default() }), Kind::Unknown);
}

#[test]
fn what_was_restarted_did_not_fall_by_itself() {
    let readings = [10, 100, 12].map(|mib| Reading { current: mib * MIB, ..Reading::default() }).to_vec();
    let resolved = Some("quiet".to_owned());
    let burst = Incident { resolved, readings, ..grown(&[("anon", 10)], &[("anon", 100)]) };
    assert_eq!(kind(&burst), Kind::Burst);
    let still_open = Incident { resolved: None, ..burst.clone() };
    assert_eq!(kind(&still_open), Kind::Anon);
    let ended = Life { ended_ms: Some(5), ..Life::default() };
    assert_eq!(kind(&Incident { lives: vec![ended], ..burst.clone() }), Kind::Anon);
    let step = |outcome: &str| Step { action: "throttle".into(), outcome: Some(outcome.into()), ..Step::default() };
    assert_eq!(kind(&Incident { steps: vec![step("done")], ..burst.clone() }), Kind::Anon);
    assert_eq!(kind(&Incident { steps: vec![step("skipped")], ..burst }), Kind::Burst);
}

#[test]
fn a_service_that_grew_into_an_outer_limit_is_to_blame_itself() {
    let life = Life { cause: Some("outer-limit".into()), ..Life::default() };
    let killed = |incident| classify(&Incident { lives: vec![life.clone()], ..incident });
    let innocent = killed(grown(&[("anon", 100)], &[("anon", 110)]));
    assert_eq!(innocent.kind, Kind::OuterLimit);
    assert!(innocent.because.contains("it has none of its own"), "{}", innocent.because);
    let guilty = killed(grown(&[("anon", 20)], &[("anon", 110)]));
    assert_eq!(guilty.kind, Kind::Anon);
    assert!(guilty.because.ends_with("the limit that was reached is one further up"), "{}", guilty.because);
    assert_eq!(killed(Incident::default()).kind, Kind::OuterLimit);
}

#[test]
fn full_huge_pages_are_a_heap_like_any_other() {
    let huge = |empty| {
        let mut incident = grown(&[("anon", 10)], &[("anon", 110), ("anon_thp", 96)]);
        if let Some(breach) = &mut incident.breach {
            breach.huge_pages = Some(HugePages { looked_at: 1000, empty });
        }
        classify(&incident)
    };
    assert_eq!(huge(200).kind, Kind::Anon);
    let inflated = huge(900);
    assert_eq!(inflated.kind, Kind::HugePages);
    assert!(inflated.because.contains("90 % of what was looked at"), "{}", inflated.because);
}

#[test]
fn workers_that_inherited_a_large_heap_are_small() {
    let process = |pid, mib| Process { pid, own: mib * MIB, ..Process::default() };
    let mut incident = grown(&[("anon", 200)], &[("anon", 320)]);
    if let (Some(before), Some(after)) = (&mut incident.baseline, &mut incident.breach) {
        before.processes = vec![process(1, 200)];
        after.processes = (2..14).map(|pid| process(pid, 210)).chain([process(1, 200)]).collect();
        after.process_count = 13;
    }
    assert_eq!(kind(&incident), Kind::ManyProcesses);
    if let Some(after) = &mut incident.breach {
        after.processes[12] = process(1, 300);
    }
    assert_eq!(kind(&incident), Kind::Anon, "one of them has nearly all");
}

#[test]
fn without_a_memory_controller_the_main_process_stands_for_the_service() {
    let of = |rss: u64, anon: u64| Snapshot {
        rollup: [("Rss", rss), ("Anonymous", anon)].map(|(key, mib)| (key.to_owned(), mib * MIB)).into(),
        ..Snapshot::default()
    };
    let leak = Incident { baseline: Some(of(20, 10)), breach: Some(of(120, 109)), ..Incident::default() };
    assert_eq!(kind(&leak), Kind::Anon);
}

#[test]
fn absurd_figures_are_borne() {
    let absurd = Snapshot { current: Some(u64::MAX), ..look(&[]) };
    let stat = |value| BTreeMap::from(["anon", "file", "kernel", "sock", "shmem"].map(|key| (key.to_owned(), value)));
    for (before, after) in [(0, u64::MAX), (u64::MAX, 0), (1 << 63, u64::MAX >> 1)] {
        let [before, after] = [before, after].map(|value| Snapshot { memory_stat: stat(value), ..absurd.clone() });
        classify(&Incident { baseline: Some(before), breach: Some(after), ..Incident::default() });
    }
}

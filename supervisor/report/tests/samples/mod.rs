//! Incidents of many kinds, small ones made here and the large one of the fixture.

use std::path::{Path, PathBuf};

use highwater_profile::difference::{Difference, Grower, Total};
use highwater_profile::format::Format;
use highwater_report::classify::{Classification, Kind};
use highwater_report::incident::{Compared, File, Incident, Life, Reading, Step, Trigger};
use highwater_report::snapshot::{Mapping, Process, Snapshot};

/// One mebibyte in bytes.
pub const MIB: u64 = 1 << 20;

/// Every sample by its name.
pub fn all() -> Vec<(&'static str, Incident)> {
    vec![
        ("fixture", fixture()),
        ("leak", leak()),
        ("burst", burst()),
        ("killed at its own limit", killed("own-limit")),
        ("killed at an outer limit", killed("outer-limit")),
        ("budget spent", budget_spent()),
        ("failed dump", failed_dump()),
        ("skipped steps", skipped()),
        ("throttle in force", throttled()),
        ("still running", open()),
        ("no baseline", without_baseline()),
        ("heap of a JVM", heap_of_a_jvm()),
        ("no limit", without_limit()),
        ("nothing known", Incident::default()),
        ("hostile", hostile()),
        ("extreme", extreme()),
        ("long", long()),
    ]
}

/// Where the fixture is: as a directory of evidence has it.
pub fn fixture_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/evidence/20261122T080734Z-1")
}

/// The leaking Go service.
pub fn fixture() -> Incident {
    highwater_report::load(&fixture_directory()).unwrap()
}

/// What most samples begin with: 160 MiB of limit, growth of 4 MiB a second for 20 s from 70 MiB.
fn begun() -> Incident {
    Incident {
        version: 1,
        incident: "20261122T080734Z-1".into(),
        name: "sessions".into(),
        program: "/usr/bin/sessions".into(),
        opened: "2026-11-22T08:07:55.331000Z".into(),
        opened_by: "breach".into(),
        limit: Some(160 * MIB),
        readings: (0..=20).map(|second| reading(second * 1_000, 70 + 4 * second as u64)).collect(),
        triggers: vec![Trigger { trigger: "breach".into(), fired: true, reading: "high +1".into(), at_ms: 0 }],
        ..Incident::default()
    }
}

fn over() -> Incident {
    Incident { took_ms: Some(24_000), resolved: Some("every trigger stayed clear".into()), ..begun() }
}

fn reading(at_ms: i64, mib: u64) -> Reading {
    Reading {
        at_ms,
        current: mib * MIB,
        working_set: Some(mib * MIB - 5 * MIB),
        anon: Some(mib * MIB - 9 * MIB),
        high: (at_ms < 1_000).then_some(80 * MIB),
        max: Some(160 * MIB),
        stalled_us: Some(at_ms.unsigned_abs() * 30),
    }
}

pub fn step(at_ms: i64, action: &str, outcome: Option<&str>, reason: Option<&str>) -> Step {
    Step {
        at_ms,
        step: action.into(),
        action: action.into(),
        outcome: outcome.map(Into::into),
        reason: reason.map(Into::into),
        took_ms: Some(2_562),
        ..Step::default()
    }
}

fn life(generation: u32, ended_ms: Option<i64>, cause: Option<&str>) -> Life {
    let oom_killed = cause.is_some_and(|cause| cause.ends_with("-limit"));
    Life { generation, began_ms: None, ended_ms, cause: cause.map(Into::into), oom_killed }
}

fn grower(site: &str, before: u64, after: u64) -> Grower {
    let total = |mib: u64| Total { bytes: mib * MIB, objects: mib * 4 };
    Grower { site: site.into(), stack: vec!["main".into(), site.into()], before: total(before), after: total(after) }
}

fn compared(before: Option<&str>, format: Format, file: &str) -> Compared {
    let growers = vec![grower("main.keep", 4, 84), grower("main.parse", 2, 7), grower("main.drop", 9, 3)];
    let total = |mib: u64| Total { bytes: mib * MIB, objects: mib * 4 };
    let difference = Difference { format, before: total(15), after: total(94), growers };
    Compared { step: "dump".into(), before: before.map(Into::into), after: file.into(), difference, flame_graph: None }
}

fn file(path: &str) -> File {
    let sha256 = Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into());
    File { path: path.into(), bytes: 24_781, sha256, took_ms: 2_562, complete: true, step: "dump".into() }
}

fn dump() -> Step {
    Step { evidence: vec!["dump-heap.pb.gz".into()], ..step(100, "dump", Some("done"), None) }
}

/// Dumped and restarted.
pub fn leak() -> Incident {
    let restart = step(12_000, "restart", Some("done"), None);
    Incident {
        runtime: Some("go".into()),
        steps: vec![dump(), step(3_700, "throttle", Some("done"), Some("its time is over")), restart],
        lives: vec![
            life(1, Some(13_700), Some("asked")),
            Life { generation: 2, began_ms: Some(14_200), ..Life::default() },
        ],
        baseline: Some(snapshot(20)),
        breach: Some(snapshot(110)),
        last: Some(snapshot(140)),
        classification: Some(classification(Kind::Anon, "anonymous memory grew by 80 MiB of 90 MiB")),
        differences: vec![compared(Some("baseline-heap.pb.gz"), Format::Pprof, "dump-heap.pb.gz")],
        files: vec![file("baseline-heap.pb.gz"), file("dump-heap.pb.gz")],
        ..over()
    }
}

/// It rose and fell again, and nothing was done.
pub fn burst() -> Incident {
    let readings = (0..=20).map(|second| reading(second * 1_000, 150 - (second - 10).unsigned_abs() * 6)).collect();
    let kind = classification(Kind::Burst, "it rose by 60 MiB and fell by 60 MiB within 20 s");
    Incident { readings, classification: Some(kind), baseline: Some(snapshot(90)), ..over() }
}

/// The kernel was first.
pub fn killed(cause: &str) -> Incident {
    let step = step(900, "dump", Some("failed"), Some("the service died during it"));
    Incident { steps: vec![step], lives: vec![life(1, Some(1_200), Some(cause))], ..over() }
}

/// Too many restarts.
pub fn budget_spent() -> Incident {
    let restart = |at: i64| step(at, "restart", Some("done"), None);
    let last = step(12_000, "restart", Some("failed"), Some("the restart budget is spent"));
    let lives = vec![life(1, Some(3_000), Some("asked")), life(2, Some(9_000), Some("asked"))];
    Incident {
        steps: vec![restart(2_000), restart(8_000), last],
        lives,
        resolved: Some("the restart budget is spent".into()),
        ..over()
    }
}

/// A file that was never closed.
pub fn failed_dump() -> Incident {
    let partial = File { complete: false, sha256: None, ..file("dump-heap.pb.gz.partial") };
    let failed = step(100, "dump", Some("timed-out"), Some("20 s passed and the file is still being written"));
    Incident { steps: vec![failed], files: vec![partial], baseline: Some(snapshot(20)), ..over() }
}

/// No room, no handler, no ability, and one too many.
pub fn skipped() -> Incident {
    let skip = |at, action, reason| step(at, action, Some("skipped"), Some(reason));
    let arithmetic = "capture from outside: 3.2 MiB left, 12 MiB needed, 40 MiB/s leak takes 19 MiB in 480 ms";
    Incident {
        steps: vec![
            skip(10, "dump", arithmetic),
            skip(20, "signal", "the process does not handle SIGUSR1, which would end it"),
            skip(30, "throttle", "70 MiB in use, nothing to reclaim and nothing growing"),
            step(40, "restart", Some("cancelled"), Some("highwater was asked to end")),
        ],
        ..over()
    }
}

/// The lease is not over.
pub fn throttled() -> Incident {
    let throttle = Step { took_ms: None, ..step(4_000, "throttle", None, None) };
    Incident { steps: vec![dump(), throttle], files: vec![file("dump-heap.pb.gz")], ..begun() }
}

/// Nothing has been done yet.
pub fn open() -> Incident {
    Incident { runtime: Some("jvm".into()), lives: vec![life(1, None, None)], ..begun() }
}

/// A dump, and nothing to compare it with.
pub fn without_baseline() -> Incident {
    Incident {
        runtime: Some("python".into()),
        steps: vec![dump()],
        differences: vec![compared(None, Format::Tracemalloc, "dump-heap.pb.gz")],
        files: vec![file("dump-heap.pb.gz")],
        ..over()
    }
}

/// Types, the first of which everybody uses, and captures that were compressed.
pub fn heap_of_a_jvm() -> Incident {
    let mut compared = compared(Some("baseline-classes.txt"), Format::JvmHistogram, "classes.txt.gz");
    compared.difference.growers =
        vec![grower("byte[]", 10, 90), grower("java.lang.String", 2, 20), grower("com.acme.Session", 1, 3)];
    let heap = File { path: "Heap.1.heapsnapshot.gz".into(), ..file("") };
    Incident {
        runtime: Some("jvm".into()),
        steps: vec![dump()],
        differences: vec![compared],
        files: vec![file("classes.txt.gz"), heap],
        ..over()
    }
}

/// No `memory.max`.
pub fn without_limit() -> Incident {
    let mut incident = Incident { limit: None, classification: Some(classification(Kind::PageCache, "")), ..over() };
    incident.readings.iter_mut().for_each(|reading| reading.max = None);
    incident
}

/// Text that would like to be markup, in every field.
pub fn hostile() -> Incident {
    let bad = "</script><script>alert('x')</script>\"'&<\u{0}\u{1b}\u{202e}`]]>-->";
    let text = || String::from(bad);
    let some = || Some(text());
    let mut compared = compared(Some(bad), Format::HeapSnapshot, bad);
    compared.flame_graph = some();
    compared.step = text();
    for grower in &mut compared.difference.growers {
        (grower.site, grower.stack) = (text(), vec![text(); 3]);
    }
    let mapping = Mapping { name: text(), rss: MIB, anonymous: MIB };
    let process = Process { pid: 1, name: text(), rss: MIB, own: MIB };
    let keys = std::collections::BTreeMap::from([(text(), 1_u64)]);
    let snapshot = Snapshot {
        time: text(),
        memory_stat: keys.clone(),
        rollup: keys,
        mappings: vec![mapping],
        processes: vec![process],
        open_files: [(text(), 1)].into(),
        ..snapshot(20)
    };
    Incident {
        incident: text(),
        name: text(),
        program: text(),
        runtime: some(),
        opened: text(),
        opened_by: text(),
        resolved: some(),
        triggers: vec![Trigger { trigger: text(), reading: text(), ..Trigger::default() }],
        steps: vec![Step {
            step: text(),
            action: text(),
            plan: some(),
            evidence: vec![text()],
            outcome: some(),
            reason: some(),
            ..Step::default()
        }],
        lives: vec![Life { cause: some(), ended_ms: Some(5), ..Life::default() }],
        baseline: Some(snapshot.clone()),
        breach: Some(snapshot.clone()),
        last: Some(snapshot),
        classification: Some(classification(Kind::Unknown, bad)),
        differences: vec![compared],
        files: vec![File { path: text(), sha256: some(), step: text(), ..file("") }],
        ..over()
    }
}

/// The largest and smallest of everything.
pub fn extreme() -> Incident {
    let most = Reading {
        at_ms: i64::MAX,
        current: u64::MAX,
        max: Some(u64::MAX),
        high: Some(0),
        stalled_us: Some(0),
        ..reading(0, 90)
    };
    let least = Reading { at_ms: i64::MIN, current: 0, max: None, stalled_us: Some(u64::MAX), ..reading(0, 90) };
    let step = Step { took_ms: Some(u64::MAX), current: Some(u64::MAX), ..step(i64::MAX, "dump", Some("done"), None) };
    let growth = vec![(Kind::Anon, i64::MAX), (Kind::Kernel, i64::MIN), (Kind::Shmem, 0)];
    let mut compared = compared(Some("a"), Format::Pprof, "b");
    compared.difference.growers[0].after = Total { bytes: u64::MAX, objects: u64::MAX };
    compared.difference.growers[1].before = Total { bytes: u64::MAX, objects: u64::MAX };
    Incident {
        readings: vec![least, most],
        steps: vec![step],
        lives: vec![Life { began_ms: Some(i64::MAX), ended_ms: Some(i64::MIN), oom_killed: true, ..Life::default() }],
        limit: Some(0),
        took_ms: Some(u64::MAX),
        classification: Some(Classification { kind: Kind::Anon, because: String::new(), growth }),
        differences: vec![compared],
        ..Incident::default()
    }
}

/// Hours of readings, and more steps than there is room for flags.
pub fn long() -> Incident {
    let usage = |second: i64| 60 + (second % 600) as u64 / 6;
    let readings = (0..30_000).map(|second| reading(second * 1_000, usage(second))).collect();
    let restart = |number: i64| step(number * 90_000, "restart", Some("done"), None);
    let mut steps: Vec<Step> = (0..60).map(|at| step(600_000 + at * 40, "signal", Some("failed"), Some("x"))).collect();
    steps.extend((10..300).map(restart));
    steps.sort_by_key(|step| step.at_ms);
    Incident { readings, steps, took_ms: Some(30_000_000), ..over() }
}

fn classification(kind: Kind, because: &str) -> Classification {
    let mib = |mib: i64| mib * MIB.cast_signed();
    let growth = vec![(Kind::Anon, mib(80)), (Kind::Kernel, mib(1)), (Kind::PageCache, mib(-12))];
    Classification { kind, because: because.into(), growth }
}

fn snapshot(mib: u64) -> Snapshot {
    Snapshot {
        time: "2026-11-22T08:07:55.331000Z".into(),
        generation: 1,
        current: Some(mib * MIB),
        max: Some(160 * MIB),
        memory_stat: [("anon".into(), mib * MIB), ("file".into(), 5 * MIB)].into(),
        mappings: vec![Mapping { name: "[anon]".into(), rss: mib * MIB, anonymous: mib * MIB }],
        threads: 8,
        open_files: [("socket".into(), 12)].into(),
        processes: vec![Process { pid: 159, name: "sessions".into(), rss: mib * MIB, own: mib * MIB }],
        process_count: 1,
        ..Snapshot::default()
    }
}

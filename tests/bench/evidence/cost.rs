//! What a dump costs the service, by source.
//!
//! A service is filled to a level and left alone, so that all that is charged afterwards is the dump's. It is dumped
//! twice: the first time memory is watched, the second time `/healthz` is asked all the while, whose own garbage would
//! spoil the first measurement.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use highwater_tests::{Highwater, Scratch, program};
use serde_json::Value;

use super::service::{Runtime, Service};
use super::watch::{Charged, Gap};
use super::{end_of, is_wanted, tried, within};
use crate::table::Table;

/// How long a start, a fill or a dump may take in emulation.
const PATIENCE: Duration = Duration::from_secs(100);
/// Shorter than the pause before each dump.
const CALM: Duration = Duration::from_millis(1500);

/// Name of the row, service, MiB at which it is dumped, and the source; `DIR` and `PORT` stand for what they are.
const SOURCES: [(&str, Runtime, u32, &str); 14] = [
    ("Go, by signal", Runtime::Go, 80, r#"signal = "SIGUSR1", file = "DIR/heap-*.pb.gz""#),
    ("Go, by http", Runtime::Go, 80, r#"http = "http://127.0.0.1:PORT/debug/pprof/heap""#),
    ("Go, from outside", Runtime::Go, 80, r#"go = "heap""#),
    ("JVM, histogram", Runtime::Jvm, 130, r#"jvm = "histogram""#),
    ("JVM, threads", Runtime::Jvm, 130, r#"jvm = "threads""#),
    ("JVM, heap", Runtime::Jvm, 130, r#"jvm = "heap""#),
    ("Python, tracemalloc by signal", Runtime::Python, 80, r#"signal = "SIGUSR1", file = "DIR/snapshot-*""#),
    ("Python, stacks by py-spy", Runtime::Python, 80, r#"python = "stacks""#),
    ("Node, snapshot", Runtime::Node, 120, r#"signal = "SIGUSR2", file = "DIR/Heap.*.heapsnapshot""#),
    ("Node, report", Runtime::Node, 120, r#"signal = "SIGHUP", file = "DIR/report.*.json""#),
    ("native, 16 MiB by signal", Runtime::Native, 60, r#"signal = "SIGUSR1", file = "DIR/heap-*.bin""#),
    ("jemalloc, by signal", Runtime::Jemalloc, 60, r#"signal = "SIGUSR1", file = "DIR/sessions-*.heap""#),
    ("native, core", Runtime::Native, 60, r#"core = "gcore""#),
    ("Python, core", Runtime::Python, 80, r#"core = "gcore""#),
];

struct Cost {
    bytes: u64,
    took_ms: u64,
    extra: Charged,
    /// Longest time without an answer: during the dump, and before it.
    pauses: Option<(Duration, Duration)>,
}

pub fn run() {
    let table = Table::new(&[
        "source",
        "dump bytes",
        "took ms",
        "extra MiB of the service",
        "page cache of it, MiB",
        "extra MiB beside it",
        "longest pause ms",
        "without a dump ms",
    ]);
    for (name, runtime, level, dump) in SOURCES.into_iter().filter(|(name, ..)| is_wanted(name)) {
        let cost = tried(|| measured(runtime, level, dump)).and_then(|cost| cost);
        table.row(&row(name, cost));
    }
}

fn row(name: &str, cost: Result<Cost, String>) -> Vec<String> {
    let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let cells = match cost {
        Ok(cost) => {
            let ms = |pause: Option<Duration>| pause.map_or("-".into(), |pause| pause.as_millis().to_string());
            [
                cost.bytes.to_string(),
                cost.took_ms.to_string(),
                mib(cost.extra.own),
                mib(cost.extra.cache),
                mib(cost.extra.beside),
                ms(cost.pauses.map(|(during, _)| during)),
                ms(cost.pauses.map(|(_, before)| before)),
            ]
        }
        Err(why) => [why, "-".into(), "-".into(), "-".into(), "-".into(), "-".into(), "-".into()],
    };
    [name.to_owned()].into_iter().chain(cells).collect()
}

fn measured(runtime: Runtime, level: u32, dump: &str) -> Result<Cost, String> {
    let scratch = Scratch::new("cost");
    let launcher = Highwater::inside(&scratch).env("PATH", path());
    let service = Arc::new(Service::new(runtime, launcher.directory()));
    let dump =
        dump.replace("DIR", &launcher.directory().to_string_lossy()).replace("PORT", &service.profiles.to_string());
    let mut highwater = launcher.policy(policy(level, &dump, runtime)).run(service.holding());
    let group = PathBuf::from(highwater.started(1)["cgroup"].as_str().expect("a cgroup"));
    fill(&highwater, &service);

    std::thread::sleep(CALM);
    let before = Charged::now(scratch.path(), &group);
    let peak = Charged::peak(scratch.path(), &group);
    let end = within(PATIENCE, "the dump", || end_of(&highwater, "dump"));
    let peak = peak.end();
    let (bytes, took_ms) = of(&end)?;
    let pauses = service.answers().then(|| pauses(&highwater, &service)).transpose()?;
    highwater.stop();
    Ok(Cost { bytes, took_ms, extra: peak.beyond(before), pauses })
}

/// Where programs are found: py-spy lies among those that were built.
fn path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":");
    path.push(program("py-spy").parent().expect("it is in a directory"));
    path
}

/// A limit that nothing here comes near, and dumps that begin seconds after the level is reached.
fn policy(level: u32, dump: &str, runtime: Runtime) -> String {
    let environment = match runtime {
        Runtime::Jemalloc => {
            r#"env = { LD_PRELOAD = "libjemalloc.so.2", MALLOC_CONF = "prof:true,lg_prof_sample:16" }"#
        }
        _ => "",
    };
    let step = |name: &str| {
        format!("[[step]]\nname = \"{name}\"\nafter = \"4s\"\ndump = {{ {dump}, within = \"90s\", keep = 1 }}\n")
    };
    format!(
        "[service]\n{environment}\n[memory]\nmax = \"640MiB\"\ntripwire = \"off\"\n[trigger.level]\nusage = {{ of = \"anon\", above = \
         \"{level}MiB\" }}\n[evidence]\nmax-bytes = \"3GiB\"\n{}{}",
        step("dump"),
        step("again")
    )
}

/// Logs in until highwater sees the level.
fn fill(highwater: &Highwater, service: &Service) {
    let has_fired = || (!highwater.journal().events("trigger.fired").is_empty()).then_some(());
    if !service.answers() {
        std::fs::write(service.leak_file(), "").expect("the disk is writable");
        within(PATIENCE, "the level", has_fired);
        return std::fs::remove_file(service.leak_file()).expect("it was just made");
    }
    within(PATIENCE, "the first answer", || service.is_healthy().then_some(()));
    within(PATIENCE, "the level", || {
        for _ in 0..8 {
            let _ = service.log_in();
        }
        has_fired()
    });
}

/// The longest without an answer during the second dump, and before it.
fn pauses(highwater: &Highwater, service: &Arc<Service>) -> Result<(Duration, Duration), String> {
    let calm = Gap::of(service);
    std::thread::sleep(CALM);
    let calm = calm.end().longest;
    let busy = Gap::of(service);
    let end = within(PATIENCE, "the second dump", || end_of(highwater, "again"));
    let busy = busy.end().longest;
    of(&end).map(|_| (busy, calm))
}

/// Bytes and milliseconds of a dump that was made.
fn of(end: &Value) -> Result<(u64, u64), String> {
    if end["outcome"] != "done" {
        return Err(format!("{} {}", end["event"], end["reason"]).replace('|', "/"));
    }
    let pieces = end["evidence"].as_array().map(Vec::as_slice).unwrap_or_default();
    let bytes = pieces.iter().filter_map(|piece| piece["bytes"].as_u64()).sum();
    Ok((bytes, end["took_ms"].as_u64().unwrap_or(0)))
}

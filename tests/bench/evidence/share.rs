//! Of breaches at different leak rates, how many leave evidence that can be read, how soon, and does the service end
//! gracefully after it?
//!
//! A rate is what the service is asked to leak at; what it comes to on the way to the tripwire is measured, too, for an
//! emulated processor does not keep up with all that is asked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use highwater_tests::{Highwater, Scratch, program};
use serde_json::Value;

use super::service::{Runtime, Service};
use super::watch::Climb;
use super::{end_of, is_wanted, tried, within};
use crate::breach;
use crate::table::{Table, median};

const RATES: [&str; 4] = ["10", "50", "200", "1000"];
/// How long a service may take to its breach and its end.
const PATIENCE: Duration = Duration::from_secs(120);
const LEAKER_DUMP: u64 = 16 << 20;

/// What follows the dump.
const RESTART: &str = r#"
[[step]]
name = "restart"
restart = { budget = { times = 1, within = "1h" }, backoff = "1m..1m" }
"#;
/// So far below the tripwire the rate begins to be measured.
const RUN_UP: u64 = 32 << 20;

/// Name, service, tripwire in per cent of the limit, and its dump with `DIR` for its directory.
const SERVICES: [(&str, Runtime, u64, &str); 3] = [
    ("native", Runtime::Native, 80, r#"signal = "SIGUSR1", file = "DIR/heap-*.bin", needs = "16MiB""#),
    (
        "Go",
        Runtime::Go,
        80,
        r#"signal = "SIGUSR1", file = "DIR/heap-*.pb.gz", needs = "4MiB", fallback = [{ go = "heap" }]"#,
    ),
    ("JVM", Runtime::Jvm, 65, r#"jvm = "histogram", fallback = [{ jvm = "threads", within = "10s" }]"#),
];

#[derive(Default)]
struct Outcome {
    verified: bool,
    graceful: bool,
    rate: Option<u64>,
    took_ms: Option<u64>,
    why_not: Option<String>,
}

pub fn run() {
    let runs = std::env::var("HIGHWATER_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let of_each = SERVICES.iter().flat_map(|(name, ..)| {
        ["MB/s", "verified", "ms from breach", "graceful"].map(|column| format!("{name}: {column}"))
    });
    let columns: Vec<String> = ["asked".into()].into_iter().chain(of_each).chain(["why not".into()]).collect();
    let table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for rate in RATES.into_iter().filter(|rate| is_wanted(&format!("{rate} MB/s"))) {
        let mut cells = vec![rate.to_owned()];
        let mut why_not = Vec::new();
        for (name, runtime, tripwire, dump) in SERVICES {
            let once = |_| tried(|| breach(runtime, rate, tripwire, dump)).unwrap_or_else(Outcome::none);
            let outcomes: Vec<Outcome> = (0..runs).map(once).collect();
            cells.extend(of(&outcomes));
            why_not
                .extend(outcomes.into_iter().filter_map(|outcome| outcome.why_not).map(|why| format!("{name}: {why}")));
        }
        cells.push(why_not.join("; "));
        table.row(&cells);
    }
}

impl Outcome {
    fn none(why: String) -> Self {
        Self { why_not: Some(why), ..Self::default() }
    }
}

fn of(outcomes: &[Outcome]) -> [String; 4] {
    let count = |holds: fn(&Outcome) -> bool| {
        format!("{}/{}", outcomes.iter().filter(|outcome| holds(outcome)).count(), outcomes.len())
    };
    let middle = |of: fn(&Outcome) -> Option<u64>| {
        median(outcomes.iter().filter_map(of).collect()).map_or("-".into(), |value| value.to_string())
    };
    [
        middle(|outcome| outcome.rate),
        count(|outcome| outcome.verified),
        middle(|outcome| outcome.took_ms),
        count(|outcome| outcome.graceful),
    ]
}

fn breach(runtime: Runtime, rate: &str, tripwire: u64, dump: &str) -> Outcome {
    let scratch = Scratch::new("share");
    let launcher = Highwater::inside(&scratch);
    let service = Service::new(runtime, launcher.directory());
    let dump = dump.replace("DIR", &launcher.directory().to_string_lossy());
    let policy = breach::policy(tripwire, &dump) + RESTART;
    let mut highwater = launcher.policy(policy).run(service.leaking(rate));
    let group = PathBuf::from(highwater.started(1)["cgroup"].as_str().expect("a cgroup"));
    let tripwire = breach::LIMIT * tripwire / 100;
    let climb = Climb::between(tripwire - RUN_UP, tripwire, &group);
    if service.answers() {
        within(PATIENCE, "the first answer", || service.is_healthy().then_some(()));
        std::fs::write(service.leak_file(), "").expect("the disk is writable");
    }
    let journal = highwater.journal();
    let exited = within(PATIENCE, "the end of the service", || journal.events("service.exited").into_iter().next());
    let outcome = Outcome { rate: climb.end().rate(), ..outcome(&highwater, &exited) };
    highwater.stop();
    outcome
}

fn outcome(highwater: &Highwater, exited: &Value) -> Outcome {
    let end = end_of(highwater, "dump").unwrap_or_default();
    let verified = verify(&end);
    let opened = highwater.journal().events("incident.opened").first().and_then(|line| line["mono_ns"].as_u64());
    let took = end["mono_ns"].as_u64().zip(opened).map(|(end, opened)| end.saturating_sub(opened) / 1_000_000);
    Outcome {
        // A service that was killed in spite of being asked has no code.
        graceful: exited["cause"] == "asked" && exited["oom_killed"] == false && exited["code"].is_u64(),
        took_ms: took.filter(|_| verified.is_ok()),
        verified: verified.is_ok(),
        rate: None,
        why_not: verified.err().map(|why| why.replace('|', "/")),
    }
}

/// Evidence counts if it is there and can be read to its end.
fn verify(end: &Value) -> Result<(), String> {
    if end["outcome"] != "done" {
        return Err(format!("{} {} {}", end["event"], end["outcome"], end["reason"]));
    }
    let path = Path::new(end["evidence"][0]["path"].as_str().ok_or("no evidence")?);
    let is_good = if path.extension().is_some_and(|kind| kind == "bin") {
        std::fs::metadata(path).is_ok_and(|file| file.len() == LEAKER_DUMP)
    } else {
        are_stacks(path) || is_profile(path)
    };
    is_good.then_some(()).ok_or_else(|| format!("{} cannot be read", path.display()))
}

fn are_stacks(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|text| text.windows(16).any(|part| part == b"Full thread dump"))
}

/// Whether highwater itself can compare it: it reads all of it for that.
fn is_profile(path: &Path) -> bool {
    let compared = Command::new(program("highwater")).args(["profile", "diff"]).arg(path).arg(path).output();
    compared.is_ok_and(|output| output.status.success())
}

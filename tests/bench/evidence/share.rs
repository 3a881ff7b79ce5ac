//! Of breaches at different leak rates, how many leave evidence that can be read, how soon, and does the service end
//! gracefully after it?

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use highwater_tests::{Highwater, Scratch, program};
use serde_json::Value;

use super::service::{Runtime, Service};
use super::{end_of, is_wanted, tried, within};
use crate::table::{Table, median};

const RATES: [&str; 4] = ["10", "50", "200", "1000"];
/// How long a service may take to its breach and its end.
const PATIENCE: Duration = Duration::from_secs(120);
const LEAKER_DUMP: u64 = 16 << 20;

/// Name, service, tripwire, and its dump with `DIR` for its directory.
const SERVICES: [(&str, Runtime, &str, &str); 3] = [
    ("native", Runtime::Native, "80%", r#"signal = "SIGUSR1", file = "DIR/heap-*.bin", needs = "16MiB""#),
    (
        "Go",
        Runtime::Go,
        "80%",
        r#"signal = "SIGUSR1", file = "DIR/heap-*.pb.gz", needs = "4MiB", fallback = [{ go = "heap" }]"#,
    ),
    ("JVM", Runtime::Jvm, "65%", r#"jvm = "histogram", fallback = [{ jvm = "threads", within = "10s" }]"#),
];

#[derive(Default)]
struct Outcome {
    verified: bool,
    graceful: bool,
    took_ms: Option<u64>,
    why_not: Option<String>,
}

pub fn run() {
    let runs = std::env::var("HIGHWATER_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let of_each = SERVICES
        .iter()
        .flat_map(|(name, ..)| ["verified", "ms from breach", "graceful"].map(|column| format!("{name}: {column}")));
    let columns: Vec<String> = ["MB/s".into()].into_iter().chain(of_each).chain(["why not".into()]).collect();
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

fn of(outcomes: &[Outcome]) -> [String; 3] {
    let count = |holds: fn(&Outcome) -> bool| {
        format!("{}/{}", outcomes.iter().filter(|outcome| holds(outcome)).count(), outcomes.len())
    };
    let took = median(outcomes.iter().filter_map(|outcome| outcome.took_ms).collect());
    [
        count(|outcome| outcome.verified),
        took.map_or("-".into(), |took| took.to_string()),
        count(|outcome| outcome.graceful),
    ]
}

fn breach(runtime: Runtime, rate: &str, tripwire: &str, dump: &str) -> Outcome {
    let scratch = Scratch::new("share");
    let launcher = Highwater::inside(&scratch);
    let service = Service::new(runtime, launcher.directory());
    let policy = policy(tripwire, &dump.replace("DIR", &launcher.directory().to_string_lossy()));
    let mut highwater = launcher.policy(policy).run(service.leaking(rate));
    if service.answers() {
        within(PATIENCE, "the first answer", || service.is_healthy().then_some(()));
        std::fs::write(service.leak_file(), "").expect("the disk is writable");
    }
    let journal = highwater.journal();
    let exited = within(PATIENCE, "the end of the service", || journal.events("service.exited").into_iter().next());
    let outcome = outcome(&highwater, &exited);
    highwater.stop();
    outcome
}

fn policy(tripwire: &str, dump: &str) -> String {
    format!(
        r#"
        [service]
        restart = "never"
        [memory]
        max = "256MiB"
        tripwire = "{tripwire}"
        [trigger.breach]
        memory-event = {{ counter = "high" }}
        [[step]]
        name = "dump"
        dump = {{ {dump}, within = "20s" }}
        [[step]]
        name = "restart"
        restart = {{ budget = {{ times = 1, within = "1h" }}, backoff = "1m..1m" }}
        "#
    )
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

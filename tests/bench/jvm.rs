//! The grid of a JVM whose heap may grow beyond its limit: what can still be had of it once the tripwire is touched?
//!
//! `-Xmx400m` in 256 MiB, Serial GC, so that the kernel is met before an `OutOfMemoryError`. `warm` rows were asked once
//! before the leak began; the others have their socket still to open.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use highwater_tests::{Highwater, Journal, Scratch, program, wait_until};
use serde_json::Value;

use crate::breach;
use crate::table::{Table, median};

/// Runs of each row; `HIGHWATER_REPEAT` asks for others, `HIGHWATER_ROW` for the rows whose name has one of these parts.
const REPEAT: u32 = 3;
const CELLS: [(&str, u32); 6] = [("50", 1), ("50", 4), ("200", 1), ("200", 4), ("full", 1), ("full", 4)];
/// How long a leak may take to its end: emulated processors that are shared are slow.
const PATIENCE: Duration = Duration::from_mins(5);
/// Seconds from the start of the JVM to its leak: enough to be up and to be asked once, in emulation too.
const CALM: u32 = 8;

struct Variant {
    name: &'static str,
    tripwire: u64,
    /// What it is asked at the breach.
    what: &'static str,
    /// What it was asked before.
    before: Option<&'static str>,
}

const VARIANTS: [Variant; 10] = [
    variant("jcmd histogram -all", 80, "jcmd", None),
    variant("live histogram", 80, "live", None),
    variant("live histogram", 60, "live", None),
    variant("histogram", 80, "histogram", None),
    variant("histogram, listening", 80, "histogram", Some("listen")),
    variant("histogram, warm", 80, "histogram", Some("histogram-all")),
    variant("histogram", 60, "histogram", None),
    variant("threads", 80, "threads", None),
    variant("threads, warm", 80, "threads", Some("threads")),
    variant("heap dump, warm", 60, "heap", Some("threads")),
];

const fn variant(name: &'static str, tripwire: u64, what: &'static str, before: Option<&'static str>) -> Variant {
    Variant { name, tripwire, what, before }
}

#[derive(Default)]
struct Outcome {
    dumped: bool,
    graceful: bool,
    oom: bool,
    took_ms: Option<u64>,
    headroom_mib: Option<u64>,
    /// What became of the dump, if it is not there.
    why_not: Option<String>,
}

pub fn run() {
    let repeat = std::env::var("HIGHWATER_REPEAT").ok().and_then(|text| text.parse().ok()).unwrap_or(REPEAT);
    let wanted = std::env::var("HIGHWATER_ROW").unwrap_or_default();
    let classes = program("java-sessions");
    let table =
        Table::new(&["MB/s", "threads", "asked", "tripwire", "answer", "graceful", "OOM", "ms", "left MiB", "why not"]);
    for (rate, threads) in CELLS {
        for variant in &VARIANTS {
            let name = format!("{rate} {threads} {} {}%", variant.name, variant.tripwire);
            if wanted.is_empty() || wanted.split(',').any(|part| name.contains(part)) {
                let outcomes: Vec<Outcome> = (0..repeat).map(|_| once(&classes, rate, threads, variant)).collect();
                table.row(&row(rate, threads, variant, &outcomes));
            }
        }
    }
}

fn row(rate: &str, threads: u32, variant: &Variant, outcomes: &[Outcome]) -> Vec<String> {
    let count = |holds: fn(&Outcome) -> bool| {
        format!("{}/{}", outcomes.iter().filter(|outcome| holds(outcome)).count(), outcomes.len())
    };
    let middle = |of: fn(&Outcome) -> Option<u64>| {
        let dumped = outcomes.iter().filter(|outcome| outcome.dumped);
        median(dumped.filter_map(of).collect()).map_or("-".into(), |value| value.to_string())
    };
    vec![
        rate.into(),
        threads.to_string(),
        variant.name.into(),
        format!("{}%", variant.tripwire),
        count(|outcome| outcome.dumped),
        count(|outcome| outcome.graceful),
        count(|outcome| outcome.oom),
        middle(|outcome| outcome.took_ms),
        middle(|outcome| outcome.headroom_mib),
        outcomes.iter().find_map(|outcome| outcome.why_not.clone()).unwrap_or_default(),
    ]
}

fn once(classes: &Path, rate: &str, threads: u32, variant: &Variant) -> Outcome {
    let scratch = Scratch::new("jvm");
    let launcher = Highwater::inside(&scratch).policy(policy(variant));
    let service = format!(
        "java -XX:+UseSerialGC -Xmx400m -cp {} Sessions --leak {rate} --threads {threads} --leak-after {CALM}",
        classes.display()
    );
    let mut highwater = launcher.run(service.split_whitespace());
    if let Some(before) = variant.before {
        ask_as_soon_as_it_is_up(highwater.service(), before);
    }
    let started = Instant::now();
    let is_over = |line: &Value| line["step"] == "dump" && line["event"] != "step.started";
    while started.elapsed() < PATIENCE {
        let lines = highwater.journal().lines();
        if lines.iter().any(|line| is_over(line) || line["event"] == "service.exited") {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // What a restart would do next; without one in the policy, which would end the question for it.
    highwater.stop();
    outcome(highwater.journal())
}

fn ask_as_soon_as_it_is_up(pid: u32, what: &str) {
    wait_until("the first answer of a JVM", || {
        let output = Command::new(attach()).args([what, &pid.to_string()]).output().expect("it was built");
        output.status.success().then_some(())
    });
}

fn policy(variant: &Variant) -> String {
    let source = match variant.what {
        "jcmd" => r#"command = ["sh", "-c", 'jcmd "$HIGHWATER_PID" GC.class_histogram -all']"#.into(),
        // Not what highwater asks: a full collection comes first.
        "live" => format!("command = ['{}', 'histogram']", attach().display()),
        what => format!("jvm = {what:?}"),
    };
    breach::policy(variant.tripwire, &format!("{source}, needs = \"1MiB\""))
}

fn outcome(journal: &Journal) -> Outcome {
    let of_dump = |event: &str| journal.events(event).into_iter().find(|line| line["step"] == "dump");
    let finished = of_dump("step.finished").or_else(|| of_dump("step.skipped")).unwrap_or_default();
    let exited = journal.events("service.exited").first().cloned().unwrap_or_default();
    let memory = &finished["memory"];
    let headroom = memory["max"].as_u64().zip(memory["current"].as_u64());
    let dumped = finished["outcome"] == "done";
    Outcome {
        dumped,
        graceful: exited["cause"] == "asked" && exited["oom_killed"] == false,
        oom: exited["oom_killed"] == true,
        took_ms: finished["took_ms"].as_u64(),
        headroom_mib: headroom.map(|(max, current)| max.saturating_sub(current) >> 20),
        why_not: (!dumped).then(|| format!("{} {}", finished["outcome"], finished["reason"])),
    }
}

fn attach() -> PathBuf {
    program("examples/jvm_attach")
}

//! The grid: a native service of 256 MiB leaks at a rate; does its dump come out, and does it end gracefully?
//!
//! Three rows a cell: highwater as it is, highwater that may not hold threads, and what a careful person builds
//! without it: `MemoryHigh`, a watch on `memory.events` and a script.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use highwater_tests::{Highwater, Scratch, disk, program, wait_until};

use crate::table::{Table, median};

const LIMIT: u64 = 256 << 20;
const BASE: &str = "160";
/// Kept by `HIGHWATER_REPEAT`: runs of each cell.
const REPEAT: u32 = 3;
const RATES: [&str; 5] = ["10", "50", "200", "1000", "full"];

/// One cell: leak rate in MB/s over so many threads, dump in MiB.
struct Cell {
    rate: &'static str,
    threads: u32,
    dump: u64,
}

#[derive(Default)]
struct Outcome {
    dumped: bool,
    graceful: bool,
    oom: bool,
    dump_ms: Option<u64>,
    plan: String,
}

type Who = (&'static str, fn(&Cell) -> Outcome);

pub fn run() {
    let repeat = std::env::var("HIGHWATER_REPEAT").ok().and_then(|text| text.parse().ok()).unwrap_or(REPEAT);
    let table = Table::new(&["MB/s", "threads", "dump MiB", "who", "dump", "graceful", "OOM", "dump ms", "plan"]);
    let whos: [Who; 3] = [("highwater", held), ("highwater, hold off", lifted), ("script", scripted)];
    for cell in cells() {
        for (name, run) in whos {
            let outcomes: Vec<Outcome> = (0..repeat).map(|_| run(&cell)).collect();
            table.row(&row(&cell, name, &outcomes));
        }
    }
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for rate in RATES {
        cells.extend([1, 4].map(|threads| Cell { rate, threads, dump: 16 }));
    }
    cells.extend([1, 4].map(|threads| Cell { rate: "200", threads, dump: 32 }));
    cells
}

fn row(cell: &Cell, name: &str, outcomes: &[Outcome]) -> Vec<String> {
    let count = |holds: fn(&Outcome) -> bool| {
        format!("{}/{}", outcomes.iter().filter(|outcome| holds(outcome)).count(), outcomes.len())
    };
    let took = median(outcomes.iter().filter_map(|outcome| outcome.dump_ms).collect());
    let mut plans: Vec<&str> = outcomes.iter().map(|outcome| outcome.plan.as_str()).collect();
    plans.dedup();
    vec![
        cell.rate.into(),
        cell.threads.to_string(),
        cell.dump.to_string(),
        name.into(),
        count(|outcome| outcome.dumped),
        count(|outcome| outcome.graceful),
        count(|outcome| outcome.oom),
        took.map_or("-".into(), |took| took.to_string()),
        plans.join(", "),
    ]
}

fn held(cell: &Cell) -> Outcome {
    supervised(cell, "auto")
}

fn lifted(cell: &Cell) -> Outcome {
    supervised(cell, "off")
}

fn supervised(cell: &Cell, hold: &str) -> Outcome {
    let scratch = Scratch::new("grid");
    let launcher = Highwater::inside(&scratch);
    let log = launcher.directory().join("log");
    let dumps = launcher.directory().join("heap-*.bin");
    let policy = format!(
        r#"
        [service]
        restart = "never"
        [memory]
        max = "{LIMIT}B"
        hold = "{hold}"
        [trigger.breach]
        memory-event = {{ counter = "high" }}
        [[step]]
        name = "dump"
        dump = {{ signal = "SIGUSR1", file = "{}", within = "10s", needs = "{}MiB" }}
        [[step]]
        name = "restart"
        restart = {{ budget = {{ times = 1, within = "1h" }}, backoff = "1m..1m" }}
        "#,
        dumps.display(),
        cell.dump,
    );
    let files = Files { dump: launcher.directory().join("heap-%p.bin"), log };
    let arguments = leaker(cell, &files);
    let mut highwater = launcher.policy(policy).run(arguments);
    let journal = highwater.journal();
    journal.wait_for("service.exited");
    let finished = journal.events("step.finished").into_iter().find(|line| line["step"] == "dump");
    let started = journal.events("step.started").into_iter().find(|line| line["step"] == "dump");
    let outcome = Outcome {
        dumped: finished.as_ref().is_some_and(|line| line["outcome"] == "done"),
        graceful: files.is_graceful(),
        oom: journal.events("service.exited")[0]["oom_killed"] == true,
        dump_ms: finished.and_then(|line| line["took_ms"].as_u64()),
        plan: started.and_then(|line| line["plan"]["choice"].as_str().map(Into::into)).unwrap_or_default(),
    };
    highwater.stop();
    outcome
}

/// The strongest set-up without highwater: the tripwire is the unit's `MemoryHigh`; a script waits for `memory.events`
/// to change, lifts the limit, asks for the dump, waits for it, and stops the service.
fn scripted(cell: &Cell) -> Outcome {
    const SCRIPT: &str = r#"
        inotifywait -qq -e modify "$1/memory.events"
        echo max >"$1/memory.high"
        kill -USR1 "$2"
        while [ "$(stat -c %s "$3" 2>/dev/null || echo 0)" -lt "$4" ] && kill -0 "$2"; do sleep 0.01; done
        kill -TERM "$2"
    "#;
    let scratch = Scratch::new("script");
    let directory = disk().join(format!("script-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("the disk is writable");
    let files = Files { dump: directory.join("heap.bin"), log: directory.join("log") };
    scratch.write("memory.max", LIMIT).write("memory.high", LIMIT / 10 * 8).write("memory.oom.group", 1);
    let arguments = leaker(cell, &files);
    let mut service = scratch.command(&arguments[0]).args(&arguments[1..]).spawn().expect("the leaker runs");
    let started = Instant::now();
    let bytes = cell.dump << 20;
    let mut script = std::process::Command::new("bash")
        .args(["-c", SCRIPT, "bash"])
        .arg(scratch.path())
        .arg(service.id().to_string())
        .arg(&files.dump)
        .arg(bytes.to_string())
        .spawn()
        .expect("bash runs");
    let limit = Duration::from_secs(30);
    wait_until("the end of the leaker", || {
        let ended = service.try_wait().expect("it is our child").is_some();
        (ended || started.elapsed() > limit).then_some(())
    });
    let outcome = Outcome {
        dumped: fs::metadata(&files.dump).is_ok_and(|file| file.len() == bytes),
        graceful: files.is_graceful(),
        oom: scratch.counter("memory.events", "oom_kill") > 0,
        dump_ms: None,
        plan: String::new(),
    };
    let _ = (service.kill(), service.wait(), script.kill(), script.wait());
    let _ = fs::remove_dir_all(&directory);
    outcome
}

struct Files {
    dump: PathBuf,
    log: PathBuf,
}

impl Files {
    fn is_graceful(&self) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|log| log.lines().any(|line| line.starts_with("graceful")))
    }
}

fn leaker(cell: &Cell, files: &Files) -> Vec<std::ffi::OsString> {
    let mut arguments = vec![program("leaker").into_os_string()];
    let text = [
        "--base",
        BASE,
        "--rate",
        cell.rate,
        "--leak-after",
        "1",
        "--dump-size",
        &cell.dump.to_string(),
        "--threads",
        &cell.threads.to_string(),
    ];
    arguments.extend(text.map(Into::into));
    arguments.extend(["--dump-file".into(), files.dump.clone().into(), "--log".into(), files.log.clone().into()]);
    arguments
}

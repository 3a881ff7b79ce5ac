//! What a calm service costs: wake-ups, memory, processor time.

use std::fs;
use std::time::Duration;

use highwater_tests::{Highwater, Scratch, program};

use crate::table::Table;

const WATCHED: Duration = Duration::from_secs(60);

const TRIPWIRE: &str = r#"
    [memory]
    max = "256MiB"
    [trigger.breach]
    memory-event = { counter = "high" }
    [[step]]
    name = "restart"
    restart = {}
"#;

/// A level so close above usage that samples are as frequent as they get, one in 10 to 20 ms.
const SAMPLED: &str = r#"
    [memory]
    max = "256MiB"
    tripwire = "off"
    [trigger.level]
    usage = { above = "122MiB" }
    [[step]]
    name = "restart"
    restart = {}
"#;

pub fn run() {
    let binary = fs::metadata(program("highwater")).expect("it is built").len();
    println!("binary: {binary} bytes, {:.2} of 3 MB\n", binary as f64 / 3e6);
    let table = Table::new(&[
        "policy",
        "wake-ups a minute",
        "processor s an hour",
        "RSS KiB",
        "PSS KiB",
        "RSS of 3 MiB",
        "guard PSS KiB",
    ]);
    for (name, policy) in [("tripwire", TRIPWIRE), ("sampled close to a level", SAMPLED)] {
        let scratch = Scratch::new("calm");
        let service = [program("leaker").into_os_string(), "--base".into(), "120".into(), "--rate".into(), "0".into()];
        let mut highwater = Highwater::inside(&scratch).policy(policy).run(service);
        highwater.started(1);
        std::thread::sleep(Duration::from_secs(5));
        let before = Cost::of(highwater.pid());
        std::thread::sleep(WATCHED);
        let after = Cost::of(highwater.pid());
        let per_hour = (after.ticks - before.ticks) as f64 / 100.0 * 3_600.0 / WATCHED.as_secs_f64();
        table.row(&[
            name.into(),
            (after.switches - before.switches).to_string(),
            format!("{per_hour:.1}"),
            after.rss.to_string(),
            after.pss.to_string(),
            format!("{:.2}", after.rss as f64 / 3_072.0),
            guard_pss(highwater.pid()).to_string(),
        ]);
        highwater.stop();
    }
}

/// What a process and its threads have cost so far.
struct Cost {
    switches: u64,
    ticks: u64,
    rss: u64,
    pss: u64,
}

impl Cost {
    fn of(pid: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
        let switches = threads.map(|thread| number(&thread.path().join("status"), "voluntary_ctxt_switches:")).sum();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
        let ticks = fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
        let rollup = format!("/proc/{pid}/smaps_rollup");
        Self { switches, ticks, rss: number(rollup.as_ref(), "Rss:"), pss: number(rollup.as_ref(), "Pss:") }
    }
}

fn guard_pss(pid: u32) -> u64 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let is_guard =
        |pid: &&str| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("highwater"));
    let guard = children.split_whitespace().find(is_guard);
    guard.map_or(0, |pid| number(format!("/proc/{pid}/smaps_rollup").as_ref(), "Pss:"))
}

fn number(file: &std::path::Path, key: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(key)).and_then(|line| line.split_whitespace().next());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

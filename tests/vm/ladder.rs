//! The ladder from the first breach to a clean restart, on a service that leaks as told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use highwater_tests::{Highwater, Journal, Ladder, Process, wait_until};
use serde_json::Value;

use crate::contract;
use crate::incident::{MIB, Place, cgroup_of, done, evidence, limit, number};

/// `memory.high` and `memory.current` of a cgroup, read again and again until the cgroup is gone.
struct Samples(Vec<Sample>);

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: u64,
    high: Option<u64>,
    current: u64,
}

impl Samples {
    /// Usage is read first: it grows, and `memory.high` follows it.
    fn until_gone(cgroup: &Path) -> Self {
        let mut samples = Vec::new();
        while let Some(current) = limit(cgroup, "memory.current") {
            let high = limit(cgroup, "memory.high");
            if cgroup.exists() {
                samples.push(Sample { at: uptime_ns(), high, current });
            }
            thread::sleep(Duration::from_millis(2));
        }
        Self(samples)
    }

    fn between(&self, from: &Value, to: &Value) -> impl Iterator<Item = &Sample> {
        let (from, to) = (number(&from["mono_ns"]), number(&to["mono_ns"]));
        self.0.iter().filter(move |sample| from < sample.at && sample.at < to)
    }
}

/// The clock of the journal's `mono_ns`, in steps of 10 ms, on a machine that never sleeps.
fn uptime_ns() -> u64 {
    let text = fs::read_to_string("/proc/uptime").expect("procfs");
    let seconds = text.split(' ').next().and_then(|seconds| seconds.parse::<f64>().ok()).expect("seconds");
    (seconds * 1e9) as u64
}

#[track_caller]
fn only(journal: &Journal, event: &str) -> Value {
    let found = journal.events(event);
    assert_eq!(found.len(), 1, "{event}: {found:?}");
    found[0].clone()
}

#[track_caller]
fn first(journal: &Journal, event: &str, step: &str) -> Value {
    let found = journal.events(event).into_iter().find(|line| line["step"] == step);
    found.unwrap_or_else(|| panic!("no {event} of {step}"))
}

#[test]
fn a_leak_is_dumped_throttled_and_restarted_cleanly() {
    let place = Place::on_disk("ladder");
    let service = place.cured_by_a_restart(place.leaker("--base 190 --rate 4 --leak-after 0.5"));
    let ladder = Ladder { tables: "[memory]\nmax = \"256MiB\"", ..Ladder::new("DIR/heap-*.bin") };
    let mut highwater = place.start(&ladder.policy(), service);
    let cgroup = cgroup_of(&highwater.started(1));
    let samples = Samples::until_gone(&cgroup);
    let journal = highwater.journal();
    journal.wait_for("incident.resolved");
    highwater.stop();

    check_dump(&highwater, &place);
    check_throttle(highwater.journal(), &samples);
    check_restart(&highwater, &place, &cgroup);
    contract::check(highwater.journal());
}

#[track_caller]
fn check_dump(highwater: &Highwater, place: &Place) {
    let end = done(highwater.journal(), "dump");
    let file = evidence(&end);
    let directory = highwater.state_dir().join("evidence").join(end["incident"].as_str().unwrap());
    assert_eq!(file.parent(), Some(&*directory));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&directory)), (0o600, 0o700));
    assert_eq!(fs::metadata(&file).unwrap().len(), 16 * MIB);
    assert_eq!(number(&end["evidence"][0]["bytes"]), 16 * MIB);
    let left: Vec<PathBuf> = fs::read_dir(place.directory()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!left.iter().any(|path| path.extension().is_some_and(|kind| kind == "bin")), "{left:?}");
}

#[track_caller]
fn check_throttle(journal: &Journal, samples: &Samples) {
    let end = done(journal, "throttle");
    let lifted = only(journal, "throttle.lifted");
    let begun = first(journal, "step.started", "throttle");
    assert!(number(&lifted["took_ms"]) >= 3_000, "{lifted}");
    let during: Vec<&Sample> = samples.between(&begun, &lifted).collect();
    let throttled = during.iter().filter(|sample| sample.high.is_some_and(|high| high < sample.current)).count();
    assert!(throttled > during.len() / 2, "{throttled} of {}", during.len());
    for sample in &during {
        let high = sample.high.unwrap_or(u64::MAX);
        // 5 % are meant; what is more is leaked, or given back, between two looks at usage.
        assert!(high >= sample.current / 100 * 90, "far too deep: {sample:?}");
    }
    let restart = first(journal, "step.started", "restart");
    let after: Vec<&Sample> = samples.between(&lifted, &restart).skip(5).collect();
    assert!(after.len() > 10, "{end}");
    for sample in after {
        assert!(sample.high.is_none_or(|high| high > sample.current), "still throttled: {sample:?}");
    }
}

#[track_caller]
fn check_restart(highwater: &Highwater, place: &Place, cgroup: &Path) {
    done(highwater.journal(), "restart");
    let log = place.leaker_log();
    assert!(log.last().is_some_and(|line| line.starts_with("graceful ")), "{log:?}");
    let exited = &highwater.journal().events("service.exited")[0];
    assert_eq!((&exited["code"], &exited["cause"]), (&0.into(), &"asked".into()), "{exited}");
    assert_eq!(exited["oom_killed"], false);
    assert_ne!(cgroup_of(&highwater.started(2)), cgroup);
    assert!(!cgroup.exists());
    only(highwater.journal(), "incident.opened");
}

#[test]
fn page_cache_across_the_tripwire_is_no_incident() {
    let place = Place::on_disk("cache");
    let stream = format!("--cache full --cache-size 192 --cache-file {}", place.file("stream").display());
    let policy = r#"
[memory]
max = "96MiB"
[trigger.breach]
memory-event = { counter = "high" }
[[step]]
name = "restart"
restart = {}
"#;
    let mut highwater = place.start(policy, place.leaker(&stream));
    let cgroup = cgroup_of(&highwater.started(1));
    wait_until("a touched tripwire", || (event(&cgroup, "high") > 0).then_some(()));
    let main_thread = Process(highwater.pid());
    let touches = event(&cgroup, "max");
    let before = voluntary_switches(main_thread);
    thread::sleep(Duration::from_secs(10));
    let woken = voluntary_switches(main_thread) - before;
    assert!(event(&cgroup, "max") > touches + 100, "the stream did not go on at the limit");
    assert!(woken < 200, "woken {woken} times in 10 s");
    highwater.stop();
    assert!(highwater.journal().events("incident.opened").is_empty());
    assert_eq!(highwater.journal().events("service.started").len(), 1);
    contract::check(highwater.journal());
}

fn event(cgroup: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(cgroup.join("memory.events")).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

fn voluntary_switches(process: Process) -> u64 {
    process.status("voluntary_ctxt_switches").parse().unwrap()
}

#[test]
fn a_calm_service_wakes_nobody() {
    let place = Place::on_disk("calm");
    let policy = r#"
[memory]
max = "128MiB"
[trigger.breach]
memory-event = { counter = "high" }
[trigger.near]
usage = { above = "90%", for = "5s" }
[[step]]
name = "restart"
restart = {}
"#;
    let mut highwater = place.start(policy, place.leaker("--base 40"));
    let cgroup = cgroup_of(&highwater.started(1));
    wait_until("an armed tripwire", || limit(&cgroup, "memory.high"));
    let mut before = all_switches(&highwater);
    wait_until("quiet", || {
        thread::sleep(Duration::from_secs(3));
        let now = all_switches(&highwater);
        (std::mem::replace(&mut before, now.clone()) == now).then_some(())
    });
    thread::sleep(Duration::from_secs(10));
    assert_eq!(all_switches(&highwater), before, "somebody was woken in 10 s of calm");
    highwater.stop();
    contract::check(highwater.journal());
}

/// How often each thread of highwater and of its guard was put on a processor and gave it up.
fn all_switches(highwater: &Highwater) -> Vec<(PathBuf, String)> {
    let own = highwater.pid();
    let service = highwater.service();
    let is_guard = |process: &Process| process.0 != service && process.is_alive() && process.parent() == own;
    let guard = numbers(Path::new("/proc")).into_iter().map(Process).find(is_guard).expect("a guard");
    let threads = [own, guard.0].into_iter().flat_map(|pid| {
        let tasks = Path::new("/proc").join(pid.to_string()).join("task");
        numbers(&tasks).into_iter().map(move |thread| tasks.join(thread.to_string()).join("status"))
    });
    let switches = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let counts: Vec<&str> = text.lines().filter(|line| line.contains("ctxt_switches")).collect();
        (path, counts.join(" "))
    };
    threads.map(switches).collect()
}

/// The names in a directory that are numbers.
fn numbers(directory: &Path) -> Vec<u32> {
    let entries = fs::read_dir(directory).unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[test]
fn a_thrashing_service_fires_the_pressure_trigger() {
    let place = Place::on_disk("thrash");
    let stream = format!("--cache full --cache-size 192 --cache-file {}", place.file("stream").display());
    let policy = r#"
[memory]
max = "48MiB"
[trigger.stall]
pressure = { line = "some", stall = "10ms", window = "1s" }
"#;
    let mut highwater = place.start(policy, place.leaker(&stream));
    let fired = highwater.journal().wait_for("trigger.fired");
    assert_eq!((&fired["trigger"], &fired["reading"]["line"]), (&"stall".into(), &"some".into()), "{fired}");
    highwater.stop();
    contract::check(highwater.journal());
}

#[test]
fn our_own_throttle_does_not_fire_the_pressure_trigger() {
    let place = Place::on_disk("masked");
    let policy = r#"
[memory]
max = "128MiB"
[trigger.breach]
memory-event = { counter = "high" }
[trigger.stall]
pressure = { line = "some", stall = "100ms", window = "1s" }
[[step]]
name = "throttle"
throttle = { high = "70%", for = "5s" }
[[step]]
name = "restart"
after = "8s"
restart = {}
"#;
    let mut highwater = place.start(policy, place.leaker("--base 95 --rate 3 --leak-after 0.5"));
    let cgroup = cgroup_of(&highwater.started(1));
    let begun = Instant::now();
    let lifted = highwater.journal().wait_for("throttle.lifted");
    let stalled = total_stall(&cgroup);
    assert!(stalled > Duration::from_secs(1), "nothing to be masked: {stalled:?} of {:?}", begun.elapsed());
    assert!(number(&lifted["took_ms"]) >= 5_000, "{lifted}");
    done(highwater.journal(), "restart");
    highwater.stop();
    let fired = highwater.journal().events("trigger.fired");
    assert!(fired.iter().all(|line| line["trigger"] == "breach"), "{fired:?}");
    contract::check(highwater.journal());
}

fn total_stall(cgroup: &Path) -> Duration {
    let text = fs::read_to_string(cgroup.join("memory.pressure")).unwrap();
    let total = text.lines().next().and_then(|line| line.rsplit_once("total=")).unwrap().1;
    Duration::from_micros(total.parse().unwrap())
}

#[test]
fn a_leak_that_is_too_fast_for_any_step_is_a_kill_at_its_own_limit() {
    let place = Place::on_disk("own-limit");
    let mut highwater = place.start("[memory]\nmax = \"64MiB\"\ntripwire = \"off\"\n", place.leaker("--rate full"));
    let exited = highwater.journal().wait_for("service.exited");
    assert_eq!((&exited["signal"], &exited["oom_killed"]), (&9.into(), &true.into()), "{exited}");
    assert_eq!(exited["cause"], "own-limit", "{exited}");
    assert!(number(&exited["peak"]) > 60 * MIB, "{exited}");
    highwater.started(2);
    highwater.stop();
    contract::check(highwater.journal());
}

#[test]
fn a_kill_at_a_limit_further_up_is_told_from_one_at_its_own() {
    let place = Place::on_disk("outer-limit");
    place.scratch.write("memory.max", 64 * MIB);
    let mut highwater = place.start("[memory]\ntripwire = \"off\"\n", place.leaker("--rate full"));
    let exited = highwater.journal().wait_for("service.exited");
    assert_eq!((&exited["oom_killed"], &exited["cause"]), (&true.into(), &"outer-limit".into()), "{exited}");
    assert_eq!(highwater.started(2)["generation"], 2, "highwater itself must not be the one that is killed");
    highwater.stop();
    contract::check(highwater.journal());
}

#[test]
fn levels_and_slopes_fire_with_their_reading() {
    let place = Place::on_disk("levels");
    let policy = r#"
[memory]
max = "128MiB"
tripwire = "off"
[trigger.anon]
usage = { of = "anon", above = "64MiB", for = "500ms" }
[trigger.current]
usage = { of = "current", above = "50%" }
[trigger.slope]
exhaustion = { within = "20s", over = "2s" }
[incident]
resolve-after = "500ms"
"#;
    let mut highwater = place.start(policy, place.leaker("--rate 16 --stop-leak-at 90"));
    let fired = |trigger: &str| {
        let what = format!("trigger {trigger}");
        highwater.journal().wait_for_line(&what, |line| line["event"] == "trigger.fired" && line["trigger"] == trigger)
    };
    for trigger in ["anon", "current"] {
        let reading = &fired(trigger)["reading"];
        assert_eq!((&reading["of"], &reading["above"]), (&trigger.into(), &(64 * MIB).into()));
        assert!(number(&reading["bytes"]) >= 64 * MIB, "{reading}");
    }
    let reading = &fired("slope")["reading"];
    assert!(number(&reading["seconds_left"]) <= 20, "{reading}");
    let slope = reading["slope"].as_i64().unwrap();
    // A machine that is busy leaks less than it is told to, none more.
    assert!((2_000_000..32_000_000).contains(&slope), "{reading}");
    let cleared = highwater.journal().wait_for("trigger.cleared");
    assert_eq!(cleared["trigger"], "slope", "only the slope ends on the plateau: {cleared}");
    highwater.stop();
    contract::check(highwater.journal());
}

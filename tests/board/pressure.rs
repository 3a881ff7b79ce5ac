//! The policy for boards, on a board of 256 MB without swap that is short of memory all over.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::board::Board;

const POLICY: &str = include_str!("../../policies/edge.toml");
/// Leaks once; after its restart it has stopped.
const SERVICE: &str = "/bin/sh -c 'exec /bin/leaker --base 40 --rate 4 --leak-after 8 --dump-file /var/tmp/dump-%d \
                       --dump-size 4 --dump-handler sigwait $(test -e /data/cured && echo --rate 0; touch /data/cured)'";
/// Left to all others when the service has all that it may have.
const LEFT: u64 = 128 + 28;

/// The moment of the first record of that kind, in milliseconds of the board's clock.
#[track_caller]
fn moment(journal: &[Value], what: &str, is_it: impl Fn(&Value) -> bool) -> f64 {
    let line = journal.iter().find(|line| is_it(line)).unwrap_or_else(|| panic!("no {what} in {journal:#?}"));
    line["mono_ns"].as_u64().expect("a moment") as f64 / 1e6
}

#[test]
fn a_board_without_memory_restarts_its_service_and_stays_reachable() {
    let mut board = Board::with_highwater("pressure", POLICY, "", SERVICE);
    board.boot();
    board.wait_for("service started, generation 1");
    check_supervisor(&board);
    let stalled = stalled_ms(&board);
    take_memory(&board);

    let mut slowest = 0.0_f64;
    let deadline = Instant::now() + Duration::from_mins(10);
    while !board.console().contains("service started, generation 2") {
        let asked = Instant::now();
        assert!(asked < deadline, "the service was not restarted");
        assert_eq!(board.ask("echo alive"), "alive\n");
        slowest = slowest.max(asked.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(100));
    }
    let journal = board.journal();
    show(&journal, slowest, stalled_ms(&board) - stalled);
    let restarted = journal.iter().find(|line| line["event"] == "step.finished" && line["step"] == "restart");
    assert_eq!(restarted.expect("a restart")["outcome"], "done");
    let exited = journal.iter().find(|line| line["event"] == "service.exited").expect("an end");
    assert_eq!((&exited["oom_killed"], &exited["code"]), (&false.into(), &0.into()), "it ended gracefully");
    assert!(!board.console().contains("Out of memory"), "nobody was killed");
    board.ask("kill -USR2 1 &");
    board.wait_off();
}

/// Its pages stay in memory, and the kernel is to spare it; the service is to be found first.
#[track_caller]
fn check_supervisor(board: &Board) {
    let service = board.ask("pidof leaker");
    let supervisor = board.ask(&format!("cut -d' ' -f4 /proc/{}/stat", service.trim()));
    let status = board.ask(&format!("cat /proc/{}/status", supervisor.trim()));
    let kib = |key: &str| -> u64 {
        let line =
            status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("{key} in {status}"));
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    println!("supervisor: VmLck {} KiB, VmRSS {} KiB", kib("VmLck:"), kib("VmRSS:"));
    assert!(kib("VmLck:") >= kib("VmRSS:"), "all of it is locked: {status}");
    let score = |pid: &str| board.ask(&format!("cat /proc/{}/oom_score_adj", pid.trim()));
    assert_eq!((score(&supervisor).as_str(), score(&service).as_str()), ("-1000\n", "0\n"));
    let init = board.ask("grep VmRSS /proc/1/status");
    println!("PID 1: {}", init.trim());
}

/// Has others take what the service will not leave them, partly as a file that is read and written all the time.
#[track_caller]
fn take_memory(board: &Board) {
    let available = board.ask("grep MemAvailable /proc/meminfo");
    let mib = available.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") / 1024;
    // What the service has is in use already.
    let hog = mib.saturating_sub(LEFT - 40);
    println!("{mib} MiB available, {hog} MiB taken by another");
    board.ask(&format!(
        "/bin/leaker --base {hog} --rate 0 --cache 20 --cache-file /data/tmp/cache --cache-size 40 >/dev/null 2>&1 &"
    ));
}

/// How long some task of the machine stood still for memory.
#[track_caller]
fn stalled_ms(board: &Board) -> u64 {
    let pressure = board.ask("cat /proc/pressure/memory");
    let some = pressure.lines().next().and_then(|some| some.rsplit_once("total="));
    let total: Option<u64> = some.and_then(|(_, micros)| micros.parse().ok());
    total.unwrap_or_else(|| panic!("{pressure}")) / 1000
}

fn show(journal: &[Value], slowest: f64, stalled: u64) {
    let event = |event: &'static str| move |line: &Value| line["event"] == event;
    let restart = |event: &'static str| move |line: &Value| line["event"] == event && line["step"] == "restart";
    let near = moment(journal, "trigger", |line| line["event"] == "trigger.fired" && line["trigger"] == "near-limit");
    let begun = moment(journal, "restart", restart("step.started"));
    let ended = moment(journal, "end", event("service.exited"));
    let next = moment(journal, "next", |line| line["event"] == "service.started" && line["generation"] == 2);
    println!("from near-limit to the restart  {:>8.0} ms", begun - near);
    println!("from there to the end           {:>8.0} ms", ended - begun);
    println!("from there to generation 2      {:>8.0} ms", next - ended);
    println!("slowest answer of the board     {slowest:>8.0} ms");
    println!("tasks stood still for memory    {stalled:>8} ms");
}

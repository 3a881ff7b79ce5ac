//! Boards without a clock of their own, clocks that jump, and machines that sleep.

use highwater_tests::Ladder;
use serde_json::Value;

use crate::board::Board;
use crate::pid1::{LADDER, SERVICE};

#[test]
fn a_clock_that_jumps_during_an_incident_disturbs_nothing() {
    // The clock is set twice between one step and the next.
    let ladder = Ladder { throttle: ("80%", "10s"), restart_after: "20s", ..LADDER };
    let service = SERVICE.replace("--rate 3 ", "--rate 2 ");
    let mut board = Board::with_highwater("clock", &ladder.policy(), "", &service);
    board.set("HIGHWATER_BOARD_RTC", "1970-01-01T00:00:10");
    board.boot();
    board.wait_for("step throttle started");
    board.ask("date -s '2035-06-01 12:00:00'");
    board.wait_for("step throttle done");
    board.ask("date -s '1980-01-01 00:00:00'");
    board.wait_for("incident resolved");

    let journal = board.journal();
    let years: Vec<&str> = journal.iter().filter_map(|line| line["time"].as_str()?.get(..4)).collect();
    for year in ["1970", "2035", "1980"] {
        assert!(years.contains(&year), "{years:?}");
    }
    let moments: Vec<u64> = journal.iter().filter_map(|line| line["mono_ns"].as_u64()).collect();
    assert!(moments.is_sorted(), "the other clock goes on: {moments:?}");
    let of = |event: &str, step: &str| -> &Value {
        let found = journal.iter().find(|line| line["event"] == event && line["step"] == step);
        found.unwrap_or_else(|| panic!("no {event} of {step} in {journal:#?}"))
    };
    let lease = of("step.finished", "throttle")["took_ms"].as_u64().expect("a time");
    assert!(lease >= 10_000, "no timer fires early: {lease} ms");
    let took = journal.iter().find(|line| line["event"] == "incident.resolved").expect("an end")["took_ms"].as_u64();
    assert!(took.is_some_and(|took| took < 600_000), "an incident is not as long as the jump: {took:?}");

    // Switched on again in the same second of 1970, incidents have names of their own.
    let names = board.ask("ls -1 /data/state/evidence");
    board.ask("rm /data/cured; kill -USR2 1 &");
    board.wait_off();
    board.boot();
    board.wait_for("incident resolved");
    let both = board.ask("ls -1 /data/state/evidence");
    assert_eq!((names.lines().count(), both.lines().count()), (1, 2), "{names}{both}");
    assert_eq!(both.lines().next(), names.lines().next(), "the first sorts first");
}

/// Goes to sleep for 5 s. The kernel's own test does all of a suspend but the last step, from which an emulated machine
/// may not wake up.
const SLEEP: &str = "(echo core >/sys/power/pm_test && echo mem >/sys/power/state) 2>&1";

#[test]
fn a_machine_that_slept_is_told_from_one_that_stood_still() {
    let mut board = Board::with_highwater("sleep", &LADDER.policy(), "", "/bin/leaker --base 20 --rate 0");
    board.boot();
    board.wait_for("service started, generation 1");
    assert_eq!(board.ask(SLEEP), "", "the machine sleeps");
    // Nothing wakes the supervisor before something happens.
    board.ask("kill -HUP 1");
    board.wait_for("the machine slept for");
    let journal = board.journal();
    assert!(!journal.iter().any(|line| line["event"] == "incident.opened"), "{journal:#?}");
}

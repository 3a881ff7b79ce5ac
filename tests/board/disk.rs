//! What is written where flash wears out, and where nothing can be written.

use crate::board::Board;
use crate::pid1::{LADDER, SERVICE};

/// Bytes that processes called highwater have had written, and sectors the disk has taken.
const WRITTEN: &str = "cat $(grep -l highwater /proc/[0-9]*/comm | sed 's/comm/io/') | grep ^wchar | sort";

#[test]
fn a_board_that_cannot_write_runs_its_service_all_the_same() {
    let mut board = Board::with_highwater("read-only", &LADDER.policy(), "", SERVICE);
    board.boot();
    board.wait_for("incident resolved");
    board.ask("kill -USR2 1 &");
    board.wait_off();

    // The disk is damaged, or its switch is on: it is mounted read-only.
    board.set("HIGHWATER_BOARD_READ_ONLY", "1");
    board.boot();
    board.wait_for("service started, generation 1");
    let console = board.console();
    assert!(console.contains("/data/state: Read-only file system"), "the reason");
    assert!(console.contains("lost with the power"), "and what follows");
    assert!(board.ask("cat /run/highwater/board/state/journal.jsonl").contains("service.started"), "it is kept there");
}

#[test]
fn a_calm_service_has_nothing_written() {
    let mut board = Board::with_highwater("calm", &LADDER.policy(), "", "/bin/leaker --base 20 --rate 0");
    board.boot();
    board.wait_for("service started, generation 1");
    // What was written at the start is on the disk.
    board.ask("sleep 10; sync");
    let (written, sectors) = (board.ask(WRITTEN), board.ask("cat /sys/block/vdb/stat | awk '{print $7}'"));
    board.ask("sleep 20; sync");
    assert_eq!(board.ask(WRITTEN), written, "nobody wrote");
    assert_eq!(board.ask("cat /sys/block/vdb/stat | awk '{print $7}'"), sectors, "the disk took nothing");
}

/// One incident without a dump.
const RESTART: &str = r#"
[memory]
max = "96MiB"
tripwire = "60%"
[trigger.breach]
memory-event = { counter = "high" }
[[step]]
name = "restart"
restart = { backoff = "1ms..2ms" }
[incident]
resolve-after = "1s"
"#;

/// Requests and sectors that the disk has taken.
const TAKEN: &str = "sync; awk '{print $5, $7}' /sys/block/vdb/stat";

#[test]
fn an_incident_is_on_disk_with_few_writes() {
    let service = SERVICE.replace("--leak-after 1", "--leak-after 15");
    let mut board = Board::with_highwater("writes", RESTART, "", &service);
    board.boot();
    board.wait_for("service started, generation 1");
    board.ask("sleep 3");
    let before = numbers(&board.ask(TAKEN));
    board.wait_for("incident resolved");
    // What is worked out afterwards is written as well.
    board.ask("sleep 5");
    let after = numbers(&board.ask(TAKEN));
    let journal = numbers(&board.ask("wc -c </data/state/journal.jsonl"));
    println!(
        "an incident: {} writes of {} KiB, the journal with the start is {} bytes",
        after[0] - before[0],
        (after[1] - before[1]) / 2,
        journal[0]
    );
    assert!(after[0] - before[0] < 200, "{before:?} {after:?}");
    assert!(board.journal().iter().any(|line| line["event"] == "incident.resolved"));
}

#[track_caller]
fn numbers(text: &str) -> Vec<u64> {
    text.split_ascii_whitespace().map(|word| word.parse().unwrap_or_else(|_| panic!("{text}"))).collect()
}

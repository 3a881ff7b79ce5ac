//! What is written where flash wears out, and where nothing can be written.

use crate::board::Board;
use crate::pid1::{LADDER, SERVICE};

/// Bytes that processes called highwater have had written, and sectors the disk has taken.
const WRITTEN: &str = "cat $(grep -l highwater /proc/[0-9]*/comm | sed 's/comm/io/') | grep ^wchar | sort";

#[test]
fn a_board_that_cannot_write_runs_its_service_all_the_same() {
    let mut board = Board::with_highwater("read-only", LADDER, "", SERVICE);
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
    let mut board = Board::with_highwater("calm", LADDER, "", "/bin/leaker --base 20 --rate 0");
    board.boot();
    board.wait_for("service started, generation 1");
    // What was written at the start is on the disk.
    board.ask("sleep 3; sync");
    let (written, sectors) = (board.ask(WRITTEN), board.ask("cat /sys/block/vdb/stat | awk '{print $7}'"));
    board.ask("sleep 20; sync");
    assert_eq!(board.ask(WRITTEN), written, "nobody wrote");
    assert_eq!(board.ask("cat /sys/block/vdb/stat | awk '{print $7}'"), sectors, "the disk took nothing");
}

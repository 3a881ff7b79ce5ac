//! Boards with an init of their own: the files of `examples/edge` as they are.

use crate::board::Board;
use crate::pid1::{LADDER, SERVICE};

/// What busybox has on a board, plus the line that tests talk by.
const INITTAB: &str = concat!(
    include_str!("../../examples/edge/busybox/inittab"),
    "::respawn:/bin/getty -n -l /sbin/shell 115200 ttyS1\n"
);

#[test]
fn under_busybox_init_the_ladder_is_climbed_and_a_reboot_is_graceful() {
    let gateway = format!("#!/bin/sh\nexec {SERVICE}\n");
    let files = [
        ("etc/inittab", INITTAB),
        ("etc/init.d/rcS", include_str!("../../examples/edge/busybox/rcS")),
        ("etc/highwater/start", include_str!("../../examples/edge/busybox/start")),
        ("etc/highwater/stop", include_str!("../../examples/edge/busybox/stop")),
        ("etc/highwater/policy.toml", &LADDER.policy()),
        ("usr/bin/gateway", &gateway),
    ];
    let mut board = Board::made("busybox", "", "#!/bin/sh\nexec /bin/busybox init\n", &files);
    board.boot();
    board.wait_for("incident resolved");
    let steps = board.ask("grep -c 'step.finished.*\"done\"' /data/highwater/journal.jsonl");
    assert_eq!(steps, "3\n", "dump, throttle and restart");

    board.ask("reboot &");
    board.wait_off();
    let console = board.console();
    for said in ["service ended with status 0, as asked", "reboot: Restarting system"] {
        assert!(console.contains(said), "{said:?} is not on the console");
    }
}

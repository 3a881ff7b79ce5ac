//! highwater as PID 1 of a bare machine.

use highwater_tests::Ladder;
use serde_json::Value;

use crate::board::{Board, count};

/// As on any board with little memory, but quick.
pub const LADDER: Ladder<'_> = Ladder {
    within: "60s",
    needs: "8MiB",
    throttle: ("80%", "3s"),
    resolve_after: "1s",
    tables: r#"
[service]
stop-timeout = "20s"
[memory]
max = "96MiB"
tripwire = "60%"
[evidence]
max-bytes = "16MiB"
min-free = "8MiB"
"#,
    ..Ladder::new("/data/tmp/heap-*.bin")
};

/// Leaks once; after its restart it has stopped.
pub const SERVICE: &str = "/bin/sh -c 'exec /bin/leaker --base 50 --rate 3 --leak-after 1 --dump-file /data/tmp/heap-%d.bin \
                       --dump-size 4 --dump-handler sigwait $(test -e /data/cured && echo --rate 0; touch /data/cured)'";

#[track_caller]
fn outcome<'a>(journal: &'a [Value], step: &str) -> &'a Value {
    let finished = journal.iter().find(|line| line["event"] == "step.finished" && line["step"] == step);
    &finished.unwrap_or_else(|| panic!("{step} is not in {journal:#?}"))["outcome"]
}

#[test]
fn a_bare_machine_is_taken_through_the_whole_ladder_and_rebooted() {
    let mut board = Board::with_highwater("ladder", &LADDER.policy(), "", SERVICE);
    board.boot();
    board.wait_for("incident resolved");

    let journal = board.journal();
    for step in ["dump", "throttle", "restart"] {
        assert_eq!(outcome(&journal, step), "done", "{step}");
    }
    check_home(&board);
    check_orphans(&board);
    let generation = "grep -c service.started /data/state/journal.jsonl";
    assert_eq!(board.ask(generation), "2\n");

    board.ask("kill -TERM 1 &");
    board.wait_off();
    let console = board.console();
    for said in
        ["SIGTERM from process", "service ended with status 0, as asked", "reboot now", "reboot: Restarting system"]
    {
        assert!(console.contains(said), "{said:?} is not on the console");
    }
    assert!(!console.contains("still mounted"), "the disk was left");
    board.cut();
    let journal = String::from_utf8(board.data().file("/state/journal.jsonl").unwrap()).unwrap();
    let journal = crate::board::lines(&journal);
    assert_eq!(count(&journal, "supervisor.stopping"), 1);
}

/// Everything a program expects is there, on a root that cannot be written.
#[track_caller]
fn check_home(board: &Board) {
    let mounts = board.ask("cut -d' ' -f2,3 /proc/mounts");
    let wanted = [
        "/proc proc",
        "/sys sysfs",
        "/dev devtmpfs",
        "/dev/pts devpts",
        "/dev/shm tmpfs",
        "/run tmpfs",
        "/tmp tmpfs",
        "/sys/fs/cgroup cgroup2",
        "/data ext4",
    ];
    for mount in wanted {
        assert_eq!(mounts.lines().filter(|line| *line == mount).count(), 1, "{mount} in:\n{mounts}");
    }
    assert_ne!(board.ask("touch /written 2>/dev/null && echo yes"), "yes\n", "the root is read-only");
    assert_eq!(board.ask("hostname"), "board-7\n");
    assert!(board.ask("cat /sys/class/net/lo/flags").starts_with("0x9"), "loopback is up");
    let controllers = board.ask("cat /sys/fs/cgroup/cgroup.subtree_control");
    assert!(controllers.contains("memory") && controllers.contains("pids"), "{controllers}");
    assert_eq!(board.ask("cat /proc/1/comm"), "highwater\n");
}

/// Whoever loses its parents becomes a child of PID 1, and leaves nothing behind.
#[track_caller]
fn check_orphans(board: &Board) {
    board.ask("sh -c 'sleep 15 & echo $! >/tmp/orphan' &");
    board.ask_until("grep PPid /proc/$(cat /tmp/orphan)/status", |answer| answer == "PPid:\t1\n");
    board.ask_until("test -e /proc/$(cat /tmp/orphan) || echo gone", |answer| answer == "gone\n");
    // Those of the shell itself are there for a moment.
    board.ask_until("cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '", |zombies| zombies == "0\n");
}

#[test]
fn a_supervisor_that_is_killed_comes_back_and_a_board_switches_itself_off() {
    let policy = "[service]\nrestart = \"never\"\n";
    let mut board = Board::with_highwater("again", policy, "--when-over poweroff", "/bin/sleep 100000");
    board.boot();
    board.wait_for("service started, generation 1");
    let killed = board.ask("kill -KILL $(cut -d' ' -f4 /proc/$(pidof sleep)/stat) && echo killed");
    assert_eq!(killed, "killed\n");
    board.wait_for("the supervisor was killed by signal 9: starting it again");
    board.wait_for("of a predecessor");
    board.ask_until("pidof sleep | wc -w", |answer| answer.trim() == "1");

    // The service ends by itself, and that is the end.
    board.ask("kill $(pidof sleep)");
    board.wait_off();
    let console = board.console();
    assert!(console.contains("the service is over"), "it was over");
    assert!(console.contains("reboot: Power down"), "it switched itself off");
}

#[test]
fn it_refuses_to_be_anything_but_pid_1_of_a_machine() {
    let refusal = |command: &mut std::process::Command| {
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let highwater = highwater_tests::program("highwater");
    let (code, said) = refusal(std::process::Command::new(&highwater).args(["init", "/bin/true"]));
    assert_eq!(code, Some(125));
    assert!(said.contains("is for PID 1 of a machine"), "{said}");
    let mut container = std::process::Command::new("unshare");
    container.args(["--mount", "--pid", "--fork", "--mount-proc"]).arg(&highwater).args(["init", "/bin/true"]);
    let (code, said) = refusal(&mut container);
    assert_eq!(code, Some(125), "{said}");
    assert!(said.contains("this is a container"), "{said}");
}

//! Processes are born in their cgroup.

use highwater_kernel::Kind;
use highwater_kernel::cgroup::Group;
use highwater_kernel::leftovers::{clear, find, wait_empty};
use highwater_kernel::pidfd::Exit;
use highwater_kernel::spawn::{Entered, Spawn, SpawnError};

use crate::common::{PATIENCE, Scratch, filler, sh, wait_end, wait_until};

#[test]
fn a_child_is_in_its_cgroup_before_it_runs_anything() {
    let scratch = Scratch::new("born");
    let child = sh(&scratch.group, "exec sleep 1000");
    assert_eq!(child.entered, Entered::AtBirth);
    assert_eq!(scratch.group.procs().unwrap(), [child.pid()]);
    assert!(scratch.group.state().unwrap().populated);
    scratch.group.kill().unwrap();
    assert_eq!(wait_end(&child.pidfd), Exit::Signal { number: 9, core: false });
    assert!(wait_empty(&scratch.group, PATIENCE).unwrap());
}

#[test]
fn a_cgroup_that_gives_controllers_takes_no_process() {
    let scratch = Scratch::new("inner");
    scratch.group.enable(&["memory"]).unwrap();
    let refused = Spawn::new(["true"]).cgroup(&scratch.group).start().unwrap_err();
    assert!(matches!(refused, SpawnError::Cgroup { .. }), "{refused}");
    assert_eq!(refused.exit_code(), 125);
}

#[test]
fn a_removed_cgroup_is_named() {
    let scratch = Scratch::new("removed");
    let child = scratch.group.create_child("child").unwrap();
    scratch.group.remove_child("child").unwrap();
    let refused = Spawn::new(["true"]).cgroup(&child).start().unwrap_err();
    assert!(refused.to_string().contains("/child"), "{refused}");
}

#[test]
fn a_negative_oom_score_is_not_inherited() {
    let scratch = Scratch::new("score");
    let own = "/proc/self/oom_score_adj";
    let before = std::fs::read_to_string(own).unwrap();
    std::fs::write(own, "-900").unwrap();
    let child = sh(&scratch.group, "exec sleep 1000");
    std::fs::write(own, before.trim()).unwrap();
    let score = std::fs::read_to_string(format!("/proc/{}/oom_score_adj", child.pid())).unwrap();
    assert_eq!(score, "0\n");
}

#[test]
fn leftovers_are_unthrottled_thawed_killed_and_removed() {
    let scratch = Scratch::new("left");
    let base = &scratch.group;
    base.enable(&["memory"]).unwrap();
    let service = base.create_child("service.1").unwrap();
    let child = filler(&service, 16 << 20);
    wait_until("memory in use", || service.current().unwrap() > 16 << 20);
    let deep = service.create_child("made-by-the-service").unwrap();
    let second = sh(&deep, "exec sleep 1000");
    service.set_high(highwater_kernel::cgroup::Limit::Bytes(4096)).unwrap();
    service.freeze(true).unwrap();

    let found = find(base, "service.").unwrap();
    assert_eq!(found.iter().map(Group::name).collect::<Vec<_>>(), ["service.1"]);
    let report = clear(base, &found[0], PATIENCE).unwrap();
    assert!(report.throttled && report.removed, "{report:?}");
    assert_eq!(report.pids, [child.pid(), second.pid()]);
    assert!(!service.path().exists());
    for pidfd in [&child.pidfd, &second.pidfd] {
        assert_eq!(wait_end(pidfd), Exit::Signal { number: 9, core: false });
    }
    assert_eq!(service.current().unwrap_err().kind(), Kind::NotFound);
}

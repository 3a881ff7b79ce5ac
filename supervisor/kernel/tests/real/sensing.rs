//! Being woken, and reading while it happens.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use highwater_kernel::Kind;
use highwater_kernel::cgroup::{Counters, Current, HighWriter, Limit, Populated, StatReader};
use highwater_kernel::psi::{Line, Pressure, arm_best};
use nix::poll::PollFlags;

use crate::common::{CGROUP, MIB, Scratch, filler, role, sh, wait_end, wait_ready, wait_until};

#[test]
fn a_touched_tripwire_wakes_and_can_be_raised() {
    let scratch = Scratch::new("tripwire");
    let group = &scratch.group;
    let counters = Counters::open(group).unwrap();
    let writer = HighWriter::open(group).unwrap();
    let current = Current::open(group).unwrap();
    writer.set(Limit::Bytes(24 * MIB)).unwrap();
    let before = counters.read().unwrap();
    let _child = filler(group, 96 * MIB);
    wait_ready(counters.as_fd(), PollFlags::POLLPRI);
    writer.set(Limit::Max).unwrap();
    assert!(counters.read().unwrap().high > before.high);
    let stat = StatReader::open(group).unwrap();
    wait_until("the rest of the memory", || stat.read().unwrap().anon > Some(96 * MIB));
    assert!(current.read().unwrap() > 96 * MIB);
    assert_eq!(counters.read().unwrap().max, 0);
}

#[test]
fn an_emptied_cgroup_wakes_and_a_removed_one_is_gone() {
    let scratch = Scratch::new("empty");
    let child = scratch.group.create_child("child").unwrap();
    scratch.group.remove_child("child").unwrap();
    scratch.group.enable(&["memory"]).unwrap();
    drop(child);
    let service = scratch.group.create_child("service").unwrap();
    let populated = Populated::open(&service).unwrap();
    let counters = Counters::open(&service).unwrap();
    let process = sh(&service, "read line < /dev/zero");
    assert!(populated.read().unwrap().populated);
    service.kill().unwrap();
    wait_ready(populated.as_fd(), PollFlags::POLLPRI);
    wait_until("the end", || !populated.read().unwrap().populated);
    // A zombie does not hold the cgroup.
    service.remove().unwrap();
    assert_eq!(counters.read().unwrap_err().kind(), Kind::Gone);
    wait_end(&process.pidfd);
}

#[test]
fn a_kill_for_memory_is_told_by_the_counters() {
    let scratch = Scratch::new("oom");
    scratch.group.set_oom_group(true).unwrap();
    scratch.group.set_max(Limit::Bytes(32 * MIB)).unwrap();
    let counters = Counters::open(&scratch.group).unwrap();
    let child = filler(&scratch.group, 128 * MIB);
    assert_eq!(wait_end(&child.pidfd).shell_code(), 137);
    let events = counters.read().unwrap();
    // Of a group that is killed whole, the first victim is counted twice.
    assert!(events.max > 0 && events.oom > 0 && events.oom_kill > 0, "{events:?}");
    assert_eq!(events.oom_group_kill, 1);
}

#[test]
fn a_stall_fires_a_pressure_trigger() {
    let scratch = Scratch::new("stall");
    let path = scratch.group.path().join("memory.pressure");
    let (stall, window) = (Duration::from_millis(150), Duration::from_secs(1));
    let armed = arm_best(&path, Line::Some, stall, window).unwrap();
    assert!(armed.exact, "root may have any window");
    scratch.group.set_high(Limit::Bytes(8 * MIB)).unwrap();
    let _child = filler(&scratch.group, 64 * MIB);
    wait_ready(armed.trigger.as_fd(), PollFlags::POLLPRI);
    scratch.group.set_high(Limit::Max).unwrap();
    let stalled = Pressure::read(&path).unwrap().some.unwrap().total_us;
    assert!(stalled >= 100_000, "{stalled}");
}

#[test]
fn a_short_window_is_had_or_made_longer() {
    let scratch = Scratch::new("window");
    let path = scratch.group.path().join("memory.pressure");
    let (stall, window) = (Duration::from_millis(10), Duration::from_millis(100));
    let armed = arm_best(&path, Line::Full, stall, window).unwrap();
    assert_eq!(armed.exact, armed.window == window);
    assert!([100, 500].map(Duration::from_millis).contains(&armed.window), "{:?}", armed.window);
    let never = arm_best(&path, Line::Full, stall, Duration::from_secs(11)).unwrap_err();
    assert!(never.to_string().contains("500 ms to 10 s"), "{never}");
}

#[test]
#[ignore = "a role in the other tests of this file"]
fn role_of_an_unprivileged_watcher() {
    let path = Path::new(&std::env::var_os(CGROUP).unwrap()).join("memory.pressure");
    let (stall, window) = (Duration::from_millis(150), Duration::from_secs(1));
    let armed = arm_best(&path, Line::Some, stall, window).unwrap();
    println!("said {:?} {}", armed.window, armed.exact);
    std::process::exit(0);
}

#[test]
fn without_the_capability_the_window_becomes_two_seconds() {
    let scratch = Scratch::new("unprivileged");
    let name = "sensing::role_of_an_unprivileged_watcher";
    let before = format!(
        "exec setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource \"$0\" --exact {name} --ignored --nocapture"
    );
    let (child, said) = role(name, Some(&scratch.group), &before);
    assert_eq!(said, "2s false");
    wait_end(&child.pidfd);
}

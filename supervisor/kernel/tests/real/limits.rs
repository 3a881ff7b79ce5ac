//! Limits, freezer and reclaim do what they say.

use highwater_kernel::cgroup::{BoundsReader, Limit, Reclaimed, effective_high, effective_max};
use highwater_kernel::{Kind, probe};

use crate::common::{MIB, Scratch, filler, mount, sh, wait_until};

#[test]
fn what_is_set_is_read_back() {
    let scratch = Scratch::new("set");
    let group = &scratch.group;
    group.set_max(Limit::Bytes(64 * MIB + 5)).unwrap();
    assert_eq!(group.max().unwrap(), Limit::Bytes(64 * MIB), "whole pages");
    group.set_high(Limit::Bytes(32 * MIB)).unwrap();
    assert_eq!(group.high().unwrap(), Limit::Bytes(32 * MIB));
    group.set_max(Limit::Max).unwrap();
    assert_eq!(group.max().unwrap(), Limit::Max);
    group.set_oom_group(true).unwrap();
    assert_eq!(std::fs::read_to_string(group.path().join("memory.oom.group")).unwrap(), "1\n");
}

#[test]
fn the_tightest_of_all_limits_is_found() {
    let scratch = Scratch::new("tight");
    let outer = &scratch.group;
    outer.enable(&["memory"]).unwrap();
    let inner = outer.create_child("inner").unwrap();
    outer.set_max(Limit::Bytes(64 * MIB)).unwrap();
    inner.set_max(Limit::Bytes(128 * MIB)).unwrap();
    inner.set_high(Limit::Bytes(100 * MIB)).unwrap();
    let top = mount().point;
    let max = effective_max(&inner, &top).unwrap().unwrap();
    assert_eq!((max.bytes, max.at.as_path()), (64 * MIB, outer.path()));
    assert_eq!(effective_high(&inner, &top).unwrap().unwrap().bytes, 100 * MIB);
    let bounds = BoundsReader::open(&inner, &top).unwrap().read().unwrap();
    assert_eq!((bounds.max, bounds.smallest_max), (Limit::Bytes(128 * MIB), Some(64 * MIB)));
    let room = bounds.room_above.unwrap();
    assert!(room > 60 * MIB && room <= 64 * MIB, "{room}");
}

#[test]
fn frozen_processes_stop_and_go_on() {
    let scratch = Scratch::new("frozen");
    let _child = sh(&scratch.group, "while :; do :; done");
    scratch.group.freeze(true).unwrap();
    wait_until("the stop", || scratch.group.state().unwrap().frozen);
    scratch.group.freeze(false).unwrap();
    wait_until("the end of the stop", || !scratch.group.state().unwrap().frozen);
}

#[test]
fn anonymous_memory_without_swap_is_not_reclaimable() {
    let scratch = Scratch::new("reclaim");
    let _child = filler(&scratch.group, 32 * MIB);
    wait_until("memory in use", || scratch.group.stat().unwrap().anon > Some(32 * MIB));
    assert_eq!(scratch.group.reclaim(512 * MIB).unwrap(), Reclaimed::NothingMore);
    let stat = scratch.group.stat().unwrap();
    assert!(stat.reclaimable() < 8 * MIB, "{stat:?}");
    assert!(scratch.group.peak().unwrap() >= 32 * MIB);
}

#[test]
fn every_ability_is_there_for_root() {
    let scratch = Scratch::new("able");
    probe::clone3().unwrap();
    probe::cgroup_kill(&scratch.group).unwrap();
    probe::reclaim(&scratch.group).unwrap();
    probe::throttle(&scratch.group).unwrap();
}

#[test]
fn without_the_controller_the_limit_is_not_found() {
    let scratch = Scratch::new("without");
    let child = scratch.group.create_child("child").unwrap();
    assert_eq!(child.set_max(Limit::Max).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(child.set_high(Limit::Max).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(probe::throttle(&child).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn enabling_with_processes_inside_is_busy() {
    let scratch = Scratch::new("busy");
    let _child = sh(&scratch.group, "exec sleep 1000");
    assert_eq!(scratch.group.enable(&["memory"]).unwrap_err().kind(), Kind::Busy);
    assert_eq!(scratch.group.enable(&["bogus"]).unwrap_err().kind(), Kind::Invalid);
}

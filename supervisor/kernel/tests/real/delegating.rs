//! Taking over a cgroup from every start position. Each supervisor is a process of its own: this program in a role.

use std::path::{Path, PathBuf};

use highwater_kernel::cgroup::Group;
use highwater_kernel::delegate::{LEAF, delegate};
use highwater_kernel::guard::{Guard, Watch};
use highwater_kernel::mount::directory_of;
use highwater_kernel::pidfd::Pidfd;
use highwater_kernel::spawn::Child;
use highwater_kernel::{cgroup::Limit, process};
use nix::libc::SIGKILL;

use crate::common::{CGROUP, MIB, Scratch, filler, mount, role, sh, wait_end, wait_until};

const SUPERVISOR: &str = "delegating::role_of_a_supervisor";

#[test]
#[ignore = "a role in the other tests of this file"]
fn role_of_a_supervisor() {
    match delegate("test", "service.") {
        Ok(delegation) => {
            let own = directory_of(process::own()).unwrap().unwrap();
            assert_eq!(own, delegation.leaf.path());
            delegation.base.create_child("service.1").unwrap().high().unwrap();
            println!("said {}", delegation.base.path().display());
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            println!("said {error}");
            std::process::exit(0);
        }
    }
}

#[test]
#[ignore = "a role in the other tests of this file"]
fn role_of_a_guarded_supervisor() {
    let cgroup = PathBuf::from(std::env::var_os(CGROUP).unwrap()).join("../service");
    let guard = Guard::start("test", &std::env::temp_dir().join("guarded.jsonl")).unwrap();
    guard.watch(&Watch { generation: 1, cgroup: Some(&cgroup), pid: None, high: Limit::Max, errand: None }).unwrap();
    println!("said {}", guard.pid());
    loop {
        std::thread::park();
    }
}

fn end(child: &Child) {
    child.pidfd.send_signal(SIGKILL).unwrap();
    wait_end(&child.pidfd);
}

#[test]
fn an_ordinary_cgroup_is_taken_over_with_everybody_in_it() {
    let scratch = Scratch::new("ordinary");
    let bystander = sh(&scratch.group, "exec sleep 1000");
    let (supervisor, base) = role(SUPERVISOR, Some(&scratch.group), "");
    assert_eq!(Path::new(&base), scratch.group.path());
    let leaf = scratch.group.open_child(LEAF).unwrap().procs().unwrap();
    assert!(leaf.contains(&bystander.pid()) && leaf.contains(&supervisor.pid()), "{leaf:?}");
    assert_eq!(scratch.group.subtree_control().unwrap(), ["memory"]);
    end(&supervisor);
}

#[test]
fn births_meanwhile_do_not_hinder_it() {
    let scratch = Scratch::new("births");
    let _busy = sh(&scratch.group, "while :; do /bin/true; done");
    let (supervisor, base) = role(SUPERVISOR, Some(&scratch.group), "");
    assert_eq!(Path::new(&base), scratch.group.path());
    end(&supervisor);
}

#[test]
fn the_next_one_in_the_leaf_finds_the_base_of_the_dead_and_not_that_of_the_living() {
    let scratch = Scratch::new("again");
    let (first, base) = role(SUPERVISOR, Some(&scratch.group), "");
    assert_eq!(Path::new(&base), scratch.group.path());
    let leaf = scratch.group.open_child(LEAF).unwrap();
    let (second, nested) = role(SUPERVISOR, Some(&leaf), "");
    assert_eq!(Path::new(&nested), leaf.path(), "the living one keeps its base");
    end(&second);
    end(&first);
    // What the second one made of the leaf must go before anybody can be in it again.
    leaf.open_child("service.1").unwrap();
    wait_until("the end of all", || !leaf.state().unwrap().populated);
    leaf.remove_child("service.1").unwrap();
    leaf.remove_child(LEAF).unwrap();
    std::fs::write(leaf.path().join("cgroup.subtree_control"), "-memory").unwrap();
    scratch.group.remove_child("service.1").unwrap();
    let (third, again) = role(SUPERVISOR, Some(&leaf), "");
    assert_eq!(Path::new(&again), scratch.group.path(), "that of a dead one is taken over");
    end(&third);
}

#[test]
fn a_leaf_that_systemd_delegates_has_its_parent_as_base() {
    let scratch = Scratch::new("systemd");
    let leaf = scratch.group.create_child(LEAF).unwrap();
    let unmarked = role(SUPERVISOR, Some(&leaf), "");
    assert!(unmarked.1.contains("no memory controller"), "{}", unmarked.1);
    wait_end(&unmarked.0.pidfd);
    let mark = format!(
        "setfattr -n trusted.delegate -v 1 {0} 2>/dev/null || python3 -c 'import os; os.setxattr(\"{0}\", \"trusted.delegate\", b\"1\")'",
        scratch.group.path().display()
    );
    let (supervisor, base) = role(SUPERVISOR, Some(&leaf), &mark);
    assert_eq!(Path::new(&base), scratch.group.path());
    end(&supervisor);
}

#[test]
fn in_the_real_root_a_child_is_made_and_nobody_else_is_moved() {
    let root = Group::open(mount().point).unwrap();
    let (first, base) = role(SUPERVISOR, Some(&root), "");
    assert_eq!(Path::new(&base), root.path().join("highwater-test"));
    assert!(root.procs().unwrap().contains(&1));
    let (second, refused) = role(SUPERVISOR, Some(&root), "");
    assert!(refused.contains("another highwater looks after"), "{refused}");
    wait_end(&second.pidfd);
    end(&first);
    let base = root.open_child("highwater-test").unwrap();
    wait_until("the end of all", || !base.state().unwrap().populated);
    base.remove_child("service.1").unwrap();
    base.remove().unwrap();
}

#[test]
fn each_refusal_says_its_way_out() {
    let scratch = Scratch::new("refused");
    let without = scratch.group.create_child("without").unwrap();
    let (child, said) = role(SUPERVISOR, Some(&without), "");
    assert!(said.contains("Delegate=memory pids"), "{said}");
    wait_end(&child.pidfd);

    let another = Scratch::new("readonly");
    let top = mount().point;
    let before = format!(
        "[ -n \"$IN\" ] || IN=1 exec unshare -m sh -c 'mount -o remount,bind,ro {0} || mount -o remount,ro {0}; exec \"$0\" --exact {SUPERVISOR} --ignored --nocapture' \"$0\"",
        top.display()
    );
    let (child, said) = role(SUPERVISOR, Some(&another.group), &before);
    assert!(said.contains("mounted read-only"), "{said}");
    wait_end(&child.pidfd);

    let foreign = Scratch::new("foreign");
    let before = format!(
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" --exact {SUPERVISOR} --ignored --nocapture"
    );
    let (child, said) = role(SUPERVISOR, Some(&foreign.group), &before);
    assert!(said.contains("belongs to another user"), "{said}");
    wait_end(&child.pidfd);
}

#[test]
fn the_guard_lifts_the_throttle_of_a_killed_supervisor() {
    let scratch = Scratch::new("guarded");
    scratch.group.enable(&["memory"]).unwrap();
    let home = scratch.group.create_child("home").unwrap();
    let service = scratch.group.create_child("service").unwrap();
    service.set_high(Limit::Bytes(16 * MIB)).unwrap();
    let leaker = filler(&service, 64 * MIB);
    wait_until("the throttle to bite", || service.events().unwrap().high > 0);
    let (supervisor, guard) = role("delegating::role_of_a_guarded_supervisor", Some(&home), "");
    let guard = Pidfd::open(guard.parse().unwrap()).unwrap();
    end(&supervisor);
    wait_until("the guard's end", || guard.has_ended());
    assert_eq!(service.high().unwrap(), Limit::Max);
    wait_until("the service getting on", || service.current().unwrap() > 64 * MIB);
    assert!(!leaker.pidfd.has_ended(), "the service is left running");
}

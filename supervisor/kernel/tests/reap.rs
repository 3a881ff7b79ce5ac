//! Orphans become our children and are collected; known children are left to those who wait for them. Alone in its
//! process, as both are matters of the whole process.

use std::os::fd::AsFd;

use highwater_kernel::pidfd::{Exit, Pidfd};
use highwater_kernel::process::descendants;
use highwater_kernel::reap::{Reaped, become_subreaper, reap_orphans};
use highwater_kernel::spawn::Spawn;
use highwater_kernel::{Pid, process};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

fn wait_for_end(pidfd: &Pidfd) {
    poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
}

/// A process whose parent ended before it, and which ends with 7 when told to.
fn orphan() -> Pidfd {
    let script = "sh -c 'trap \"exit 7\" TERM; while :; do sleep 1000 & wait; done' & exit 0";
    let parent = Spawn::new(["sh", "-c", script]).start().unwrap();
    wait_for_end(&parent.pidfd);
    // Its own children tell that the orphan has set its trap.
    let ready = |pid: &Pid| descendants(*pid).is_ok_and(|below| !below.is_empty());
    let found = loop {
        let ours = descendants(process::own()).unwrap();
        let adopted = ours.into_iter().find(|pid| *pid != parent.pid() && ready(pid));
        if let Some(pid) = adopted {
            break pid;
        }
        std::thread::yield_now();
    };
    assert_eq!(parent.pidfd.wait().unwrap(), Some(Exit::Code(0)));
    Pidfd::open(found).unwrap()
}

#[test]
fn strangers_are_collected_and_known_children_are_not() {
    become_subreaper().unwrap();
    let orphan = orphan();
    assert_eq!(reap_orphans(&[]).unwrap(), Reaped::default(), "nobody has ended");

    let known = Spawn::new(["sh", "-c", "exit 3"]).start().unwrap();
    wait_for_end(&known.pidfd);
    assert_eq!(reap_orphans(&[known.pid()]).unwrap().waiting, Some(known.pid()));
    assert_eq!(known.pidfd.wait().unwrap(), Some(Exit::Code(3)), "its status was not taken away");

    let below = descendants(orphan.pid()).unwrap();
    orphan.send_signal(nix::libc::SIGTERM).unwrap();
    wait_for_end(&orphan);
    let reaped = reap_orphans(&[]).unwrap();
    assert_eq!(reaped, Reaped { orphans: vec![(orphan.pid(), Exit::Code(7))], waiting: None });
    for pid in below {
        Pidfd::open(pid).unwrap().send_signal(nix::libc::SIGKILL).unwrap();
    }
}

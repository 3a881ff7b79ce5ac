//! The way down: everybody ends, disks are left whole, and the machine reboots, halts or switches itself off.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, sync};

use super::say;
use super::signals::Signals;

/// What the machine does in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It starts anew.
    Reboot,
    /// It halts with the power on.
    Halt,
    /// It switches itself off.
    Poweroff,
}

/// What is left of the time of a service that is to stop at once.
pub const AT_ONCE: Duration = Duration::from_secs(10);
/// The supervisor needs that long beyond the time the service has to stop: a throttle is lifted, evidence kept.
const BEYOND_STOP: Duration = Duration::from_secs(30);
/// Everybody else has that long, first to end, then to be killed.
const OTHERS: Duration = Duration::from_secs(5);

/// File systems that keep nothing.
const IN_MEMORY: [&str; 15] = [
    "proc",
    "sysfs",
    "devtmpfs",
    "devpts",
    "tmpfs",
    "ramfs",
    "rootfs",
    "cgroup",
    "cgroup2",
    "debugfs",
    "tracefs",
    "securityfs",
    "configfs",
    "mqueue",
    "bpf",
];

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reboot => "reboot",
            Self::Halt => "halt",
            Self::Poweroff => "power off",
        })
    }
}

/// How long the supervisor may take to stop the service, by the policy as it is now.
pub fn patience(policy: Option<&Path>) -> Duration {
    let checked = match policy {
        Some(file) => highwater_policy::load(file),
        None => highwater_policy::parse(&highwater_policy::Source::built_in()),
    };
    checked.map_or(Duration::from_secs(90), |checked| checked.policy.service.stop_timeout) + BEYOND_STOP
}

/// Asks everybody but the kernel's own threads to end, then kills who has not.
pub fn end_everybody(signals: &Signals) {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        // Every process but this one.
        if kill(Pid::from_raw(-1), signal) == Err(Errno::ESRCH) {
            return;
        }
        if all_ended(signals, Instant::now() + OTHERS) {
            return;
        }
    }
}

/// All who are left are our children in the end.
fn all_ended(signals: &Signals, until: Instant) -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return true,
            Ok(WaitStatus::StillAlive) if Instant::now() >= until => return false,
            Ok(WaitStatus::StillAlive) => drop(signals.next(Some(until))),
            _ => {}
        }
    }
}

/// Leaves disks whole and ends the machine.
pub fn bring_down(way: Way) -> ! {
    sync();
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for point in on_disk(&table) {
        if let Err(error) = leave(&point) {
            say(format_args!("{point} is still mounted: {error}"));
        }
    }
    sync();
    say(format_args!("{way} now"));
    let mode = match way {
        Way::Reboot => RebootMode::RB_AUTOBOOT,
        Way::Halt => RebootMode::RB_HALT_SYSTEM,
        Way::Poweroff => RebootMode::RB_POWER_OFF,
    };
    let Err(error) = reboot(mode);
    say(format_args!("the machine does not {way}: {error}"));
    loop {
        nix::unistd::pause();
    }
}

/// Unmounts it, or has it written no more where somebody is still on it: the root always is in use.
fn leave(point: &str) -> nix::Result<()> {
    if point != "/" && umount2(point, MntFlags::empty()).is_ok() {
        return Ok(());
    }
    let none = None::<&str>;
    mount(none, point, none, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, none)
}

/// Where file systems are mounted that keep something, the last mounted first.
fn on_disk(table: &str) -> Vec<String> {
    let keeps = |line: &&str| {
        let kind = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').next());
        kind.is_some_and(|kind| !IN_MEMORY.contains(&kind))
    };
    let point = |line: &str| line.split(' ').nth(4).map(|point| point.replace("\\040", " "));
    table.lines().rev().filter(keeps).filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_nothing_stays_mounted() {
        let table = "1 1 0:2 / / rw - ext4 /dev/root rw\n2 1 0:3 / /proc rw - proc proc rw\n\
                     3 1 0:4 / /data\\040one rw,noatime shared:1 - ext4 /dev/vda rw\n4 1 0:5 / /tmp rw - tmpfs tmpfs rw\n";
        assert_eq!(on_disk(table), ["/data one", "/"]);
    }
}

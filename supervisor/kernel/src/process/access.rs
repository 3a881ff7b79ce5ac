//! Whether the memory of another process may be read, and if not, by which rule: the kernel only says no.

use std::fmt;
use std::fs::File;
use std::io::ErrorKind;

use super::{Identity, entry, own, parent};
use crate::{Pid, file};

/// The number of the capability to look into whatever process one likes.
const SYS_PTRACE: u32 = 19;
/// The security module Yama restricts what even the same user may do.
const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";

/// Why this process must not read the memory of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    /// Yama forbids it to everybody (3).
    ToAll,
    /// Yama takes the capability for it (2), which this process does not have.
    WithoutCapability,
    /// Without the capability, Yama allows it to ancestors only (1).
    ToStrangers,
    /// The process is another user's, and this one does not have the capability.
    OfAnotherUser {
        /// The user of the process.
        theirs: u32,
        /// The user of this process.
        ours: u32,
    },
    /// Something else: its program is setuid, has capabilities of its own or cannot be read; or a security module.
    Guarded,
}

impl Forbidden {
    /// What keeps this process from the memory of another one. Nothing keeps it from one that has ended.
    pub fn memory_of(pid: Pid) -> Option<Self> {
        let error = File::open(entry(pid, "mem")).err()?;
        (error.kind() == ErrorKind::PermissionDenied).then(|| Self::why(pid))
    }

    /// What keeps this process from the memory of any other one, whoever's it is.
    pub fn memory_of_all() -> Option<Self> {
        match yama() {
            3 => Some(Self::ToAll),
            2 if !is_capable() => Some(Self::WithoutCapability),
            _ => None,
        }
    }

    fn why(pid: Pid) -> Self {
        let users = Identity::of(pid).ok().zip(Identity::of(own()).ok());
        let known = users.map(|(theirs, ours)| (theirs.uid, ours.uid));
        match (known, Self::memory_of_all()) {
            (_, Some(Self::ToAll)) => Self::ToAll,
            _ if is_capable() => Self::Guarded,
            (Some((theirs, ours)), _) if theirs != ours => Self::OfAnotherUser { theirs, ours },
            (_, Some(rule)) => rule,
            (_, None) if yama() == 1 && !is_ancestor_of(pid) => Self::ToStrangers,
            (_, None) => Self::Guarded,
        }
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToAll => formatter.write_str("kernel.yama.ptrace_scope is 3, which forbids it to everybody"),
            Self::WithoutCapability => {
                formatter.write_str("kernel.yama.ptrace_scope is 2, which takes CAP_SYS_PTRACE; highwater does not have it")
            }
            Self::ToStrangers => formatter.write_str(
                "kernel.yama.ptrace_scope is 1, which takes CAP_SYS_PTRACE for what highwater did not start; it does not \
                 have it",
            ),
            Self::OfAnotherUser { theirs, ours } => write!(
                formatter,
                "the process is of user {theirs}; highwater, of user {ours}, does not have CAP_SYS_PTRACE"
            ),
            Self::Guarded => formatter.write_str(
                "its program is setuid, has capabilities, or cannot be read; or a security module forbids it",
            ),
        }
    }
}

/// How strict Yama is; 0 where there is none.
fn yama() -> u32 {
    file::read(YAMA).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Whether this process may look into others.
fn is_capable() -> bool {
    file::read(entry(own(), "status")).is_ok_and(|status| has(&status, SYS_PTRACE))
}

fn has(status: &str, capability: u32) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> capability & 1 == 1)
}

fn is_ancestor_of(pid: Pid) -> bool {
    let mut line = std::iter::successors(Some(pid), |pid| parent(*pid).ok().filter(|parent| *parent > 0));
    line.any(|pid| pid == own())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn what_we_may_is_not_forbidden() {
        assert_eq!(Forbidden::memory_of(own()), None);
        assert_eq!(Forbidden::memory_of(Pid::MAX), None, "nothing is there");
        assert!(is_ancestor_of(own()) && !is_ancestor_of(1));
    }

    #[test]
    fn a_capability_is_found_by_its_bit() {
        assert!(has("Name:\tx\nCapEff:\t0000000000080000\n", SYS_PTRACE));
        assert!(!has("Name:\tx\nCapEff:\tfffffffffff7ffff\n", SYS_PTRACE));
        assert!(!has("Name:\tx\n", SYS_PTRACE));
    }

    #[test]
    fn whoever_has_no_right_to_a_process_learns_by_which_rule() {
        if !is_capable() {
            // Of root, and we are not.
            assert!(matches!(Forbidden::memory_of(1), Some(Forbidden::OfAnotherUser { theirs: 0, .. })));
            return;
        }
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(Forbidden::memory_of(child.id().cast_signed()), None);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

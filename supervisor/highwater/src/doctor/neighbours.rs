//! Processes of other containers, as a sidecar sees them: what it may do to them.

use highwater_kernel::mount::Membership;
use highwater_kernel::process::{self, Root};
use highwater_kernel::{Pid, pidfd::Pidfd};

/// What may be done to at least one of them. The pause container is one, too, but never with a program of its own to
/// look after: it counts as seen, and as reached only if it runs as the same user, as the others then do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Neighbours {
    /// There are some.
    pub seen: bool,
    /// They may be sent signals.
    pub can_signal: bool,
    /// Their memory and files may be read.
    pub can_trace: bool,
}

impl Neighbours {
    /// Asks for each process whose cgroup lies outside of this container's cgroup namespace.
    pub fn look() -> Self {
        let mut found = Self::default();
        let is_other = |pid: &Pid| {
            Membership::of(*pid).ok().and_then(|theirs| theirs.unified).is_some_and(|path| path.starts_with("/.."))
        };
        for pid in process::all().unwrap_or_default().into_iter().filter(is_other) {
            found.seen = true;
            found.can_signal |= Pidfd::open(pid).is_ok_and(|pidfd| pidfd.send_signal(0).is_ok());
            found.can_trace |= Root::of(pid).is_ok();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_around_changes_nothing_and_ends() {
        let found = Neighbours::look();
        assert!(found.seen || !(found.can_signal || found.can_trace));
    }
}

//! `memory.events` and `cgroup.events`.

use crate::text::pairs;

/// The counters of `memory.events`. They only grow, and one breach can raise one of them by 17 and more: act on
/// "greater than last seen", never on a number of increments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryEvents {
    /// Reclaimed although below `memory.low`.
    pub low: u64,
    /// Throttled for being over `memory.high`. Harmless page cache raises this too.
    pub high: u64,
    /// About to go over `memory.max`; no early warning for anonymous memory.
    pub max: u64,
    /// An allocation failed at the limit.
    pub oom: u64,
    /// Processes killed by any OOM killer. Up while `max` and `oom` stand still: an outer limit killed it.
    pub oom_kill: u64,
    /// Times the whole group was killed (`memory.oom.group`).
    pub oom_group_kill: u64,
}

/// The state in `cgroup.events`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CgroupEvents {
    /// A live process is in this cgroup or below. Zombies do not count.
    pub populated: bool,
    /// Every process has come to the stop that `cgroup.freeze` asked for.
    pub frozen: bool,
}

impl MemoryEvents {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut events = Self::default();
        for (key, value) in pairs(text) {
            match key {
                b"low" => events.low = value,
                b"high" => events.high = value,
                b"max" => events.max = value,
                b"oom" => events.oom = value,
                b"oom_kill" => events.oom_kill = value,
                b"oom_group_kill" => events.oom_group_kill = value,
                _ => {}
            }
        }
        events
    }
}

impl CgroupEvents {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut events = Self::default();
        for (key, value) in pairs(text) {
            match key {
                b"populated" => events.populated = value != 0,
                b"frozen" => events.frozen = value != 0,
                _ => {}
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_counters() {
        let text = b"low 0\nhigh 17\nmax 35\noom 1\noom_kill 4\noom_group_kill 1\n";
        let expected = MemoryEvents { low: 0, high: 17, max: 35, oom: 1, oom_kill: 4, oom_group_kill: 1 };
        assert_eq!(MemoryEvents::parse(text), expected);
    }

    #[test]
    fn older_kernels_have_fewer_counters_and_newer_more() {
        let older = MemoryEvents::parse(b"low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n");
        assert_eq!((older.oom_kill, older.oom_group_kill), (4, 0));
        let newer = MemoryEvents::parse(b"high 1\nsock_throttled 9\n");
        assert_eq!(newer, MemoryEvents { high: 1, ..MemoryEvents::default() });
    }

    #[test]
    fn reads_the_state() {
        let events = CgroupEvents::parse(b"populated 1\nfrozen 0\n");
        assert_eq!(events, CgroupEvents { populated: true, frozen: false });
    }
}

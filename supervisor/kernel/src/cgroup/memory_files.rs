//! The `memory.*` files: usage, limits, reclaim.

use std::os::fd::AsFd;

use super::{Group, Limit, MemoryEvents, MemoryStat, control};
use crate::text::number;
use crate::{Error, Result};

/// What `memory.reclaim` came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reclaimed {
    /// All that was asked for (or more: 6.1 gives back up to twice as much page cache).
    Whole,
    /// Less, perhaps nothing: there is no more to reclaim. Anonymous memory without swap ends here in about 1 ms.
    NothingMore,
}

impl Group {
    /// Bytes in use, page cache included.
    pub fn current(&self) -> Result<u64> {
        self.read_number("memory.current")
    }

    /// The most bytes ever in use (Linux 5.19 and newer).
    pub fn peak(&self) -> Result<u64> {
        self.read_number("memory.peak")
    }

    /// Bytes swapped out.
    pub fn swap_current(&self) -> Result<u64> {
        self.read_number("memory.swap.current")
    }

    /// What the memory is made of.
    pub fn stat(&self) -> Result<MemoryStat> {
        Ok(MemoryStat::parse(self.read("memory.stat")?.as_bytes()))
    }

    /// The counters of breaches and kills, those below this cgroup included.
    pub fn events(&self) -> Result<MemoryEvents> {
        Ok(MemoryEvents::parse(self.read("memory.events")?.as_bytes()))
    }

    /// `memory.high`: beyond it every thread that takes more memory is put to sleep.
    pub fn high(&self) -> Result<Limit> {
        self.read_limit("memory.high")
    }

    /// Sets `memory.high`; see [`HighWriter`](super::HighWriter) for where this may block.
    pub fn set_high(&self, limit: Limit) -> Result<()> {
        self.write("memory.high", &limit.to_string())
    }

    /// `memory.max`: beyond it the OOM killer comes.
    pub fn max(&self) -> Result<Limit> {
        self.read_limit("memory.max")
    }

    /// Sets `memory.max`. Never below present usage: the write succeeds and the service is killed.
    pub fn set_max(&self, limit: Limit) -> Result<()> {
        control::set_max(self.as_fd(), self.path(), limit)
    }

    /// `memory.swap.max`.
    pub fn swap_max(&self) -> Result<Limit> {
        self.read_limit("memory.swap.max")
    }

    /// Sets `memory.swap.max`.
    pub fn set_swap_max(&self, limit: Limit) -> Result<()> {
        self.write("memory.swap.max", &limit.to_string())
    }

    /// Whether the OOM killer takes all processes of the cgroup.
    pub fn oom_group(&self) -> Result<bool> {
        Ok(self.read("memory.oom.group")?.trim_end() == "1")
    }

    /// Whether the OOM killer takes all processes of the cgroup or only the biggest.
    pub fn set_oom_group(&self, whole: bool) -> Result<()> {
        self.write("memory.oom.group", if whole { "1" } else { "0" })
    }

    /// Asks the kernel to give back so many bytes; blocks while it does.
    pub fn reclaim(&self, bytes: u64) -> Result<Reclaimed> {
        match self.write("memory.reclaim", &bytes.to_string()) {
            Ok(()) => Ok(Reclaimed::Whole),
            Err(e) if e.errno() == Some(libc::EAGAIN) => Ok(Reclaimed::NothingMore),
            Err(e) => Err(e),
        }
    }

    fn read_number(&self, name: &str) -> Result<u64> {
        let value = number(self.read(name)?.as_bytes());
        value.ok_or_else(|| Error::unexpected(self.path().join(name), "not a number"))
    }

    fn read_limit(&self, name: &str) -> Result<Limit> {
        let value = Limit::parse(self.read(name)?.as_bytes());
        value.ok_or_else(|| Error::unexpected(self.path().join(name), "neither a number nor max"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::cgroup::tests::fake_group;

    fn text(dir: &tempfile::TempDir, name: &str) -> String {
        std::fs::read_to_string(dir.path().join(name)).unwrap()
    }

    #[test]
    fn reads_each_file() {
        let (_dir, group) = fake_group(&[
            ("cgroup.procs", "12\n0\n34\n"),
            ("cgroup.controllers", "cpu memory pids\n"),
            ("cgroup.events", "populated 1\nfrozen 1\n"),
            ("memory.high", "max\n"),
            ("memory.max", "268435456\n"),
            ("memory.peak", "77\n"),
        ]);
        assert_eq!(group.procs().unwrap(), [12, 0, 34]);
        assert_eq!(group.controllers().unwrap(), ["cpu", "memory", "pids"]);
        assert!(group.state().unwrap().frozen);
        assert_eq!(group.high().unwrap(), Limit::Max);
        assert_eq!(group.max().unwrap(), Limit::Bytes(268_435_456));
        assert_eq!(group.peak().unwrap(), 77);
    }

    #[test]
    fn writes_each_file() {
        let names = ["memory.max", "memory.high", "cgroup.freeze", "cgroup.kill", "cgroup.subtree_control"];
        let (dir, group) = fake_group(&names.map(|name| (name, "something long before\n")));
        group.set_max(Limit::Bytes(4096)).unwrap();
        group.set_high(Limit::Max).unwrap();
        group.freeze(true).unwrap();
        group.kill().unwrap();
        group.enable(&["memory", "pids"]).unwrap();
        assert_eq!(names.map(|name| text(&dir, name)), ["4096", "max", "1", "1", "+memory +pids"]);
        group.freeze(false).unwrap();
        group.set_max(Limit::Max).unwrap();
        assert_eq!((text(&dir, "cgroup.freeze"), text(&dir, "memory.max")), ("0".into(), "max".into()));
    }

    #[test]
    fn a_missing_file_is_not_found_whoever_writes_it() {
        let (_dir, group) = fake_group(&[]);
        let kill = group.kill().unwrap_err();
        assert_eq!((kill.kind(), kill.path.ends_with("cgroup.kill")), (Kind::NotFound, true));
        assert_eq!(group.set_high(Limit::Max).unwrap_err().kind(), Kind::NotFound);
        assert_eq!(group.current().unwrap_err().kind(), Kind::NotFound);
    }
}

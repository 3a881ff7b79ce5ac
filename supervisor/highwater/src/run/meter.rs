//! Usage of the service, from its cgroup or, where there is none, from its processes.

use std::cell::Cell;
use std::path::Path;

use highwater_core::amount::Limit;
use highwater_core::reading::Usage;
use highwater_kernel::cgroup::{self, BoundsReader, Current, Group, StatReader};
use highwater_kernel::machine::{Memory, MemoryReader};
use highwater_kernel::{Pid, Result, process};

/// A machine that does not say what it has: it neither limits nor lends.
const UNKNOWN: Memory = Memory { total: u64::MAX, available: 0, swap: 0 };

/// Reads the usage of one generation through descriptors that stay open.
#[derive(Debug)]
pub enum Meter {
    /// By the memory controller.
    Cgroup(Box<Files>),
    /// By adding up processes: only what is resident is known.
    Tree {
        /// Main process.
        pid: Pid,
        /// What stands for the limit, in bytes.
        max: u64,
    },
}

/// The files of a cgroup with a memory controller, and of what is above it.
#[derive(Debug)]
pub struct Files {
    current: Current,
    stat: StatReader,
    bounds: BoundsReader,
    machine: Option<MemoryReader>,
    /// So much may be lent at most.
    most: u64,
    lent_from: Cell<Option<u64>>,
}

impl Meter {
    /// A meter for a cgroup. By `most` bytes its `memory.max` may be raised, if that was set by us.
    pub fn of_cgroup(group: &Group, mount_point: &Path, most: u64) -> Result<Self> {
        Ok(Self::Cgroup(Box::new(Files {
            current: Current::open(group)?,
            stat: StatReader::open(group)?,
            bounds: BoundsReader::open(group, mount_point)?,
            machine: MemoryReader::open().ok(),
            most,
            lent_from: Cell::new(None),
        })))
    }

    /// A meter for a process tree with that limit, or the memory of the machine.
    pub fn of_tree(pid: Pid, max: Option<u64>) -> Self {
        let machine = || Memory::read().map_or(u64::MAX, |memory| memory.total);
        Self::Tree { pid, max: max.unwrap_or_else(machine) }
    }

    /// `memory.current` in bytes.
    pub fn current(&self) -> Result<u64> {
        match self {
            Self::Cgroup(files) => files.current.read(),
            Self::Tree { pid, .. } => Ok(process::tree_usage(*pid)?.resident),
        }
    }

    /// The `memory.max` of its own, if it has one.
    pub fn own_max(&self) -> Option<u64> {
        match self {
            Self::Cgroup(files) => files.bounds.read().ok()?.max.bytes(),
            Self::Tree { .. } => None,
        }
    }

    /// A full reading.
    pub fn usage(&self) -> Result<Usage> {
        match self {
            Self::Cgroup(files) => files.usage(),
            Self::Tree { pid, max } => {
                let tree = process::tree_usage(*pid)?;
                Ok(of_tree(tree.resident, tree.anon, *max))
            }
        }
    }

    /// The main process is another one now.
    pub fn follow(&mut self, main: Pid) {
        if let Self::Tree { pid, .. } = self {
            *pid = main;
        }
    }
}

impl Files {
    fn usage(&self) -> Result<Usage> {
        let bounds = self.bounds.read()?;
        let machine = self.machine.as_ref().and_then(|machine| machine.read().ok()).unwrap_or(UNKNOWN);
        let current = self.current.read()?;
        let stat = self.stat.read()?;
        let max = bounds.smallest_max.unwrap_or(machine.total);
        let below_own = bounds.max.bytes().map_or(u64::MAX, |max| max.saturating_sub(current));
        let above = bounds.room_above.unwrap_or(u64::MAX);
        Ok(Usage {
            current,
            anon: stat.anon.unwrap_or(0),
            anon_thp: stat.anon_thp.unwrap_or(0),
            inactive_file: stat.inactive_file.unwrap_or(0),
            reclaimable: stat.reclaimable(),
            swap: machine.swap > 0 && bounds.swap_max != cgroup::Limit::Bytes(0),
            high: Limit::from(Raw(bounds.high)),
            max,
            head: below_own.min(above).min(max.saturating_sub(current)),
            lendable: lendable(above, below_own, machine.available).min(self.left_to_lend(bounds.max)),
        })
    }

    /// What is left of that which may be lent: a limit that has been raised already counts.
    fn left_to_lend(&self, own: cgroup::Limit) -> u64 {
        let own = own.bytes().unwrap_or(u64::MAX);
        let first = self.lent_from.get().unwrap_or(own);
        self.lent_from.set(Some(first.min(own)));
        self.most.saturating_sub(own.saturating_sub(first))
    }
}

/// What may be lent: what the ancestors have left beyond what the service may take already, and no more than half of what
/// the machine has.
fn lendable(above: u64, below_own: u64, available: u64) -> u64 {
    above.saturating_sub(below_own).min(available / 2)
}

fn of_tree(resident: u64, anon: u64, max: u64) -> Usage {
    Usage {
        current: resident,
        anon,
        anon_thp: 0,
        inactive_file: 0,
        reclaimable: resident.saturating_sub(anon),
        swap: false,
        high: Limit::Max,
        max,
        head: max.saturating_sub(resident),
        lendable: 0,
    }
}

/// A limit as the kernel layer reads it, on its way into the core.
struct Raw(cgroup::Limit);

impl From<Raw> for Limit {
    fn from(Raw(limit): Raw) -> Self {
        match limit {
            cgroup::Limit::Bytes(bytes) => Self::Bytes(bytes),
            cgroup::Limit::Max => Self::Max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lendable;

    #[test]
    fn what_the_service_may_take_already_is_not_lent_once_more() {
        assert_eq!(lendable(90, 82, 100), 8);
        assert_eq!(lendable(82, 90, 100), 0, "the limit above is the nearer one");
        assert_eq!(lendable(90, 82, 6), 3, "the machine has no more");
    }
}

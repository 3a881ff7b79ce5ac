//! Usage of the service, from its cgroup or, where there is none, from its processes.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highwater_core::amount::Limit;
use highwater_core::reading::Usage;
use highwater_kernel::cgroup::{self, Current, Group, StatReader, ancestor_room, effective_max};
use highwater_kernel::{Pid, Result, memory_lock, process};

/// Limits are read again after so long: they change rarely, and each ancestor is a file to open.
const LIMITS_LAST: Duration = Duration::from_secs(1);

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

/// The files of a cgroup with a memory controller.
#[derive(Debug)]
pub struct Files {
    group: Group,
    mount_point: PathBuf,
    current: Current,
    stat: StatReader,
    /// So much may be lent at most.
    most: u64,
    lent_from: Cell<Option<u64>>,
    limits: RefCell<Option<(Instant, Limits)>>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    max: u64,
    /// What is left in the ancestors beyond what the service uses itself.
    room_above: Option<u64>,
    own: cgroup::Limit,
    high: cgroup::Limit,
    swap: bool,
    current: u64,
}

impl Meter {
    /// A meter for a cgroup. By `most` bytes its `memory.max` may be raised, if that was set by us.
    pub fn of_cgroup(group: &Group, mount_point: &Path, most: u64) -> Result<Self> {
        Ok(Self::Cgroup(Box::new(Files {
            group: group.try_clone()?,
            mount_point: mount_point.into(),
            current: Current::open(group)?,
            stat: StatReader::open(group)?,
            most,
            lent_from: Cell::new(None),
            limits: RefCell::new(None),
        })))
    }

    /// A meter for a process tree with that limit, or the memory of the machine.
    pub fn of_tree(pid: Pid, max: Option<u64>) -> Self {
        let machine = || memory_lock::total().unwrap_or(u64::MAX);
        Self::Tree { pid, max: max.unwrap_or_else(machine) }
    }

    /// `memory.current` in bytes.
    pub fn current(&self) -> Result<u64> {
        match self {
            Self::Cgroup(files) => files.current.read(),
            Self::Tree { pid, .. } => Ok(process::tree_usage(*pid)?.resident),
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

    /// Forgets the limits, because one was changed.
    pub fn limits_changed(&self) {
        if let Self::Cgroup(files) = self {
            files.limits.replace(None);
        }
    }
}

impl Files {
    fn usage(&self) -> Result<Usage> {
        let limits = self.limits()?;
        let current = self.current.read()?;
        let stat = self.stat.read()?;
        let below_own = limits.own.bytes().map_or(u64::MAX, |max| max.saturating_sub(current));
        let grown = current.saturating_sub(limits.current);
        let above = limits.room_above.map_or(u64::MAX, |room| room.saturating_sub(grown));
        let machine = limits.max.saturating_sub(current);
        Ok(Usage {
            current,
            anon: stat.anon.unwrap_or(0),
            anon_thp: stat.anon_thp.unwrap_or(0),
            inactive_file: stat.inactive_file.unwrap_or(0),
            reclaimable: stat.reclaimable(),
            swap: limits.swap,
            high: Limit::from(Raw(limits.high)),
            max: limits.max,
            head: below_own.min(above).min(machine),
            lendable: lendable(above, below_own).min(self.left_to_lend(&limits)),
        })
    }

    /// What is left of that which may be lent: a limit that has been raised already counts.
    fn left_to_lend(&self, limits: &Limits) -> u64 {
        let own = limits.own.bytes().unwrap_or(u64::MAX);
        let first = self.lent_from.get().unwrap_or(own);
        self.lent_from.set(Some(first.min(own)));
        self.most.saturating_sub(own.saturating_sub(first))
    }

    fn limits(&self) -> Result<Limits> {
        if let Some((read, limits)) = *self.limits.borrow()
            && read.elapsed() < LIMITS_LAST
        {
            return Ok(limits);
        }
        let limits = self.read_limits()?;
        self.limits.replace(Some((Instant::now(), limits)));
        Ok(limits)
    }

    fn read_limits(&self) -> Result<Limits> {
        let ceiling = effective_max(&self.group, &self.mount_point)?;
        let machine = || memory_lock::total().unwrap_or(u64::MAX);
        let may_swap = self.group.swap_max().map_or(true, |limit| limit != cgroup::Limit::Bytes(0));
        let swap = may_swap && memory_lock::swap_total().unwrap_or(0) > 0;
        Ok(Limits {
            max: ceiling.map_or_else(machine, |ceiling| ceiling.bytes),
            room_above: ancestor_room(&self.group, &self.mount_point)?,
            own: self.group.max()?,
            high: self.group.high()?,
            swap,
            current: self.current.read()?,
        })
    }
}

/// What may be lent: what the ancestors have left beyond what the service may take already, and no more than half of what
/// the machine has.
fn lendable(above: u64, below_own: u64) -> u64 {
    above.saturating_sub(below_own).min(memory_lock::available().unwrap_or(0) / 2)
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
        assert_eq!(lendable(90, 82), 8);
        assert_eq!(lendable(82, 90), 0, "the limit above is the nearer one");
    }
}

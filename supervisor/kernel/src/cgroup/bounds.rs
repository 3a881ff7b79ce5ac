//! The limits a cgroup is under, kept open: its own and those of everything above it.

use std::path::Path;

use nix::fcntl::OFlag;

use super::ceiling::upwards;
use super::{Group, Limit};
use crate::file::KernelFile;
use crate::text::number;
use crate::{Error, Kind, Result};

/// The files of a cgroup and its ancestors that limit it, kept open: read without opening or allocating anything, and
/// without walking through directories that a machine short of memory has forgotten.
#[derive(Debug)]
pub struct BoundsReader {
    own: Level,
    swap_max: Option<KernelFile>,
    above: Vec<Level>,
}

/// What limits a cgroup at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Its own `memory.max`.
    pub max: Limit,
    /// Its own `memory.high`.
    pub high: Limit,
    /// Its own `memory.swap.max`; no limit where swap is not counted.
    pub swap_max: Limit,
    /// The smallest `memory.max` of it and its ancestors; `None` if nobody limits.
    pub smallest_max: Option<u64>,
    /// What the ancestors have left below their own `memory.max` and `memory.high`, in bytes: so much could a loan to this
    /// cgroup be. `None` if no ancestor limits.
    pub room_above: Option<u64>,
}

/// The files of one cgroup. The real root has none, and without the memory controller there are none either.
#[derive(Debug)]
struct Level {
    max: Option<KernelFile>,
    high: Option<KernelFile>,
    current: Option<KernelFile>,
}

impl BoundsReader {
    /// Opens the files of a cgroup and of everything above it, up to the mount point. An ancestor that may not be looked
    /// at is taken for one that does not limit: better than to know nothing.
    pub fn open(group: &Group, mount_point: &Path) -> Result<Self> {
        let ancestors = upwards(group.path(), mount_point).skip(1);
        let above = ancestors.filter_map(|directory| Level::open(&Group::open_unchecked(directory).ok()?).ok());
        Ok(Self { own: Level::open(group)?, swap_max: open(group, "memory.swap.max")?, above: above.collect() })
    }

    /// The limits as of now.
    pub fn read(&self) -> Result<Bounds> {
        let max = limit(self.own.max.as_ref())?;
        let mut bounds = Bounds {
            max,
            high: limit(self.own.high.as_ref())?,
            swap_max: limit(self.swap_max.as_ref())?,
            smallest_max: max.bytes(),
            room_above: None,
        };
        for level in &self.above {
            let (max, high) = (limit(level.max.as_ref())?.bytes(), limit(level.high.as_ref())?.bytes());
            bounds.smallest_max = smaller(bounds.smallest_max, max);
            if let (Some(lower), Some(current)) = (smaller(max, high), &level.current) {
                bounds.room_above = smaller(bounds.room_above, Some(lower.saturating_sub(bytes(current)?)));
            }
        }
        Ok(bounds)
    }
}

impl Level {
    fn open(group: &Group) -> Result<Self> {
        Ok(Self {
            max: open(group, "memory.max")?,
            high: open(group, "memory.high")?,
            current: open(group, "memory.current")?,
        })
    }
}

fn open(group: &Group, name: &str) -> Result<Option<KernelFile>> {
    match group.file(name, OFlag::O_RDONLY) {
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// What is not there does not limit.
fn limit(file: Option<&KernelFile>) -> Result<Limit> {
    let Some(file) = file else { return Ok(Limit::Max) };
    let limit = Limit::parse(file.read(&mut [0; 32])?);
    limit.ok_or_else(|| Error::unexpected(file.path(), "neither a number nor max"))
}

fn bytes(file: &KernelFile) -> Result<u64> {
    number(file.read(&mut [0; 32])?).ok_or_else(|| Error::unexpected(file.path(), "not a number"))
}

/// The smaller of what there is.
fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::tests::fake_group;

    fn write(group: &Group, name: &str, text: &str) {
        std::fs::write(group.path().join(name), text).unwrap();
    }

    fn limits(group: &Group, max: &str, high: &str, current: &str) {
        write(group, "memory.max", max);
        write(group, "memory.high", high);
        write(group, "memory.current", current);
    }

    #[test]
    fn the_room_is_that_of_the_tightest_ancestor_and_not_our_own() {
        let (root, mount) = fake_group(&[]);
        let outer = mount.create_child("outer").unwrap();
        let inner = outer.create_child("inner").unwrap();
        let service = inner.create_child("service").unwrap();
        limits(&outer, "max\n", "max\n", "700\n");
        limits(&inner, "max\n", "max\n", "100\n");
        limits(&service, "10\n", "max\n", "5\n");
        let reader = BoundsReader::open(&service, root.path()).unwrap();
        let bounds = reader.read().unwrap();
        assert_eq!((bounds.smallest_max, bounds.room_above), (Some(10), None));
        assert_eq!((bounds.max, bounds.high, bounds.swap_max), (Limit::Bytes(10), Limit::Max, Limit::Max));
        limits(&inner, "500\n", "max\n", "100\n");
        limits(&outer, "1000\n", "max\n", "700\n");
        assert_eq!(reader.read().unwrap().room_above, Some(300), "what is kept open shows what is there now");
        limits(&outer, "1000\n", "600\n", "700\n");
        assert_eq!(reader.read().unwrap().room_above, Some(0));
        limits(&service, "max\n", "max\n", "5\n");
        assert_eq!(reader.read().unwrap().smallest_max, Some(500), "wherever it is");
    }
}

//! How much evidence is kept: a bound in bytes, one in incidents, and room that is left on the disk.
//!
//! Of what is too much the oldest incident gives first, and within it the smallest capture: the largest says most. The
//! largest capture of the newest incident that has one is never given up, whatever the bounds say. What is known of an
//! incident (`incident.json`, its report, what grew) is small and goes only with the whole incident.

#[cfg(test)]
mod properties;
mod prune;

pub use prune::Removed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::names;

/// Bounds of all evidence together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// So many bytes of disk are used at most; nothing for no bound. While a capture is made, the one it may take the
    /// place of is there as well.
    pub max_bytes: Option<u64>,
    /// So many incidents are kept at most, at least one; nothing for no bound.
    pub max_count: Option<usize>,
    /// So many bytes stay free on the file system.
    pub min_free: u64,
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its incident.
    pub incident: String,
    /// Its name in the directory of the incident.
    pub name: String,
    /// What it takes on disk.
    pub bytes: u64,
}

/// Which files must go, in the order in which they go, for the bounds to hold with so much free on the disk.
pub fn surplus(files: &[Kept], limits: Limits, free_now: u64) -> Vec<usize> {
    let view = View::of(files);
    let mut gone = view.beyond_count(limits.max_count);
    let over = |gone: &[usize]| {
        let left = view.total - view.sum(gone);
        let free = free_now.saturating_add(view.sum(gone));
        limits.max_bytes.is_some_and(|most| left > most) || free < limits.min_free
    };
    view.give_until(&mut gone, |gone| !over(gone));
    gone
}

/// Which files must go so that a capture of so many bytes fits, or why it cannot.
pub fn room_for(files: &[Kept], limits: Limits, free_now: u64, coming: u64) -> Result<Vec<usize>, NoRoom> {
    let view = View::of(files);
    let protected = view.protected.map_or(0, |index| files[index].bytes);
    // When it is there, it and the one protected so far are weighed anew.
    let fits_bytes = |gone: &[usize]| {
        let left = (view.total - view.sum(gone)).saturating_sub(protected);
        limits.max_bytes.is_none_or(|most| left.saturating_add(coming) <= most)
    };
    let needed = limits.min_free.saturating_add(coming);
    let fits_disk = |gone: &[usize]| free_now.saturating_add(view.sum(gone)) >= needed;
    let mut gone = Vec::new();
    view.give_until(&mut gone, |gone| fits_bytes(gone) && fits_disk(gone));
    let freed = view.sum(&gone);
    match limits.max_bytes {
        Some(most) if !fits_bytes(&gone) => Err(NoRoom::Bytes { coming, most }),
        _ if !fits_disk(&gone) => {
            Err(NoRoom::Disk { coming, free: free_now.saturating_add(freed), min: limits.min_free })
        }
        _ => Ok(gone),
    }
}

/// Why a capture has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// More than all evidence together may take.
    Bytes {
        /// Bytes of the capture.
        coming: u64,
        /// The bound.
        most: u64,
    },
    /// Too little would stay free on the disk.
    Disk {
        /// Bytes of the capture.
        coming: u64,
        /// Bytes free after everything that may go is gone.
        free: u64,
        /// What must stay free.
        min: u64,
    },
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        match *self {
            Self::Bytes { coming, most } => {
                write!(f, "{} do not fit: all evidence together may take {}", mib(coming), mib(most))
            }
            Self::Disk { coming, free, min } => {
                write!(
                    f,
                    "{} do not fit: {} are free on the disk, of which {} must stay",
                    mib(coming),
                    mib(free),
                    mib(min)
                )
            }
        }
    }
}

/// Files as retention sees them.
struct View<'a> {
    files: &'a [Kept],
    total: u64,
    /// Captures in the order in which they are given up.
    captures: Vec<usize>,
    protected: Option<usize>,
}

impl<'a> View<'a> {
    fn of(files: &'a [Kept]) -> Self {
        let mut captures: Vec<usize> =
            (0..files.len()).filter(|index| !names::is_record(&files[*index].name)).collect();
        captures.sort_by_key(|index| {
            let file = &files[*index];
            (names::by_age(&file.incident), !names::is_partial(&file.name), file.bytes, &file.name)
        });
        let protected = captures.last().copied();
        Self { files, total: files.iter().map(|file| file.bytes).sum(), captures, protected }
    }

    fn sum(&self, indices: &[usize]) -> u64 {
        indices.iter().map(|index| self.files[*index].bytes).sum()
    }

    /// Whole incidents beyond the bound, the oldest first, each with its captures before its records.
    fn beyond_count(&self, max_count: Option<usize>) -> Vec<usize> {
        let mut incidents: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, file) in self.files.iter().enumerate() {
            incidents.entry(names::by_age(&file.incident)).or_default().push(index);
        }
        let beyond = max_count.map_or(0, |most| incidents.len().saturating_sub(most.max(1)));
        let newest = incidents.keys().next_back().copied();
        let is_fixed = |age: &_, of: &[usize]| Some(*age) == newest || self.protected.is_some_and(|p| of.contains(&p));
        let going = incidents.into_iter().filter(|(age, of)| !is_fixed(age, of)).take(beyond);
        let mut going: Vec<Vec<usize>> = going.map(|(_, of)| of).collect();
        for of in &mut going {
            of.sort_by_key(|index| names::is_record(&self.files[*index].name));
        }
        going.concat()
    }

    /// Gives up captures in their order until it is enough, or nothing is left to give.
    fn give_until(&self, gone: &mut Vec<usize>, is_enough: impl Fn(&[usize]) -> bool) {
        let already: BTreeSet<usize> = gone.iter().copied().collect();
        let free = |index: &&usize| !already.contains(index) && Some(**index) != self.protected;
        for index in self.captures.iter().filter(free) {
            if is_enough(gone) {
                return;
            }
            gone.push(*index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn kept(incident: u32, name: &str, bytes: u64) -> Kept {
        Kept { incident: format!("i-{incident}"), name: name.into(), bytes }
    }

    fn limits(max_bytes: u64, max_count: usize, min_free: u64) -> Limits {
        Limits { max_bytes: Some(max_bytes), max_count: Some(max_count), min_free }
    }

    #[test]
    fn the_oldest_incident_gives_its_smallest_first() {
        let files = [
            kept(2, "dump-a", 10),
            kept(1, "dump-large", 30),
            kept(1, "incident.json", 1),
            kept(1, "dump-small", 20),
            kept(10, "dump-b", 5),
        ];
        assert_eq!(surplus(&files, limits(50, 9, 0), 0), [3]);
        assert_eq!(surplus(&files, limits(17, 9, 0), 0), [3, 1]);
        assert_eq!(surplus(&files, limits(0, 9, 0), 0), [3, 1, 0]);
        assert_eq!(surplus(&files, limits(99, 9, 25), 6), [3]);
        assert_eq!(surplus(&files, limits(99, 2, 0), 0), [1, 3, 2]);
        assert_eq!(surplus(&files, limits(99, 9, 0), 0), [0; 0]);
    }

    #[test]
    fn partial_captures_go_before_whole_ones() {
        let files = [kept(1, "dump-heap.partial", 90), kept(1, "dump-heap", 50)];
        assert_eq!(surplus(&files, limits(60, 9, 0), 0), [0]);
        assert_eq!(surplus(&files, limits(0, 1, 0), 0), [0]);
    }

    #[test]
    fn room_is_made_or_its_lack_is_explained() {
        let files = [kept(1, "dump", 40), kept(2, "dump", 50)];
        assert_eq!(room_for(&files, limits(60, 9, 0), 1000, 30), Ok(vec![0]));
        assert_eq!(room_for(&files, limits(60, 9, 0), 1000, 60), Ok(vec![0]));
        assert_eq!(room_for(&files, limits(100, 9, 10), 20, 50), Ok(vec![0]));
        let bytes = room_for(&files, limits(60 << 20, 9, 0), 1000 << 20, 61 << 20).unwrap_err();
        assert_eq!(bytes.to_string(), "61.0 MiB do not fit: all evidence together may take 60.0 MiB");
        assert_eq!(room_for(&files, limits(1000, 9, 10), 20, 51), Err(NoRoom::Disk { coming: 51, free: 60, min: 10 }));
    }
}

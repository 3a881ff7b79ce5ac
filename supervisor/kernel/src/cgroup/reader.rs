//! Kept-open files of a cgroup: read and written without opening or allocating anything.
//!
//! After the cgroup is removed every call fails with [`Kind::Gone`](crate::Kind::Gone); a new cgroup of the same name
//! does not revive them. Open them anew for each generation.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::fcntl::OFlag;

use super::{CgroupEvents, Group, Limit, MemoryEvents, MemoryStat};
use crate::file::KernelFile;
use crate::text::{Fixed, number};
use crate::{Error, Result};

macro_rules! pollable {
    ($name:ident) => {
        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.0.as_fd().as_raw_fd()
            }
        }
    };
}

/// `memory.events`, kept open. Becomes ready with `EPOLLPRI | EPOLLERR` at a change, `EPOLLERR` being normal; register
/// it edge-triggered and [`read`](Self::read) after each wake. News is at most 12 to 16 ms old after a first event.
/// Removal of the cgroup wakes nobody: the pidfd and [`Populated`] tell of an end.
#[derive(Debug)]
pub struct Counters(KernelFile);

/// `cgroup.events`, kept open; becomes ready like [`Counters`] when the cgroup empties, fills, freezes or thaws.
#[derive(Debug)]
pub struct Populated(KernelFile);

/// `memory.current`, kept open. One read costs about 0.3 microseconds.
#[derive(Debug)]
pub struct Current(KernelFile);

/// `memory.stat`, kept open. One read costs some ten microseconds, as the kernel gathers the numbers of all CPUs.
#[derive(Debug)]
pub struct StatReader(KernelFile);

/// `memory.high`, kept open for writing. Lowering blocks while the kernel reclaims (milliseconds for anonymous memory,
/// seconds with swap), so it belongs on a helper thread; raising is done at once. Open two: then a raise does not
/// wait for the file position lock of a lowering that is still running.
#[derive(Debug)]
pub struct HighWriter(KernelFile);

/// `memory.max`, kept open for writing, for the moment a service is lent some of the reserve.
#[derive(Debug)]
pub struct MaxWriter(KernelFile);

pollable!(Counters);
pollable!(Populated);
pollable!(Current);
pollable!(StatReader);
pollable!(HighWriter);

impl Counters {
    /// Opens `memory.events` of a cgroup.
    pub fn open(group: &Group) -> Result<Self> {
        group.file("memory.events", OFlag::O_RDONLY).map(Self)
    }

    /// The same open file under a second descriptor: for one after the other to wait on. Two that wait at a time would
    /// take each other's news.
    pub fn try_clone(&self) -> Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// The counters as of now.
    pub fn read(&self) -> Result<MemoryEvents> {
        self.0.read(&mut [0; 512]).map(MemoryEvents::parse)
    }
}

impl Populated {
    /// Opens `cgroup.events` of a cgroup.
    pub fn open(group: &Group) -> Result<Self> {
        group.file("cgroup.events", OFlag::O_RDONLY).map(Self)
    }

    /// The state as of now.
    pub fn read(&self) -> Result<CgroupEvents> {
        self.0.read(&mut [0; 256]).map(CgroupEvents::parse)
    }
}

impl Current {
    /// Opens `memory.current` of a cgroup.
    pub fn open(group: &Group) -> Result<Self> {
        group.file("memory.current", OFlag::O_RDONLY).map(Self)
    }

    /// Bytes in use now, page cache included.
    pub fn read(&self) -> Result<u64> {
        let mut buffer = [0; 32];
        let value = number(self.0.read(&mut buffer)?);
        value.ok_or_else(|| Error::unexpected(self.0.path(), "not a number"))
    }
}

impl StatReader {
    /// Opens `memory.stat` of a cgroup.
    pub fn open(group: &Group) -> Result<Self> {
        group.file("memory.stat", OFlag::O_RDONLY).map(Self)
    }

    /// The composition as of now.
    pub fn read(&self) -> Result<MemoryStat> {
        // 1.5 kB on 6.1 and 6.12; the kernel itself builds it in one page.
        self.0.read(&mut [0; 8192]).map(MemoryStat::parse)
    }
}

impl HighWriter {
    /// Opens `memory.high` of a cgroup for writing.
    pub fn open(group: &Group) -> Result<Self> {
        group.file("memory.high", OFlag::O_WRONLY).map(Self)
    }

    /// Sets the limit. Allocates nothing; blocks for reclaim if usage is above the new limit.
    pub fn set(&self, limit: Limit) -> Result<()> {
        write_limit(&self.0, limit)
    }
}

impl MaxWriter {
    /// Opens `memory.max` of a cgroup for writing.
    pub fn open(group: &Group) -> Result<Self> {
        group.file("memory.max", OFlag::O_WRONLY).map(Self)
    }

    /// Sets the limit. Allocates nothing. Never below present usage: that kills the service.
    pub fn set(&self, limit: Limit) -> Result<()> {
        write_limit(&self.0, limit)
    }
}

fn write_limit(file: &KernelFile, limit: Limit) -> Result<()> {
    file.write(Fixed::<24>::of(format_args!("{limit}\n")).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::tests::fake_group;

    #[test]
    fn kept_readers_see_the_present_value() {
        let (dir, group) = fake_group(&[("memory.current", "4096\n"), ("memory.events", "high 1\n")]);
        let (current, counters) = (Current::open(&group).unwrap(), Counters::open(&group).unwrap());
        assert_eq!(current.read().unwrap(), 4096);
        std::fs::write(dir.path().join("memory.current"), "8192\n").unwrap();
        std::fs::write(dir.path().join("memory.events"), "high 18\n").unwrap();
        assert_eq!(current.read().unwrap(), 8192);
        assert_eq!(counters.read().unwrap().high, 18);
    }

    #[test]
    fn a_reader_says_which_file_makes_no_sense() {
        let (_dir, group) = fake_group(&[("memory.current", "lots\n")]);
        let error = Current::open(&group).unwrap().read().unwrap_err();
        assert!(error.to_string().contains("memory.current"), "{error}");
    }

    #[test]
    fn the_writer_writes_a_whole_line() {
        let (dir, group) = fake_group(&[("memory.high", "")]);
        let writer = HighWriter::open(&group).unwrap();
        writer.set(Limit::Bytes(u64::MAX)).unwrap();
        let text = std::fs::read_to_string(dir.path().join("memory.high")).unwrap();
        assert_eq!(text, "18446744073709551615\n");
        writer.set(Limit::Max).unwrap();
        let text = std::fs::read_to_string(dir.path().join("memory.high")).unwrap();
        assert_eq!(text.lines().next(), Some("max"));
    }
}

//! Hard limit, freezer and kill through the crate `cgroups-rs`, on cgroups that exist already.
//!
//! Only these three, and only through *loaded* handles: its way of creating a cgroup enables every controller in the
//! root and drops the errors, its getters turn errors into defaults, and it knows nothing of `memory.events`,
//! `cgroup.events`, `memory.oom.group` or `memory.reclaim`. What is urgent (`memory.high`) is written through
//! [`HighWriter`](super::HighWriter), as this crate opens the file and allocates at each call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use cgroups_rs::error::Error as ForeignError;
use cgroups_rs::freezer::FreezerController;
use cgroups_rs::memory::{MemController, SetMemory};
use cgroups_rs::{Cgroup, Hierarchy, MaxValue, Subsystem};

use super::Limit;
use crate::{Error, Result};

/// A hierarchy that consists of one open directory. Its root is the descriptor's entry in `/proc/self/fd`, so that
/// `cgroups-rs`, which knows only paths, still means this very cgroup and not a later one of the same name.
#[derive(Debug, Clone)]
struct OneGroup {
    root: PathBuf,
}

impl OneGroup {
    fn new(dir: BorrowedFd<'_>) -> Self {
        Self { root: PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())) }
    }

    fn load(&self) -> Cgroup {
        Cgroup::load(Box::new(self.clone()), "")
    }
}

impl Hierarchy for OneGroup {
    fn subsystems(&self) -> Vec<Subsystem> {
        vec![
            Subsystem::Mem(MemController::new(self.root.clone(), true)),
            Subsystem::Freezer(FreezerController::new(self.root.clone(), true)),
        ]
    }

    fn root(&self) -> PathBuf {
        self.root.clone()
    }

    fn root_control_group(&self) -> Cgroup {
        self.load()
    }

    fn parent_control_group(&self, _path: &str) -> Cgroup {
        self.load()
    }

    fn v2(&self) -> bool {
        true
    }
}

/// Sets `memory.max`. Never below present usage: that kills the service.
pub(super) fn set_max(dir: BorrowedFd<'_>, path: &Path, limit: Limit) -> Result<()> {
    let max = match limit {
        Limit::Bytes(bytes) => MaxValue::Value(i64::try_from(bytes).unwrap_or(i64::MAX)),
        Limit::Max => MaxValue::Max,
    };
    let group = OneGroup::new(dir).load();
    let memory: &MemController = group.controller_of().expect("the hierarchy above lists it");
    let wanted = SetMemory { max: Some(max), ..SetMemory::default() };
    memory.set_mem(wanted).map_err(|e| translate(&path.join("memory.max"), e))
}

/// Sets `cgroup.freeze`; that every process has stopped is told by `cgroup.events`.
pub(super) fn freeze(dir: BorrowedFd<'_>, path: &Path, frozen: bool) -> Result<()> {
    let group = OneGroup::new(dir).load();
    let freezer: &FreezerController = group.controller_of().expect("the hierarchy above lists it");
    let done = if frozen { freezer.freeze() } else { freezer.thaw() };
    done.map_err(|e| translate(&path.join("cgroup.freeze"), e))
}

/// Sends SIGKILL to every process of the cgroup and below, those being born included.
pub(super) fn kill(dir: BorrowedFd<'_>, path: &Path) -> Result<()> {
    let group = OneGroup::new(dir).load();
    group.kill().map_err(|e| translate(&path.join("cgroup.kill"), e))
}

/// Finds the kernel's answer in an error of `cgroups-rs`. It opens with `O_CREAT`, so that a file which is not there is
/// refused as "permission denied"; and it does not say why `cgroup.kill` is missing.
fn translate(path: &Path, error: ForeignError) -> Error {
    if !path.exists() && !path.is_symlink() {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        return Error::new("write", path, missing);
    }
    let answer = std::error::Error::source(&error)
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .and_then(io::Error::raw_os_error);
    let source = match answer {
        Some(errno) => io::Error::from_raw_os_error(errno),
        None => io::Error::other(error),
    };
    Error::new("write", path, source)
}

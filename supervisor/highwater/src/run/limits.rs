//! Limits that others change while the service runs: a write to `memory.max`, of the service cgroup or of one above it,
//! is seen through inotify, so that nothing has to be polled for it.

use std::io::{self, ErrorKind};
use std::path::Path;

use highwater_kernel::cgroup::Group;
use inotify::{Inotify, WatchMask};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_local;

use super::Wake;
use super::watch::{Report, Watcher};
use crate::ready::register;

/// Watches the limits of a cgroup and of those above it, up to the mount point.
pub fn limits(group: &Group, mount_point: &Path, report: Report) -> io::Result<Watcher> {
    let inotify = Inotify::init()?;
    for directory in group.path().ancestors().take_while(|directory| directory.starts_with(mount_point)) {
        match inotify.watches().add(directory.join("memory.max"), WatchMask::MODIFY) {
            // The root has none.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            added => drop(added?),
        }
    }
    let mut ready = register(inotify, Interest::READABLE)?;
    let watch = async move {
        while next(&mut ready).await.is_ok() {
            if report.wake.send(Wake::LimitsChanged(report.generation)).is_err() {
                return;
            }
        }
    };
    Ok(Watcher::of(spawn_local(watch).abort_handle()))
}

/// Waits for events and forgets them: which limit was written is all the same.
async fn next(ready: &mut AsyncFd<Inotify>) -> io::Result<()> {
    loop {
        let mut guard = ready.readable_mut().await?;
        let read = guard.get_inner_mut().read_events(&mut [0; 512]).map(Iterator::count);
        match read {
            Err(error) if error.kind() == ErrorKind::WouldBlock => guard.clear_ready(),
            read => return read.map(drop),
        }
    }
}

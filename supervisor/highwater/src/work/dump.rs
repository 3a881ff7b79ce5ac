//! A dump by signal: asked for, watched, verified.
//!
//! A file that exists is not finished: some runtimes create it at once and fill it at the end. The one true sign is that
//! its writer has closed it, or has renamed it into its place.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highwater_core::command::Finished;
use highwater_core::record::Evidence;
use highwater_evidence::store::{Offered, Store};
use highwater_kernel::Pid;
use highwater_kernel::process::{Directory, Root, file_owner, is_ending, shares_files};
use inotify::{EventMask, Inotify, WatchMask};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Outcome, Surroundings, Wanted, evidence, keep_newest, offload};
use crate::ready::register;

/// A file closed empty may be a name taken in advance: its writer gets that long to fill it.
const EMPTY: Duration = Duration::from_secs(2);

/// A dump that is watched for, from before the service is asked.
#[derive(Debug)]
pub struct Watched {
    inotify: AsyncFd<Inotify>,
    directory: PathBuf,
    /// Keeps that path good where the service has a file system of its own.
    _seen: Option<Directory>,
    pattern: String,
    writer: Pid,
    /// Users whose files it may be.
    owners: Vec<u32>,
    asked: Instant,
}

/// How a file looked when something happened to it.
enum Seen {
    Growing(PathBuf),
    Closed(PathBuf),
    Lost,
}

impl Watched {
    /// Begins to watch for a file of that pattern, which that process is about to be asked for.
    pub fn start(file: &str, writer: Pid) -> Result<Self, String> {
        let path = Path::new(file);
        let (Some(directory), Some(pattern)) = (path.parent(), path.file_name()) else {
            return Err(format!("{file} names no file"));
        };
        let seen = seen_by(writer, directory)?;
        let directory = seen.as_ref().map_or_else(|| directory.to_path_buf(), |seen| seen.entry("."));
        let said = |error: std::io::Error| format!("{}: {error}", path.display());
        let inotify = Inotify::init().map_err(said)?;
        let mask = WatchMask::CREATE | WatchMask::CLOSE_WRITE | WatchMask::MOVED_TO | WatchMask::ONLYDIR;
        inotify.watches().add(&directory, mask).map_err(said)?;
        let inotify = register(inotify, Interest::READABLE).map_err(said)?;
        let pattern = pattern.to_string_lossy().into_owned();
        let owners = file_owner(writer).into_iter().collect();
        Ok(Self { inotify, directory, _seen: seen, pattern, writer, owners, asked: Instant::now() })
    }

    /// Waits until the dump is finished, and takes it in. The deadline is the caller's.
    /// `closed` is told as soon as the service has done its part.
    pub async fn finish(
        mut self,
        around: &Surroundings,
        wanted: &Wanted,
        closed: impl FnOnce(Evidence, bool),
    ) -> Outcome {
        let file = self.closed(around).await?;
        // The kernel closes the files of a process that it kills.
        let in_doubt = is_ending(self.writer);
        let took = self.asked.elapsed();
        let said = |error: highwater_evidence::Error| error.to_string();
        let kept = Store::open(&around.evidence).and_then(|store| store.incident(&wanted.incident)).map_err(said)?;
        let offered = Offered::open(&file, &self.owners).map_err(said)?;
        let name = kept.free_name(&wanted.step, &file);
        let path = if in_doubt { kept.partial_path(&name) } else { kept.path(&name) };
        closed(evidence(&path, offered.bytes, took), in_doubt);
        let _copying = around.begin_copy();
        let (root, step, keep) = (around.evidence.clone(), wanted.step.clone(), wanted.keep);
        let take = move || {
            let taken = if in_doubt { kept.take_partial(&offered, &name) } else { kept.take(&offered, &name) };
            let piece = taken.map_err(said)?;
            Ok((evidence(&piece.path, piece.bytes, took), keep_newest(&root, &step, keep)))
        };
        let (evidence, note) = offload(take).await.map_err(|error| error.to_string()).and_then(|result| result)?;
        Ok(Finished { evidence: vec![evidence], note, took })
    }

    /// The first file of the pattern that is closed and not empty.
    async fn closed(&mut self, around: &Surroundings) -> Result<PathBuf, String> {
        let mut empty: Option<(PathBuf, tokio::time::Instant)> = None;
        loop {
            let patience = empty.as_ref().map(|(_, until)| *until);
            let seen = tokio::select! {
                seen = self.next() => seen?,
                () = wait_until(patience) => {
                    let path = empty.map(|(path, _)| path).unwrap_or_default();
                    return Err(format!("{} is empty", path.display()));
                }
            };
            for seen in seen {
                match seen {
                    Seen::Closed(path) if is_filled(&path) => return Ok(path),
                    Seen::Closed(path) => empty = Some((path, tokio::time::Instant::now() + EMPTY)),
                    Seen::Growing(path) => {
                        around.growing.replace(Some(path));
                    }
                    Seen::Lost => return Err("too much happens in the directory of the dump".into()),
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Vec<Seen>, String> {
        loop {
            let mut ready = self.inotify.readable_mut().await.map_err(|error| error.to_string())?;
            let mut buffer = [0; 2_048];
            let read = ready.get_inner_mut().read_events(&mut buffer);
            match read {
                Ok(events) => {
                    let seen = |event: inotify::Event<&OsStr>| see(&self.directory, &self.pattern, &event);
                    let seen: Vec<Seen> = events.filter_map(seen).collect();
                    return Ok(seen);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// The directory a process means by a path, where that is not what we mean by it.
fn seen_by(pid: Pid, directory: &Path) -> Result<Option<Directory>, String> {
    if shares_files(pid) {
        return Ok(None);
    }
    Root::of(pid).and_then(|root| root.directory(directory)).map(Some).map_err(|error| error.to_string())
}

fn see(directory: &Path, pattern: &str, event: &inotify::Event<&OsStr>) -> Option<Seen> {
    if event.mask.contains(EventMask::Q_OVERFLOW) {
        return Some(Seen::Lost);
    }
    let name = event.name?.to_str().filter(|name| matches(pattern, name))?;
    let path = directory.join(name);
    let is_closed = event.mask.intersects(EventMask::CLOSE_WRITE | EventMask::MOVED_TO);
    Some(if is_closed { Seen::Closed(path) } else { Seen::Growing(path) })
}

fn is_filled(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

async fn wait_until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Whether a name fits a pattern, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            let starts = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
            starts.map(|start| &rest[start..]).any(|rest| matches(tail, rest))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("heap-*.pb.gz", "heap-7-1.pb.gz"));
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("heap-*.pb.gz", "heap-7.pb.gz.partial"));
        assert!(!matches("heap", "heap2"));
    }
}

//! Putting files on disk, beside the loop: a disk may take seconds, and the ladder does not wait for it.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

/// The thread only waits and asks the kernel.
const STACK: usize = 64 << 10;

/// A thread that puts files on disk. What is asked for while it is busy is done once.
#[derive(Clone, Debug)]
pub struct Disk {
    pending: Arc<Mutex<Vec<Job>>>,
    thread: Thread,
}

#[derive(Debug)]
enum Job {
    /// All that was written to it.
    Sync(Arc<File>),
    /// A whole file: what is there after the loss of power is this or what was there before.
    Replace(PathBuf, Vec<u8>),
}

impl Disk {
    /// Starts it; it sleeps until it is asked.
    pub fn start() -> io::Result<Self> {
        let pending = Arc::new(Mutex::new(Vec::with_capacity(4)));
        let theirs = Arc::clone(&pending);
        let work = move || {
            loop {
                let job = lock(&theirs).pop();
                match job {
                    // What cannot be done now is as good as not asked for: who wrote has said so.
                    Some(job) => drop(job.carry_out()),
                    None => std::thread::park(),
                }
            }
        };
        let handle = std::thread::Builder::new().name("disk".into()).stack_size(STACK).spawn(work)?;
        Ok(Self { pending, thread: handle.thread().clone() })
    }

    /// Has what was written to a file put on disk soon.
    pub fn sync(&self, file: &Arc<File>) {
        let is_it = |job: &Job| matches!(job, Job::Sync(known) if Arc::ptr_eq(known, file));
        let mut pending = lock(&self.pending);
        if !pending.iter().any(is_it) {
            pending.push(Job::Sync(Arc::clone(file)));
        }
        drop(pending);
        self.thread.unpark();
    }

    /// Has a file replaced soon, of which the last version counts.
    pub fn replace(&self, path: PathBuf, content: Vec<u8>) {
        let mut pending = lock(&self.pending);
        pending.retain(|job| !matches!(job, Job::Replace(known, _) if *known == path));
        pending.push(Job::Replace(path, content));
        drop(pending);
        self.thread.unpark();
    }
}

impl Job {
    fn carry_out(self) -> io::Result<()> {
        match self {
            Self::Sync(file) => file.sync_data(),
            Self::Replace(path, content) => {
                let fresh = path.with_extension("fresh");
                let mut file = File::create(&fresh)?;
                file.write_all(&content)?;
                // Renamed before it is on disk, it could be a file of zeros after the loss of power.
                file.sync_all()?;
                std::fs::rename(&fresh, &path)
            }
        }
    }
}

fn lock(pending: &Mutex<Vec<Job>>) -> MutexGuard<'_, Vec<Job>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_by_its_last_version() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json.kept");
        for content in ["one", "two"] {
            Job::Replace(path.clone(), content.into()).carry_out().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left over");
    }
}

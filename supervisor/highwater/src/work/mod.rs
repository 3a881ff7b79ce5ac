//! Work that takes time and runs beside the loop: dumps, captures, commands, requests.

pub mod beside;
pub mod dump;
pub mod http;
pub mod outside;
pub mod program;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use highwater_core::command::Finished;
use highwater_core::record::Evidence;
use highwater_evidence::retention::Limits;
use highwater_evidence::store::Store;
use highwater_kernel::Pid;

use crate::healthy;

/// What a piece of work comes to.
pub type Outcome = Result<Finished, String>;

/// What a capture is for, and how many of its kind are kept.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Directory it goes to: an incident, or what else is kept.
    pub incident: String,
    /// Name of the step.
    pub step: String,
    /// So many of the newest of that step are kept.
    pub keep: usize,
}

impl Wanted {
    /// Whether it is evidence; a profile of the healthy service is none.
    pub fn is_of_an_incident(&self) -> bool {
        ![healthy::BASELINE, healthy::INCOMING].contains(&self.incident.as_str())
    }
}

/// What all work has in common.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Name of the supervisor.
    pub name: String,
    /// Where evidence goes.
    pub evidence: PathBuf,
    /// Bounds of all evidence.
    pub limits: Limits,
    /// Children that are waited for by their own pidfd and must not be reaped as strangers.
    pub known: Rc<RefCell<BTreeSet<Pid>>>,
    /// The file the dump under way is written to, once it is known: its size tells dump from leak.
    pub growing: Rc<RefCell<Option<PathBuf>>>,
    /// Complete dumps that are being copied to where they are kept.
    pub copying: Rc<Cell<u32>>,
}

/// Counts as a copy under way until it is dropped.
#[derive(Debug)]
pub struct Copying(Rc<Cell<u32>>);

impl Drop for Copying {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Surroundings {
    /// A copy begins.
    pub fn begin_copy(&self) -> Copying {
        self.copying.set(self.copying.get() + 1);
        Copying(Rc::clone(&self.copying))
    }

    /// Size of the dump so far, in bytes.
    pub fn dumped(&self) -> u64 {
        let growing = self.growing.borrow();
        growing.as_ref().and_then(|path| path.metadata().ok()).map_or(0, |metadata| metadata.len())
    }
}

/// Runs something that may block on another thread, see [`beside`].
pub async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    offload_deep(128 << 10, work).await
}

/// The same for work that needs so many bytes of stack.
pub async fn offload_deep<T: Send + 'static>(stack: usize, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Nobody waits any more when the work was cancelled.
    beside::run(stack, move || drop(sender.send(work())))?;
    receiver.await.map_err(|_| io::Error::other("the helper thread ended early"))
}

/// What came of work that leaves nothing behind.
pub fn done(took: Duration) -> Finished {
    Finished { took, ..Finished::default() }
}

/// A verified file as the journal has it.
pub fn evidence(path: &Path, bytes: u64, took: Duration) -> Evidence {
    Evidence { path: path.display().to_string(), bytes, took_ms: took.as_millis() as u64 }
}

/// Keeps the newest files of a step, and returns what is to be said if that cannot be done.
pub fn keep_newest(root: &Path, step: &str, keep: usize) -> Option<String> {
    let kept = Store::open(root).and_then(|store| store.keep_newest(step, keep));
    kept.err().map(|error| format!("old evidence stays: {error}"))
}

/// A number that is different at each call, for names of files.
pub fn unique() -> u32 {
    thread_local!(static NEXT: Cell<u32> = const { Cell::new(0) });
    NEXT.replace(NEXT.get() + 1)
}

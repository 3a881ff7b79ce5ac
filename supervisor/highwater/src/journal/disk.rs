//! Putting the journal on disk, beside the loop: a disk may take seconds, and the ladder does not wait for it.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;

/// The thread only waits and asks the kernel.
const STACK: usize = 64 << 10;

/// A thread that puts files on disk. What is asked for while it is busy is done once.
#[derive(Clone, Debug)]
pub struct Disk {
    pending: Arc<Mutex<Vec<Arc<File>>>>,
    thread: Thread,
}

impl Disk {
    /// Starts it; it sleeps until it is asked.
    pub fn start() -> io::Result<Self> {
        let pending = Arc::new(Mutex::new(Vec::with_capacity(4)));
        let theirs = Arc::clone(&pending);
        let work = move || {
            loop {
                match next(&theirs) {
                    // Where that is not possible the records are as good as without: the journal itself says so.
                    Some(file) => drop(file.sync_data()),
                    None => std::thread::park(),
                }
            }
        };
        let handle = std::thread::Builder::new().name("journal".into()).stack_size(STACK).spawn(work)?;
        Ok(Self { pending, thread: handle.thread().clone() })
    }

    /// Has a file put on disk soon.
    pub fn ask(&self, file: &Arc<File>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if !pending.iter().any(|known| Arc::ptr_eq(known, file)) {
            pending.push(Arc::clone(file));
        }
        self.thread.unpark();
    }
}

fn next(pending: &Mutex<Vec<Arc<File>>>) -> Option<Arc<File>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

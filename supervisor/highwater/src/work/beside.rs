//! Threads for work that may block. One of them stands by from the start: to bring a thread to life takes memory, and the
//! loop would wait for it while there is none.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::Builder;

/// The most that any work needs.
pub const DEEP: usize = 1 << 20;

static STANDING_BY: OnceLock<Standing> = OnceLock::new();

type Work = Box<dyn FnOnce() + Send>;

/// The thread that stands by.
#[derive(Debug)]
struct Standing {
    work: Sender<Work>,
    is_free: Arc<AtomicBool>,
}

/// Brings the thread to life that stands by.
pub fn stand_by() -> io::Result<()> {
    let standing = Standing::start()?;
    // A second one is not needed.
    let _ = STANDING_BY.set(standing);
    Ok(())
}

/// Runs something on the thread that stands by, or, if that is busy, on one of its own with so many bytes of stack.
pub fn run(stack: usize, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    match STANDING_BY.get().filter(|standing| standing.take()) {
        Some(standing) => {
            let ended = |_| io::Error::other("the thread beside the loop has ended");
            standing.work.send(Box::new(work)).map_err(ended)
        }
        None => Builder::new().stack_size(stack).spawn(work).map(drop),
    }
}

impl Standing {
    fn start() -> io::Result<Self> {
        let (sender, all) = channel::<Work>();
        let is_free = Arc::new(AtomicBool::new(true));
        let free = Arc::clone(&is_free);
        let standing = move || {
            for work in all {
                // Whoever waits for it learns that it ended early.
                let _ = catch_unwind(AssertUnwindSafe(work));
                free.store(true, Ordering::Release);
            }
        };
        Builder::new().name("beside".into()).stack_size(DEEP).spawn(standing)?;
        Ok(Self { work: sender, is_free })
    }

    /// Whether it was free, and is ours now.
    fn take(&self) -> bool {
        self.is_free.swap(false, Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{current, sleep};
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_thread_does_what_comes_one_after_the_other_also_after_a_panic() {
        let standing = Standing::start().unwrap();
        let (sender, threads) = channel();
        for _ in 0..3 {
            while !standing.take() {
                sleep(Duration::from_millis(1));
            }
            let sender = sender.clone();
            let work = move || {
                sender.send(current().id()).unwrap();
                panic!("this is only a test");
            };
            standing.work.send(Box::new(work)).unwrap();
        }
        let threads: Vec<_> = threads.iter().take(3).collect();
        assert!(threads.iter().all(|thread| *thread == threads[0] && *thread != current().id()), "{threads:?}");
    }

    #[test]
    fn what_comes_while_it_is_busy_does_not_wait() {
        let standing = Standing::start().unwrap();
        assert!(standing.take());
        assert!(!standing.take(), "it is busy, and another thread is to do it");
    }
}

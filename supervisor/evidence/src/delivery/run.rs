//! Working the outbox off.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::backoff::{chance, is_due, now_ms, wait};
use super::failure::{Failure, Outcome};
use super::item::{Item, Kind};
use super::notify::notify;
use super::outbox::{Entry, Outbox};
use super::upload::{Total, upload};
use crate::error::io_error;
use crate::{Error, Result};

/// How often it is looked for new word while files are sent.
const LOOK: Duration = Duration::from_secs(1);

/// Works off everything that is due, also what comes in meanwhile, and prints an [`Outcome`] as one line of JSON for
/// each attempt. Returns how long to wait before it is called again: nothing if nothing is left, or if another process
/// is at work, which then sees to it all. From the first upload on, the priority of this process is the lowest.
pub fn run(outbox: &Path, out: impl Write) -> Result<Option<Duration>> {
    let path = outbox;
    let outbox = Outbox::open(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(io_error("work off", path))?;
    let worker = Worker { outbox, out: RefCell::new(out), waits: RefCell::default() };
    loop {
        let Some(lock) = worker.outbox.lock()? else { return Ok(None) };
        runtime.block_on(worker.work())?;
        drop(lock);
        // What was put while the lock was still held is nobody else's.
        match worker.next()? {
            Some(wait) if wait.is_zero() => {}
            wait => return Ok(wait),
        }
    }
}

/// Word goes first and is not held up by files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Notices,
    Uploads,
}

struct Worker<W> {
    outbox: Outbox,
    out: RefCell<W>,
    /// When items are tried again, by id and content: also where that could not be written down.
    waits: RefCell<BTreeMap<(String, Vec<u8>), u64>>,
}

impl<W: Write> Worker<W> {
    async fn work(&self) -> Result<()> {
        self.forget_unconcluded()?;
        self.lane(Lane::Notices).await?;
        if self.due(Lane::Uploads)?.is_none() {
            return Ok(());
        }
        // Where it is refused, the work is done all the same.
        let _ = highwater_kernel::priority::lower_to_idle();
        let is_uploading = Cell::new(true);
        let uploads = async {
            let result = self.lane(Lane::Uploads).await;
            is_uploading.set(false);
            result
        };
        let notices = async {
            while is_uploading.get() {
                self.lane(Lane::Notices).await?;
                tokio::time::sleep(LOOK).await;
            }
            Ok::<(), Error>(())
        };
        let (uploads, notices) = tokio::join!(uploads, notices);
        uploads.and(notices)
    }

    async fn lane(&self, lane: Lane) -> Result<()> {
        while let Some(entry) = self.due(lane)? {
            self.attempt(entry).await?;
        }
        Ok(())
    }

    async fn attempt(&self, mut entry: Entry) -> Result<()> {
        let Item { id, incident, kind, since, patience_ms } = entry.item.clone();
        let attempts = entry.progress.attempts + 1;
        let label = kind.label().to_owned();
        match self.deliver(&mut entry).await {
            Ok(total) => {
                self.settle(entry, &kind)?;
                let is_new = total.files > 0 || matches!(kind, Kind::Notify { .. });
                let Total { files, bytes } = total;
                self.print(is_new.then_some(Outcome::Delivered { id, incident, kind: label, attempts, files, bytes }));
            }
            Err(Failure::Passing { reason, after }) if now_ms().saturating_sub(since) < patience_ms => {
                let retry_in_ms = wait(attempts, after, chance()).as_millis() as u64;
                entry.progress.attempts = attempts;
                self.postpone(&mut entry, now_ms() + retry_in_ms);
                self.print(Some(Outcome::Failed { id, incident, kind: label, attempts, reason, retry_in_ms }));
            }
            Err(Failure::Passing { reason, .. } | Failure::Lasting { reason }) => {
                self.outbox.take_out(&entry)?;
                self.print(Some(Outcome::GivenUp { id, incident, kind: label, attempts, reason }));
            }
        }
        Ok(())
    }

    async fn deliver(&self, entry: &mut Entry) -> std::result::Result<Total, Failure> {
        let item = entry.item.clone();
        match &item.kind {
            Kind::Notify { via, notice } => notify(&item.incident, via, notice).await.map(|()| Total::default()),
            Kind::Upload(of) => {
                let mut progress = entry.progress.clone();
                let keep = |progress: &_| {
                    entry.progress = Clone::clone(progress);
                    // Then it is sent again after a restart.
                    let _ = self.outbox.note(entry);
                };
                let total = upload(&item.incident, of, &mut progress, keep).await?;
                entry.progress = progress;
                Ok(total)
            }
        }
    }

    /// It is delivered; one of which more may come stays.
    fn settle(&self, mut entry: Entry, kind: &Kind) -> Result<()> {
        if kind.is_last() {
            return self.outbox.take_out(&entry);
        }
        entry.progress.settled = true;
        entry.progress.attempts = 0;
        self.postpone(&mut entry, u64::MAX);
        Ok(())
    }

    /// Takes out what was delivered long ago and never concluded: its supervisor is gone.
    fn forget_unconcluded(&self) -> Result<()> {
        let is_old = |entry: &Entry| now_ms().saturating_sub(entry.item.since) > entry.item.patience_ms;
        let settled = self.outbox.entries()?.into_iter().filter(|entry| entry.progress.settled && is_old(entry));
        for entry in settled {
            self.outbox.take_out(&entry)?;
        }
        Ok(())
    }

    fn postpone(&self, entry: &mut Entry, until: u64) {
        entry.progress.next_at = until;
        self.waits.borrow_mut().insert(entry.key(), until);
        // It is remembered above for as long as this process lives.
        let _ = self.outbox.note(entry);
    }

    /// The next item whose time has come.
    fn due(&self, lane: Lane) -> Result<Option<Entry>> {
        let now = now_ms();
        let waiting = self.waiting()?.into_iter();
        let due = waiting.filter(|(at, entry)| is_due(*at, now) && lane_of(&entry.item.kind) == lane);
        Ok(due.min_by_key(|(at, entry)| (*at, entry.item.since)).map(|(_, entry)| entry))
    }

    fn next(&self) -> Result<Option<Duration>> {
        let now = now_ms();
        let wait = |at: u64| if is_due(at, now) { 0 } else { at - now };
        Ok(self.waiting()?.iter().map(|(at, _)| Duration::from_millis(wait(*at))).min())
    }

    /// Everything that is to be tried, and when.
    fn waiting(&self) -> Result<Vec<(u64, Entry)>> {
        let waits = self.waits.borrow();
        let open = self.outbox.entries()?.into_iter().filter(|entry| !entry.progress.settled);
        let when = |entry: &Entry| waits.get(&entry.key()).copied().unwrap_or(entry.progress.next_at);
        Ok(open.map(|entry| (when(&entry), entry)).filter(|(at, _)| *at != u64::MAX).collect())
    }

    fn print(&self, outcome: Option<Outcome>) {
        let Some(outcome) = outcome else { return };
        let line = serde_json::to_string(&outcome).unwrap_or_default();
        let mut out = self.out.borrow_mut();
        // Who does not listen any more still wants it delivered.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

fn lane_of(kind: &Kind) -> Lane {
    if matches!(kind, Kind::Upload(_)) { Lane::Uploads } else { Lane::Notices }
}

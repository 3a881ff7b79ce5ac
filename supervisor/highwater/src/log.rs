//! The log: the records of the journal as text or JSON on standard error, or with all their fields to journald where
//! standard error leads there; and whatever else there is to say.
//!
//! The ladder never waits for a log: lines go to a thread of their own through a short queue, and when its reader is
//! stuck they are dropped and counted.

mod journald;
mod text;

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use highwater_kernel::clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::cli::Log;
use journald::Journald;

/// Lines that may wait for the reader of the log.
const QUEUE: usize = 256;
/// The thread only lays lines out and copies them.
const STACK: usize = 64 << 10;

/// Ends the log: waits a moment for what is queued.
#[derive(Debug)]
pub struct Flush(Receiver<()>, Queue);

/// One line of the log.
#[derive(Clone, Debug)]
struct Line {
    time: SystemTime,
    level: Level,
    message: String,
    /// The record it is about, as the journal has it.
    record: Option<String>,
}

/// The way to the log thread.
#[derive(Clone, Debug)]
struct Queue {
    sender: Arc<Mutex<Option<SyncSender<Line>>>>,
    dropped: Arc<AtomicU64>,
}

/// Begins to log.
pub fn start(format: Log) -> io::Result<Flush> {
    let (sender, lines) = sync_channel::<Line>(QUEUE);
    let (done, is_done) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&dropped);
    let journald = if format == Log::Human { Journald::behind_stderr() } else { None };
    let write = move || {
        write(&lines, &counter, format, journald.as_ref());
        let _ = done.send(());
    };
    std::thread::Builder::new().name("log".into()).stack_size(STACK).spawn(write)?;
    let queue = Queue { sender: Arc::new(Mutex::new(Some(sender))), dropped };
    let own = Targets::new().with_target("highwater", LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(own).with(queue.clone());
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
    Ok(Flush(is_done, queue))
}

impl Flush {
    /// Waits until the last line is out, a second at most.
    pub fn flush(self) {
        self.1.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = self.0.recv_timeout(Duration::from_secs(1));
    }
}

/// Writes lines as they come. What journald does not take goes to standard error after all.
fn write(lines: &Receiver<Line>, dropped: &AtomicU64, format: Log, journald: Option<&Journald>) {
    let mut stderr = io::stderr();
    for line in lines {
        let missed = dropped.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let _ = writeln!(stderr, "({missed} lines of this log were dropped: its reader was stuck)");
        }
        if !journald.is_some_and(|journald| journald.take(&line)) {
            let _ = stderr.write_all(text::lay_out(&line, format).as_bytes());
        }
    }
}

impl<S: Subscriber> Layer<S> for Queue {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let mut line = Line { time: clock::wall(), level, message: String::new(), record: None };
        event.record(&mut line);
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.as_ref().is_some_and(|sender| sender.try_send(line).is_err()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "json" => self.record = Some(value.into()),
            _ => self.message.push_str(value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

//! The log on standard error: the records of the journal as text or JSON, and whatever else there is to say.
//!
//! The ladder never waits for a log: lines go to a thread of their own through a short queue, and when its reader is
//! stuck they are dropped and counted.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use highwater_kernel::clock::{self, Rfc3339};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::cli::Log;

/// Lines that may wait for the reader of standard error.
const QUEUE: usize = 256;
/// The thread only copies text.
const STACK: usize = 64 << 10;

/// Ends the log: waits a moment for what is queued.
#[derive(Debug)]
pub struct Flush(Receiver<()>, Queue);

/// The way to the log thread.
#[derive(Clone, Debug)]
struct Queue {
    sender: Arc<Mutex<Option<SyncSender<Vec<u8>>>>>,
    dropped: Arc<AtomicU64>,
}

/// Begins to log.
pub fn start(format: Log) -> io::Result<Flush> {
    let (sender, lines) = sync_channel::<Vec<u8>>(QUEUE);
    let (done, is_done) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&dropped);
    let copy = move || {
        copy(&lines, &counter);
        let _ = done.send(());
    };
    std::thread::Builder::new().name("log".into()).stack_size(STACK).spawn(copy)?;
    let queue = Queue { sender: Arc::new(Mutex::new(Some(sender))), dropped };
    let layer = tracing_subscriber::fmt::layer().event_format(Format(format)).with_writer(queue.clone());
    let own = Targets::new().with_target("highwater", LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(own).with(layer);
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

fn copy(lines: &Receiver<Vec<u8>>, dropped: &AtomicU64) {
    let mut stderr = io::stderr();
    for line in lines {
        let missed = dropped.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let _ = writeln!(stderr, "({missed} lines of this log were dropped: its reader was stuck)");
        }
        let _ = stderr.write_all(&line);
    }
}

impl MakeWriter<'_> for Queue {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line { queue: self.clone(), text: Vec::new() }
    }
}

/// One line on its way; queued when it is dropped.
struct Line {
    queue: Queue,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let sender = self.queue.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let text = std::mem::take(&mut self.text);
        if sender.as_ref().is_some_and(|sender| sender.try_send(text).is_err()) {
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Lays lines out: a record with its JSON as it is or as its sentence, anything else as a message.
struct Format(Log);

#[derive(Default)]
struct Fields {
    message: String,
    json: Option<String>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "json" => self.json = Some(value.into()),
            _ => self.message.push_str(value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = Rfc3339(clock::wall());
        let level = event.metadata().level();
        match (self.0, fields.json) {
            (Log::Json, Some(json)) => writeln!(writer, "{json}"),
            (Log::Json, None) => {
                let message = serde_json::Value::String(fields.message);
                writeln!(writer, r#"{{"time":"{time}","event":"log","level":"{level}","reason":{message}}}"#)
            }
            (Log::Human, _) => {
                let mark = if *level <= Level::WARN { "! " } else { "" };
                let time = time.to_string();
                writeln!(writer, "{} {mark}{}", &time[11..23], fields.message)
            }
        }
    }
}

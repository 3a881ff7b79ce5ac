//! What evidence costs the service, and how often there is any.
//!
//! `HIGHWATER_RUNS` is the number of runs of each cell of the second table; `HIGHWATER_ROW` asks for the rows whose name,
//! such as `JVM, heap` or `50 MB/s`, has one of these parts, separated by semicolons.

mod cost;
mod service;
mod share;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use highwater_tests::Highwater;
use serde_json::Value;

pub fn run() {
    cost::run();
    println!();
    share::run();
}

fn is_wanted(row: &str) -> bool {
    let wanted = std::env::var("HIGHWATER_ROW").unwrap_or_default();
    wanted.is_empty() || wanted.split(';').any(|part| row.contains(part))
}

/// What a run gives, or why it gave nothing: the table goes on.
fn tried<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref().copied()).unwrap_or("it panicked").replace('|', "/")
    })
}

/// Asks every 10 ms until there is a value, but no longer than `patience`.
#[track_caller]
fn within<T>(patience: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The last word on a step, if it is spoken.
fn end_of(highwater: &Highwater, step: &str) -> Option<Value> {
    let is_end = |line: &Value| line["event"] == "step.finished" || line["event"] == "step.skipped";
    highwater.journal().lines().into_iter().find(|line| line["step"] == step && is_end(line))
}

//! What the journal of a supervisor that is gone said last.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::{Map, Value};

use super::words::moment;
use crate::past::terminal::plain;

/// Enough for some hundred records.
const TAIL: u64 = 64 << 10;
/// What says most about a record, in this order.
const TELLING: [&str; 12] = [
    "pid",
    "trigger",
    "step",
    "command",
    "outcome",
    "code",
    "signal",
    "cause",
    "oom_killed",
    "wait_ms",
    "policy",
    "reason",
];

/// The newest records, oldest first; none where there is no journal.
pub fn records(state_dir: &Path, most: usize) -> io::Result<Vec<Value>> {
    let mut file = match File::open(state_dir.join("journal.jsonl")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    // The first line may have lost its beginning and the last its end: neither is JSON then.
    let text = String::from_utf8_lossy(&tail);
    let mut newest: Vec<Value> =
        text.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).take(most).collect();
    newest.reverse();
    Ok(newest)
}

/// The name of the supervisor that wrote a record.
pub fn name(records: &[Value]) -> Option<String> {
    Some(plain(records.last()?.get("name")?.as_str()?))
}

/// A record as one line.
pub fn line(record: &Value) -> String {
    let nothing = Map::new();
    let record = record.as_object().unwrap_or(&nothing);
    let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
    let telling = TELLING.iter().filter_map(|key| said(key, record.get(*key)?));
    let said: Vec<String> = telling.collect();
    let line = format!("{}  {}  {}", moment(text("time")), text("event"), said.join(", "));
    plain(&line.trim_end().replace('\n', "; "))
}

fn said(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(format!("{key} {number}")),
        Value::Bool(true) => Some(key.replace('_', " ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_journal_is_told() {
        let state_dir = tempfile::tempdir().unwrap();
        assert!(records(state_dir.path(), 8).unwrap().is_empty());
        let exited = r#"{"time":"2026-11-22T08:00:02.5Z","event":"service.exited","signal":9,"oom_killed":true,"cause":"own-limit","memory":null,"name":"web"}"#;
        let journal = format!("{}\n{exited}\n{{\"event\":\"cut o", "{\"event\":\"earlier\"}\n".repeat(9_000));
        std::fs::write(state_dir.path().join("journal.jsonl"), journal).unwrap();
        let records = records(state_dir.path(), 8).unwrap();
        assert_eq!((records.len(), name(&records).as_deref()), (8, Some("web")));
        let expected = "2026-11-22 08:00:02  service.exited  signal 9, own-limit, oom killed";
        assert_eq!(line(records.last().unwrap()), expected);
    }
}

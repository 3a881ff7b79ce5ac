//! Lines for journald, by its native protocol: a datagram of fields each.
//!
//! tracing-journald would send from the thread that logs, so that a journal that is stuck would hold a step up; what the
//! protocol asks for is little.

use std::borrow::Cow;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use serde::Deserialize;
use tracing::Level;

use super::Line;

/// Where journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// A message journald would rather have by another way; its record is left out then.
const LONGEST: usize = 128 << 10;

/// The kernel killed the service for want of memory.
const OOM: &str = "6c9598dc00104e99bdf744ecd6be8afd";
/// An incident was opened.
const OPENED: &str = "8362b902fa2a439b8e074bf7b0e1f7f0";
/// An incident was resolved.
const RESOLVED: &str = "3a7166a63b2745ec88bf33b37b341487";

/// A connection to journald.
#[derive(Debug)]
pub struct Journald(UnixDatagram);

/// What of a record becomes a field of its own.
#[derive(Default, Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    incident: Option<Cow<'a, str>>,
    #[serde(borrow)]
    step: Option<Cow<'a, str>>,
    #[serde(borrow)]
    action: Option<Cow<'a, str>>,
    #[serde(borrow)]
    outcome: Option<Cow<'a, str>>,
    #[serde(borrow)]
    trigger: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    generation: Option<u32>,
    #[serde(default)]
    oom_killed: bool,
}

impl Journald {
    /// journald, if that is where standard error leads: somebody who sent it elsewhere wants to see it there.
    pub fn behind_stderr() -> Option<Self> {
        let stream = std::env::var("JOURNAL_STREAM").ok()?;
        let stderr = std::fs::File::from(io::stderr().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
        if stream != format!("{}:{}", stderr.dev(), stderr.ino()) {
            return None;
        }
        Self::at(Path::new(SOCKET)).ok()
    }

    fn at(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        Ok(Self(socket))
    }

    /// Whether journald took the line.
    pub fn take(&self, line: &Line) -> bool {
        let mut entry = entry(line, line.record.as_deref());
        if entry.len() > LONGEST {
            entry = self::entry(line, None);
        }
        self.0.send(&entry).is_ok()
    }
}

/// The fields of a line.
fn entry(line: &Line, json: Option<&str>) -> Vec<u8> {
    let record: Record<'_> =
        line.record.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let generation = record.generation.map(|generation| generation.to_string());
    let event = Some(&*record.event).filter(|event| !event.is_empty());
    let fields = [
        ("MESSAGE", Some(&*line.message)),
        ("PRIORITY", Some(priority(line.level, &record))),
        ("SYSLOG_IDENTIFIER", Some("highwater")),
        ("MESSAGE_ID", message_id(&record)),
        ("HIGHWATER_EVENT", event),
        ("HIGHWATER_INCIDENT", record.incident.as_deref()),
        ("HIGHWATER_STEP", record.step.as_deref()),
        ("HIGHWATER_ACTION", record.action.as_deref()),
        ("HIGHWATER_OUTCOME", record.outcome.as_deref()),
        ("HIGHWATER_TRIGGER", record.trigger.as_deref()),
        ("HIGHWATER_NAME", record.name.as_deref()),
        ("HIGHWATER_GENERATION", generation.as_deref()),
        ("HIGHWATER_JSON", json),
    ];
    let mut entry = Vec::with_capacity(512);
    for (name, value) in fields {
        if let Some(value) = value {
            put(&mut entry, name, value);
        }
    }
    entry
}

/// Appends a field; a value of several lines with its length before it.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

/// As syslog counts: bad news is a warning, what an incident brings about a notice, the rest information.
fn priority(level: Level, record: &Record<'_>) -> &'static str {
    let is_of_note = ["incident.", "step.", "trigger.", "throttle.", "shed.", "service.exited"];
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        _ if is_of_note.iter().any(|kind| record.event.starts_with(kind)) => "5",
        _ => "6",
    }
}

/// What is explained in the message catalog.
fn message_id(record: &Record<'_>) -> Option<&'static str> {
    match &*record.event {
        "service.exited" if record.oom_killed => Some(OOM),
        "incident.opened" => Some(OPENED),
        "incident.resolved" => Some(RESOLVED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::time::UNIX_EPOCH;

    /// Sends a line to a journald of the test, and reads it as the protocol says.
    fn received(level: Level, message: &str, record: Option<&str>) -> BTreeMap<String, String> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let line = Line { time: UNIX_EPOCH, level, message: message.into(), record: record.map(str::to_owned) };
        assert!(Journald::at(&path).unwrap().take(&line));
        let mut bytes = vec![0; 1 << 20];
        let length = journald.recv(&mut bytes).unwrap();
        fields(&bytes[..length])
    }

    fn fields(mut bytes: &[u8]) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| b"=\n".contains(byte)).unwrap();
            let name = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let rest = &bytes[end + 1..];
            let (value, after) = if bytes[end] == b'=' {
                rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap())
            } else {
                rest[8..].split_at(u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize)
            };
            fields.insert(name, String::from_utf8(value.to_vec()).unwrap());
            assert_eq!(after[0], b'\n');
            bytes = &after[1..];
        }
        fields
    }

    #[test]
    fn a_record_arrives_with_its_fields() {
        let record = r#"{"event":"step.finished","step":"dump","action":"dump","outcome":"timed-out","name":"we\"b",
            "generation":2,"incident":"i-1"}"#;
        let entry = received(Level::WARN, "two\nlines", Some(record));
        let expected = [
            ("MESSAGE", "two\nlines"),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "highwater"),
            ("HIGHWATER_EVENT", "step.finished"),
            ("HIGHWATER_STEP", "dump"),
            ("HIGHWATER_ACTION", "dump"),
            ("HIGHWATER_OUTCOME", "timed-out"),
            ("HIGHWATER_NAME", "we\"b"),
            ("HIGHWATER_GENERATION", "2"),
            ("HIGHWATER_INCIDENT", "i-1"),
            ("HIGHWATER_JSON", record),
        ];
        assert_eq!(entry, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn important_events_are_known_to_the_catalog() {
        let id = |record| received(Level::INFO, "", Some(record)).remove("MESSAGE_ID");
        assert_eq!(id(r#"{"event":"incident.opened"}"#).as_deref(), Some(OPENED));
        assert_eq!(id(r#"{"event":"incident.resolved"}"#).as_deref(), Some(RESOLVED));
        assert_eq!(id(r#"{"event":"service.exited","oom_killed":true}"#).as_deref(), Some(OOM));
        assert_eq!(id(r#"{"event":"service.exited","oom_killed":false}"#), None);
        let catalog = include_str!("../../../../systemd/highwater.catalog");
        let known: Vec<&str> = catalog.lines().filter_map(|line| line.strip_prefix("-- ")).collect();
        assert_eq!(known, [OOM, OPENED, RESOLVED]);
    }

    #[test]
    fn what_is_no_record_is_a_message() {
        let entry = received(Level::INFO, "hello", None);
        assert_eq!((entry.len(), entry["PRIORITY"].as_str()), (3, "6"));
        assert_eq!(received(Level::INFO, "", Some(r#"{"event":"trigger.fired"}"#))["PRIORITY"], "5");
    }

    #[test]
    fn a_record_too_long_for_a_datagram_is_left_in_the_journal_of_highwater() {
        let record = format!(r#"{{"event":"incident.analysed","incident":"i-1","grew":["{}"]}}"#, "x".repeat(LONGEST));
        let entry = received(Level::INFO, "long", Some(&record));
        assert_eq!((entry["HIGHWATER_INCIDENT"].as_str(), entry.get("HIGHWATER_JSON")), ("i-1", None));
    }

    #[test]
    fn a_terminal_is_no_journal() {
        assert!(Journald::behind_stderr().is_none());
    }
}

//! `highwater incidents`: what happened, the newest first.

use std::process::ExitCode;

use highwater_core::amount::Bytes;
use highwater_report::{Listed, LoadError, list, newest};

use super::terminal::{plain, print, table};
use super::{Failed, evidence};
use crate::cli::Incidents;

const HEAD: [&str; 8] = ["INCIDENT", "OPENED (UTC)", "TOOK", "OPENED BY", "OUTCOME", "KIND", "EVIDENCE", "GREW MOST"];

/// Prints the incidents.
pub fn incidents(arguments: &Incidents) -> ExitCode {
    match print_all(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.end(),
    }
}

fn print_all(arguments: &Incidents) -> Result<(), Failed> {
    let evidence = evidence(&arguments.of)?;
    let (listed, unread) = parted(match arguments.limit {
        Some(limit) => newest(&evidence, limit),
        None => list(&evidence),
    });
    if arguments.json {
        let text = serde_json::to_string_pretty(&listed).expect("incidents are plain data");
        print(&format!("{text}\n"));
    } else if listed.is_empty() && unread.is_empty() {
        print(&format!("no incident so far in {}\n", evidence.display()));
    } else if !listed.is_empty() {
        print(&shown(&listed));
    }
    for error in &unread {
        eprintln!("highwater: {}", plain(&error.to_string()));
    }
    match unread.first() {
        Some(error) if error.path == evidence => Err(Failed::missing("the evidence cannot be read".into())),
        _ => Ok(()),
    }
}

/// What could be read, and what not.
pub fn parted(all: Vec<Result<Listed, LoadError>>) -> (Vec<Listed>, Vec<LoadError>) {
    let (mut listed, mut unread) = (Vec::new(), Vec::new());
    for one in all {
        match one {
            Ok(one) => listed.push(one),
            Err(error) => unread.push(error),
        }
    }
    (listed, unread)
}

/// Incidents as a table.
pub fn shown(listed: &[Listed]) -> String {
    let rows: Vec<_> = std::iter::once(HEAD.map(String::from)).chain(listed.iter().map(row)).collect();
    table(&rows)
}

fn row(listed: &Listed) -> [String; 8] {
    [
        id(listed),
        opened(&listed.opened),
        listed.took_ms.map_or_else(|| "-".into(), took),
        plain(&listed.opened_by),
        listed.outcome.to_lowercase(),
        kind(listed).unwrap_or_else(|| "-".into()),
        if listed.bytes == 0 { "-".into() } else { Bytes(listed.bytes).to_string() },
        listed.top_grower.as_deref().map_or_else(|| "-".into(), plain),
    ]
}

/// The id of an incident, which is the name of its directory.
pub fn id(listed: &Listed) -> String {
    plain(&listed.directory.file_name().unwrap_or_default().to_string_lossy())
}

/// The kind of growth, as it is in files.
fn kind(listed: &Listed) -> Option<String> {
    Some(serde_json::to_value(listed.kind?).ok()?.as_str()?.to_owned())
}

/// To the second, without the words that every line has.
fn opened(rfc3339: &str) -> String {
    plain(&rfc3339.chars().take(19).collect::<String>().replace('T', " "))
}

fn took(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..=119 => format!("{seconds}.{} s", ms % 1_000 / 100),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

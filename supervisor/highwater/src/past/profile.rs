//! `highwater profile`: what grew between any two profiles, files or numbers of the series.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use highwater_core::amount::Bytes;
use highwater_kernel::clock::Rfc3339;
use highwater_profile::difference::{Difference, Grower, Total};
use highwater_profile::series::Series;
use highwater_profile::{Profile, difference, read_from};

use super::terminal::{plain, table};
use super::{Failed, meant};
use crate::cli::{Diff, Of};
use crate::healthy;

/// So many growers are printed.
const SHOWN: usize = 20;

/// Prints what grew.
pub fn diff(arguments: &Diff) -> ExitCode {
    said(try_diff(arguments).map_err(Failed::missing))
}

/// Lists the series of a supervisor.
pub fn list(of: &Of) -> ExitCode {
    said(try_list(of))
}

fn said(result: Result<String, Failed>) -> ExitCode {
    match result {
        Ok(text) => {
            super::terminal::print(&format!("{}\n", text.trim_end()));
            ExitCode::SUCCESS
        }
        Err(failed) => failed.end(),
    }
}

fn try_list(of: &Of) -> Result<String, Failed> {
    let series = series(of)?;
    if series.entries().is_empty() {
        return Ok("no profiles so far: `[evidence] series` has some taken".into());
    }
    let head = ["NUMBER", "TAKEN", "KEPT IN"].map(String::from);
    let row = |entry: &highwater_profile::series::Entry| {
        let taken = Rfc3339(UNIX_EPOCH + Duration::from_millis(entry.unix_ms));
        [entry.number.to_string(), taken.to_string(), Bytes(entry.stored).to_string()]
    };
    Ok(table(&[head].into_iter().chain(series.entries().iter().map(row)).collect::<Vec<_>>()))
}

fn series(of: &Of) -> Result<Series, Failed> {
    let directory = meant(of)?.join(healthy::DIRECTORY).join(healthy::SERIES);
    if !directory.is_dir() {
        return Err(Failed::missing(format!("there is no series in {}", directory.display())));
    }
    Series::open(&directory).map_err(|error| Failed::missing(error.to_string()))
}

/// A file, or else a number of the series.
fn read(named: &Path, of: &Of) -> Result<Profile, String> {
    let number = named.to_str().and_then(|text| text.parse::<u64>().ok()).filter(|_| !named.exists());
    let Some(number) = number else {
        return highwater_profile::read(named).map_err(|error| error.to_string());
    };
    let series = series(of).map_err(|failed| failed.reason)?;
    let index = series.entries().iter().position(|entry| entry.number == number);
    let index = index.ok_or_else(|| format!("there is no profile {number}: see `highwater profile list`"))?;
    let content = series.read(index).map_err(|error| error.to_string())?;
    read_from(content.as_slice()).map_err(|problem| format!("profile {number} {problem}"))
}

fn try_diff(arguments: &Diff) -> Result<String, String> {
    let (before, after) = (read(&arguments.before, &arguments.of)?, read(&arguments.after, &arguments.of)?);
    if before.format() != after.format() {
        return Err(format!("a {} cannot be compared with a {}", before.format(), after.format()));
    }
    if let Some(path) = &arguments.flame_graph {
        draw(&before, &after, path)?;
    }
    let found = difference(Some(&before), &after);
    if arguments.json {
        return serde_json::to_string_pretty(&found).map_err(|error| error.to_string());
    }
    Ok(shown(&found))
}

fn draw(before: &Profile, after: &Profile, path: &Path) -> Result<(), String> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let graph = highwater_profile::flame_graph(Some(before), after, &name)
        .ok_or_else(|| format!("a {} has no stacks to draw", after.format()))?;
    std::fs::write(path, graph).map_err(|error| format!("{}: {error}", path.display()))
}

/// For the terminal: the gain first, then what it was and is, then who.
fn shown(found: &Difference) -> String {
    let head = format!("{}: {} -> {}", found.format, total(found.before), total(found.after));
    let lines = found.growers.iter().take(SHOWN).map(grower);
    let column = format!("{:>12}  {:>12}  {:>12}  {:>12}  site", "gained", "before", "after", "objects");
    let more = found.growers.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and {more} more, see --json"));
    [head, column].into_iter().chain(lines).chain(more).collect::<Vec<_>>().join("\n")
}

fn grower(grower: &Grower) -> String {
    let gained = Bytes(grower.gained().unsigned_abs()).to_string();
    let sign = if grower.gained() < 0 { "-" } else { "+" };
    let objects = i128::from(grower.after.objects) - i128::from(grower.before.objects);
    let (before, after) = (Bytes(grower.before.bytes).to_string(), Bytes(grower.after.bytes).to_string());
    format!("{:>12}  {before:>12}  {after:>12}  {objects:>+12}  {}", format!("{sign}{gained}"), plain(&grower.site))
}

fn total(total: Total) -> String {
    format!("{} in {} objects", Bytes(total.bytes), total.objects)
}

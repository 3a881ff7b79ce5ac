//! `highwater profile diff`: what grew between any two profiles.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use highwater_core::amount::Bytes;
use highwater_profile::difference::{Difference, Grower, Total};
use highwater_profile::{Profile, difference};

/// So many growers are printed.
const SHOWN: usize = 20;

/// Arguments of `profile diff`.
#[derive(Debug)]
pub struct Diff {
    /// The earlier profile.
    pub before: PathBuf,
    /// The later one.
    pub after: PathBuf,
    /// As JSON, as `difference.json` has it.
    pub json: bool,
    /// Write a flame graph of it there.
    pub flame_graph: Option<PathBuf>,
}

/// Prints what grew.
pub fn diff(arguments: &Diff) -> ExitCode {
    match try_diff(arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("highwater: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn try_diff(arguments: &Diff) -> Result<String, String> {
    let read = |path: &Path| highwater_profile::read(path).map_err(|error| error.to_string());
    let (before, after) = (read(&arguments.before)?, read(&arguments.after)?);
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
    Ok(table(&found))
}

fn draw(before: &Profile, after: &Profile, path: &Path) -> Result<(), String> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let graph = highwater_profile::flame_graph(Some(before), after, &name)
        .ok_or_else(|| format!("a {} has no stacks to draw", after.format()))?;
    std::fs::write(path, graph).map_err(|error| format!("{}: {error}", path.display()))
}

/// For the terminal: the gain first, then what it was and is, then who.
fn table(found: &Difference) -> String {
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
    format!("{:>12}  {before:>12}  {after:>12}  {objects:>+12}  {}", format!("{sign}{gained}"), grower.site)
}

fn total(total: Total) -> String {
    format!("{} in {} objects", Bytes(total.bytes), total.objects)
}

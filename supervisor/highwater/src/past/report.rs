//! `highwater report`: the page of an incident.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use highwater_report::{Listed, LoadError, list, load, page};

use super::incidents::{id, parted, shown};
use super::terminal::{plain, print};
use super::{Failed, evidence};
use crate::cli::Report;
use crate::finish;
use crate::healthy;

/// Name of the page beside the evidence.
const FILE: &str = "report.html";
/// The largest drawing that is taken into a page.
const LARGEST_GRAPH: u64 = 8 << 20;

/// Writes the page of an incident.
pub fn report(arguments: &Report) -> ExitCode {
    match write(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.end(),
    }
}

fn write(arguments: &Report) -> Result<(), Failed> {
    let to_stdout = arguments.output.as_deref() == Some(Path::new("-"));
    if to_stdout && arguments.open {
        return Err(Failed::usage("--open needs a file: leave out --output -".into()));
    }
    let evidence = evidence(&arguments.of)?;
    let directory = chosen(&evidence, arguments.incident.as_deref())?;
    let mut incident = load(&directory).map_err(|error| Failed::missing(plain(&error.to_string())))?;
    if incident.classification.is_none() {
        // It is not over yet, or nobody came to finish it.
        finish::understand(&mut incident, &directory, evidence.parent().map(healthy_below).as_deref());
    }
    let page = page(&incident, &|name| graph(&directory, name));
    if to_stdout {
        print(&page);
        return Ok(());
    }
    let file = arguments.output.clone().unwrap_or_else(|| directory.join(FILE));
    keep(&file, &page).map_err(|error| {
        Failed::missing(format!("{}: {error}; --output puts the page somewhere else", file.display()))
    })?;
    print(&format!("{}\n", file.display()));
    if arguments.open {
        open(&file);
    }
    Ok(())
}

/// Where profiles of the healthy service are, in a state directory.
fn healthy_below(state_dir: &Path) -> PathBuf {
    state_dir.join(healthy::DIRECTORY)
}

/// The directory of the incident that is meant.
fn chosen(evidence: &Path, wanted: Option<&str>) -> Result<PathBuf, Failed> {
    let (listed, unread) = parted(list(evidence));
    let Some(wanted) = wanted else {
        let newest = listed.first().map(|newest| newest.directory.clone());
        return newest.ok_or_else(|| none(evidence, &unread));
    };
    let directories: Vec<&Path> = listed
        .iter()
        .map(|one| one.directory.as_path())
        .chain(unread.iter().filter_map(|error| error.path.parent()))
        .collect();
    let exact = directories.iter().find(|directory| name(directory) == wanted);
    let several: Vec<&Path> =
        directories.iter().copied().filter(|directory| name(directory).starts_with(wanted)).collect();
    match (exact, several.as_slice()) {
        (Some(one), _) | (None, [one]) => Ok(one.to_path_buf()),
        (None, several) => Err(which(wanted, several.len(), &listed, evidence)),
    }
}

fn name(directory: &Path) -> String {
    directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn none(evidence: &Path, unread: &[LoadError]) -> Failed {
    match unread.first() {
        Some(error) => Failed::missing(plain(&error.to_string())),
        None => Failed::missing(format!("no incident so far in {}", evidence.display())),
    }
}

/// Says that none or several are meant, and which there are.
fn which(wanted: &str, several: usize, listed: &[Listed], evidence: &Path) -> Failed {
    let meant: Vec<Listed> = listed.iter().filter(|one| id(one).starts_with(wanted)).cloned().collect();
    let (wanted, all) = (plain(wanted), evidence.display());
    Failed::missing(match (several, listed) {
        (0, []) => format!("there is no incident {wanted}, nor any other in {all}"),
        (0, _) => format!("there is no incident {wanted} in {all}; these are there:\n\n{}", shown(listed).trim_end()),
        _ => format!("{several} incidents begin with {wanted}; give more of the id:\n\n{}", shown(&meant).trim_end()),
    })
}

/// A drawing of the incident's directory; nothing for a name that leads elsewhere, or for what is too large.
fn graph(directory: &Path, name: &str) -> Option<String> {
    let is_plain = !name.contains('/') && !name.starts_with('.');
    let path = directory.join(name);
    let is_file =
        std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LARGEST_GRAPH);
    if !is_plain || !is_file {
        return None;
    }
    let mut text = String::new();
    std::fs::File::open(&path).ok()?.take(LARGEST_GRAPH).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Evidence is for its owner only, and so is what is told of it.
fn keep(file: &Path, page: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(page.as_bytes())
}

fn open(file: &Path) {
    match Command::new("xdg-open").arg(file).status() {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("highwater: xdg-open ended with {status}: open the page in a browser yourself"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!(
                "highwater: there is no xdg-open here: open the page in a browser, or copy it to where there is one"
            );
        }
        Err(error) => eprintln!("highwater: xdg-open: {error}: open the page in a browser yourself"),
    }
}

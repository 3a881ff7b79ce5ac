//! Arguments of the commands that look back: `incidents` and `report`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches};

use super::{flag, option, path};

/// Arguments of `incidents`.
#[derive(Debug)]
pub struct Incidents {
    /// Whose incidents.
    pub of: Of,
    /// As JSON.
    pub json: bool,
}

/// Arguments of `report`.
#[derive(Debug)]
pub struct Report {
    /// Whose incident.
    pub of: Of,
    /// Its id, or the beginning of it; the newest if there is none.
    pub incident: Option<String>,
    /// Where the page goes; beside the evidence if there is none, to standard output for `-`.
    pub output: Option<PathBuf>,
    /// Show it in a browser.
    pub open: bool,
}

/// Whose incidents are looked at.
#[derive(Debug)]
pub struct Of {
    /// Where journal and evidence are.
    pub state_dir: Option<PathBuf>,
    /// The name of the supervisor.
    pub name: Option<String>,
}

/// The definition of `incidents`.
pub fn incidents() -> clap::Command {
    clap::Command::new("incidents")
        .about("List what happened, the newest first")
        .args(of())
        .arg(flag("json").help("As JSON"))
        .after_help("Exit status: 0, also where nothing ever happened; 1 when the evidence cannot be read.")
}

/// The definition of `report`.
pub fn report() -> clap::Command {
    clap::Command::new("report")
        .about("Write the report of an incident: one HTML page that needs nothing else")
        .arg(
            Arg::new("incident")
                .value_name("INCIDENT")
                .help("Its id, or as much of it as names no other [default: the newest]"),
        )
        .args(of())
        .arg(path("output", "FILE").help("Where the page goes, - for standard output [default: report.html beside the evidence]"))
        .arg(flag("open").help("Show it in a browser, with xdg-open"))
        .after_help(
            "Prints the path of the page. Its links to captures work beside them, so copy the directory of the incident as a \
             whole.\n\nExit status: 0; 1 when there is no such incident or the page cannot be written; 2 for arguments that do \
             not check.",
        )
}

fn of() -> [Arg; 2] {
    [
        path("state-dir", "DIR").help("Where journal and evidence are [default: as for run]"),
        option("name", "NAME").help("Name of the supervisor [default: the only one that left something]"),
    ]
}

impl Of {
    fn given(matches: &ArgMatches) -> Self {
        Self { state_dir: matches.get_one("state-dir").cloned(), name: matches.get_one("name").cloned() }
    }
}

impl Incidents {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        Self { of: Of::given(matches), json: matches.get_flag("json") }
    }
}

impl Report {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        Self {
            of: Of::given(matches),
            incident: matches.get_one("incident").cloned(),
            output: matches.get_one("output").cloned(),
            open: matches.get_flag("open"),
        }
    }
}

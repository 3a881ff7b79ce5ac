//! Arguments of the commands that look back: `incidents`, `report` and `profile`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use super::{flag, option, path};

/// Arguments of `incidents`.
#[derive(Debug)]
pub struct Incidents {
    /// Whose incidents.
    pub of: Of,
    /// As JSON.
    pub json: bool,
    /// So many of the newest.
    pub limit: Option<usize>,
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

/// Arguments of `profile diff`.
#[derive(Debug)]
pub struct Diff {
    /// Whose series numbers are of.
    pub of: Of,
    /// The earlier profile, a file or a number of the series.
    pub before: PathBuf,
    /// The later one.
    pub after: PathBuf,
    /// As JSON, as `incident.json` has it.
    pub json: bool,
    /// Write a flame graph of it there.
    pub flame_graph: Option<PathBuf>,
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
        .arg(option("limit", "N").value_parser(value_parser!(usize)).help("Only so many of the newest"))
        .after_help("Exit status: 0, also where nothing ever happened; 1 when the evidence cannot be read.")
}

/// The definition of `profile`.
pub fn profile() -> clap::Command {
    let one = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).value_name(value).required(true).value_parser(clap::value_parser!(PathBuf)).help(help)
    };
    let diff = clap::Command::new("diff")
        .about("Say what grew between two profiles")
        .arg(one("before", "A", "The earlier profile: a file, or a number of the series"))
        .arg(one("after", "B", "The later one, of the same format"))
        .args(of())
        .arg(flag("json").help("As JSON"))
        .arg(path("flame-graph", "FILE").help("Write a flame graph of it there, as SVG"));
    let list = clap::Command::new("list").about("List the series that `[evidence] series` keeps").args(of());
    clap::Command::new("profile")
        .about("Compare heap profiles")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([diff, list])
        .after_help(
            "Profiles are pprof, class histograms of a JVM, snapshots of Python's tracemalloc and of V8, reports of Node, \
             and heap profiles of jemalloc and gperftools; gzip around them is taken off.",
        )
}

impl Diff {
    /// From what was parsed.
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let file = |name: &str| matches.get_one::<PathBuf>(name).cloned();
        Self {
            of: Of::given(matches),
            before: file("before").unwrap_or_default(),
            after: file("after").unwrap_or_default(),
            json: matches.get_flag("json"),
            flame_graph: file("flame-graph"),
        }
    }
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
    pub(super) fn given(matches: &ArgMatches) -> Self {
        Self { state_dir: matches.get_one("state-dir").cloned(), name: matches.get_one("name").cloned() }
    }
}

impl Incidents {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        Self { of: Of::given(matches), json: matches.get_flag("json"), limit: matches.get_one("limit").copied() }
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

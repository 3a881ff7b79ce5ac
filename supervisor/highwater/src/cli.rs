//! The command line: one definition for parsing, help, man page and completions.

mod attach;
mod control;
mod init;
mod past;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};
use highwater_core::ability::Ability;
use highwater_evidence::retention::Limits;

use crate::finish::Finish;
use crate::run::attached::target::Target;
use crate::series::KeepSeries;

pub use control::{Status, Trigger};
pub use init::{Init, WhenOver};
pub use past::{Diff, Incidents, Of, Report};

/// What is to be done, with its arguments resolved.
#[derive(Debug)]
pub enum Command {
    /// Run a service.
    Run(Run),
    /// Be the init of a machine, and run a service.
    Init(Init),
    /// Check policies.
    Check(Check),
    /// Say what this host allows.
    Doctor(Doctor),
    /// Copy this program there.
    Install(PathBuf),
    /// Say what grew between two profiles.
    ProfileDiff(Diff),
    /// List profiles over time.
    ProfileList(Of),
    /// Work out what is to be known of an incident that is over.
    Finish(Finish),
    /// Put profiles that came in into their series.
    KeepSeries(KeepSeries),
    /// Work an outbox off.
    Deliver(PathBuf),
    /// Say how a supervisor stands.
    Status(Status),
    /// Begin a step by hand.
    Trigger(Trigger),
    /// List incidents.
    Incidents(Incidents),
    /// Write the report of an incident.
    Report(Report),
}

/// Arguments of `run`.
#[derive(Debug)]
pub struct Run {
    /// The policy; the built-in one if there is none.
    pub policy: Option<PathBuf>,
    /// Where journal and evidence go.
    pub state_dir: Option<PathBuf>,
    /// Where the reason of the end goes; the usual place of a container if there is none.
    pub termination_log: Option<PathBuf>,
    /// The name of this supervisor.
    pub name: String,
    /// How to log.
    pub log: Log,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Where to answer over HTTP, whatever the policy says.
    pub http: Option<SocketAddr>,
    /// Abilities without which not to start.
    pub require: Vec<Ability>,
    /// The service; nothing where it runs already.
    /// Never end by a signal of its own accord: an init that watches can tell then when highwater itself has died.
    pub below_init: bool,
    /// The service.
    pub argv: Vec<OsString>,
    /// The service that runs already.
    pub target: Option<Target>,
    /// With which status to end when a step has ended a service that others start again.
    pub leave: Option<i32>,
    /// Only give back what a predecessor that was killed has borrowed.
    pub gives_back: bool,
}

/// Arguments of `check`.
#[derive(Debug)]
pub struct Check {
    /// Print the built-in policy.
    pub default: bool,
    /// The policies.
    pub files: Vec<PathBuf>,
}

/// Arguments of `doctor`.
#[derive(Debug)]
pub struct Doctor {
    /// As JSON.
    pub json: bool,
}

/// How records are shown on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// As text.
    Human,
    /// As the journal has them.
    Json,
}

/// Parses arguments, the program's name first. An error prints itself; help and version are errors of that kind.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    // What highwater starts by itself is in no help, page or completion.
    let matches = definition()
        .subcommands([finish(), deliver(), keep_series()])
        .mut_subcommand("run", |run| run.arg(flag("below-init").hide(true)))
        .try_get_matches_from(arguments)?;
    match matches.subcommand() {
        Some(("run", run)) => Ok(Command::Run(Run::of(run))),
        Some(("attach", attach)) => Ok(Command::Run(attach::arguments(attach))),
        Some(("init", init)) => Ok(Command::Init(Init::of(init, &run()))),
        Some(("check", check)) => Ok(Command::Check(Check::of(check))),
        Some(("deliver", deliver)) => Ok(Command::Deliver(deliver.get_one("outbox").cloned().unwrap_or_default())),
        Some(("keep-series", series)) => Ok(Command::KeepSeries(KeepSeries::of(series))),
        Some(("finish", finish)) => Ok(Command::Finish(Finish::of(finish))),
        Some(("profile", profile)) => Ok(match profile.subcommand() {
            Some(("diff", diff)) => Command::ProfileDiff(Diff::of(diff)),
            Some((_, list)) => Command::ProfileList(Of::given(list)),
            None => unreachable!("a subcommand is required"),
        }),
        Some(("install", install)) => Ok(Command::Install(install.get_one("to").cloned().unwrap_or_default())),
        Some(("doctor", doctor)) => Ok(Command::Doctor(Doctor { json: doctor.get_flag("json") })),
        Some(("status", status)) => Ok(Command::Status(Status::of(status))),
        Some(("trigger", trigger)) => Ok(Command::Trigger(Trigger::of(trigger))),
        Some(("incidents", incidents)) => Ok(Command::Incidents(Incidents::of(incidents))),
        Some(("report", report)) => Ok(Command::Report(Report::of(report))),
        _ => unreachable!("a subcommand is required"),
    }
}

/// The whole command line.
pub fn definition() -> clap::Command {
    clap::Command::new("highwater")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs one service and stands between it and the kernel's OOM killer")
        .long_about(
            "Runs one service in a cgroup of its own, is woken by the kernel when memory gets tight, and climbs the \
             ladder of a policy: have the service dump what it knows, slow it down, restart it gracefully. Every step \
             is written down with the readings that caused it.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            run(),
            attach::attach(),
            init::init(run()),
            check(),
            doctor(),
            control::status(),
            control::trigger(),
            install(),
            past::incidents(),
            past::report(),
            past::profile(),
        ])
        .after_help(
            "Exit status of run: that of the service (128+N for a signal); 2 for arguments or a policy that do not \
             check, 75 when the restart budget is spent, 125 when highwater itself failed, 126 or 127 for a command \
             that cannot be executed or found.",
        )
}

/// What `run` and `attach` have in common.
fn supervisor(command: clap::Command) -> clap::Command {
    let ability = |ability: Ability| PossibleValue::new(ability.name()).help(ability.meaning());
    let abilities = PossibleValuesParser::new(Ability::ALL.map(ability));
    let formats =
        [PossibleValue::new("human").help("as text"), PossibleValue::new("json").help("as the journal has them")];
    command
        .arg(path("policy", "FILE").help("The policy [default: the built-in one, see `check --default`]"))
        .arg(path("state-dir", "DIR").help(
            "Where journal and evidence go [default: $STATE_DIRECTORY, or highwater/NAME under /var/lib or the user's \
             state directory]",
        ))
        .arg(path("termination-log", "FILE").help(
            "Where to say, in at most 4096 bytes, why the container ends, kept current from the start [default: \
             /dev/termination-log, if it is there]",
        ))
        .arg(
            option("name", "NAME")
                .help("Name of this supervisor [default: that of the command, or of what is attached to]"),
        )
        .arg(
            option("log", "FORMAT")
                .default_value("human")
                .value_parser(PossibleValuesParser::new(formats))
                .help("How records are shown on standard error"),
        )
        .arg(flag("dry-run").help("Run and watch the service, but only say what the steps would do"))
        .arg(option("http", "ADDRESS").value_parser(value_parser!(SocketAddr)).help(
            "Answer /livez, /readyz, /metrics, /incidents and /status there, such as 127.0.0.1:9464 [default: what the \
             policy says, or on the unix socket only]",
        ))
        .arg(
            option("require", "ABILITY")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .value_parser(abilities)
                .help("Do not start where this host lacks one of these abilities"),
        )
}

fn run() -> clap::Command {
    supervisor(clap::Command::new("run").about("Run a service and look after it"))
        .arg(
            Arg::new("argv")
                .value_name("CMD")
                .num_args(1..)
                .required(true)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::CommandWithArguments)
                .help("The service and its arguments"),
        )
        .after_help(
            "Signals: TERM and INT stop the service gracefully, a second one at once. HUP reloads the policy; a bad one \
             changes nothing. QUIT, USR1, USR2 and WINCH are passed on to the service if it handles them; CONT is \
             passed on always. TSTP, TTIN and TTOU are not passed on, since they would stop the service for ever.",
        )
}

fn check() -> clap::Command {
    clap::Command::new("check")
        .about("Check policies and say everything that is wrong with them")
        .arg(flag("default").help("Print the built-in policy"))
        .arg(
            Arg::new("files")
                .value_name("FILE")
                .num_args(1..)
                .required_unless_present("default")
                .value_parser(value_parser!(PathBuf))
                .help("Policies to check"),
        )
        .after_help("Exit status: 0, or 2 if any file has an error.")
}

fn doctor() -> clap::Command {
    clap::Command::new("doctor")
        .about("Say what this host allows, and how to get what is missing")
        .arg(flag("json").help("As JSON"))
}

fn install() -> clap::Command {
    clap::Command::new("install").about("Copy this program to where another container can start it").arg(
        Arg::new("to")
            .value_name("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("Where to, such as a file in a volume that both containers mount"),
    )
}

/// Not for people: highwater starts it by itself.
fn finish() -> clap::Command {
    let number = |name: &'static str| option(name, "N").value_parser(value_parser!(u64));
    clap::Command::new("finish")
        .hide(true)
        .about("Work out what is to be known of an incident that is over")
        .arg(Arg::new("incident").value_name("DIR").required(true).value_parser(value_parser!(PathBuf)))
        .arg(path("healthy", "DIR"))
        .args(["max-bytes", "max-count", "min-free"].map(number))
}

/// Not for people either.
fn keep_series() -> clap::Command {
    let healthy = Arg::new("healthy").value_name("DIR").required(true).value_parser(value_parser!(PathBuf));
    let keep = option("keep", "N").value_parser(value_parser!(u64));
    clap::Command::new("keep-series").hide(true).about("Put profiles into their series").args([healthy, keep])
}

/// Nor this.
fn deliver() -> clap::Command {
    let outbox = Arg::new("outbox").value_name("DIR").required(true).value_parser(value_parser!(PathBuf));
    clap::Command::new("deliver").hide(true).about("Send what is in an outbox").arg(outbox)
}

fn option(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value)
}

fn path(name: &'static str, value: &'static str) -> Arg {
    option(name, value).value_parser(value_parser!(PathBuf))
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

impl Run {
    fn of(matches: &ArgMatches) -> Self {
        let command = matches.try_get_many::<OsString>("argv").ok().flatten();
        let argv: Vec<OsString> = command.into_iter().flatten().cloned().collect();
        let abilities = matches.get_many::<String>("require").into_iter().flatten();
        Self {
            policy: matches.get_one("policy").cloned(),
            state_dir: matches.get_one("state-dir").cloned(),
            termination_log: matches.get_one("termination-log").cloned(),
            name: matches.get_one("name").cloned().unwrap_or_else(|| name_of(&argv)),
            log: match matches.get_one::<String>("log").map(String::as_str) {
                Some("json") => Log::Json,
                _ => Log::Human,
            },
            dry_run: matches.get_flag("dry-run"),
            http: matches.get_one("http").copied(),
            below_init: matches.try_get_one("below-init").ok().flatten().copied().unwrap_or(false),
            require: abilities.filter_map(|name| Ability::named(name)).collect(),
            argv,
            target: None,
            leave: None,
            gives_back: false,
        }
    }
}

impl KeepSeries {
    fn of(matches: &ArgMatches) -> Self {
        let keep = matches.get_one::<u64>("keep").copied().unwrap_or(u64::MAX);
        let healthy = matches.get_one("healthy").cloned().unwrap_or_default();
        Self { healthy, keep: usize::try_from(keep).unwrap_or(usize::MAX) }
    }
}

impl Finish {
    fn of(matches: &ArgMatches) -> Self {
        let number = |name: &str| matches.get_one::<u64>(name).copied();
        Self {
            incident: matches.get_one("incident").cloned().unwrap_or_default(),
            healthy: matches.get_one("healthy").cloned(),
            limits: Limits {
                max_bytes: number("max-bytes"),
                max_count: number("max-count").map(|count| count as usize),
                min_free: number("min-free").unwrap_or(0),
            },
        }
    }
}

impl Check {
    fn of(matches: &ArgMatches) -> Self {
        let files = matches.get_many("files").into_iter().flatten().cloned().collect();
        Self { default: matches.get_flag("default"), files }
    }
}

/// The last part of the command, with anything unusual in a file name replaced.
fn name_of(argv: &[OsString]) -> String {
    let command = argv.first().map(PathBuf::from).unwrap_or_default();
    let name = command.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    if name.is_empty() { "service".into() } else { name }
}

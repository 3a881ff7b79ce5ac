//! Arguments of the commands that talk to a supervisor that runs: `status` and `trigger`.

use clap::builder::PossibleValue;
use clap::{Arg, ArgMatches};
use highwater_core::supervisor::Wish;

use super::{Of, flag, option, path};

/// Arguments of `status`.
#[derive(Debug)]
pub struct Status {
    /// Whose.
    pub of: Of,
    /// Live, until interrupted.
    pub watch: bool,
    /// As JSON.
    pub json: bool,
}

/// Arguments of `trigger`.
#[derive(Debug)]
pub struct Trigger {
    /// Whose.
    pub of: Of,
    /// What is to be done.
    pub wish: Wish,
    /// Answer as JSON.
    pub json: bool,
}

/// The definition of `status`.
pub fn status() -> clap::Command {
    clap::Command::new("status")
        .about("Say how a service and its supervisor stand")
        .args(of())
        .arg(flag("watch").short('w').help("Live, until q or Ctrl-C").conflicts_with("json"))
        .arg(flag("json").help("As JSON; one object, or a list where several run and none is named"))
        .after_help(
            "Where several run and none is named, they are listed.\n\nExit status: 0 while it runs; 1 when it does not, with \
             what its journal said last, or when it does not answer; 2 for arguments that do not check.",
        )
}

/// The definition of `trigger`.
pub fn trigger() -> clap::Command {
    let meaning = |wish: Wish| match wish {
        Wish::Dump => "take the first dump step of the policy",
        Wish::Throttle => "take its first throttle step",
        Wish::Restart => "restart the service gracefully, outside the budget",
    };
    let wishes = Wish::ALL.map(|wish| PossibleValue::new(wish.name()).help(meaning(wish)));
    clap::Command::new("trigger")
        .about("Begin a step of the ladder by hand")
        .arg(Arg::new("step").value_name("STEP").required(true).value_parser(wishes).help("What is to be done"))
        .args(of())
        .arg(flag("json").help("Say what comes of it as JSON"))
        .after_help(
            "For root and the user of the supervisor; who asked is in the journal. The step is only begun: `highwater status` \
             says what becomes of it.\n\nExit status: 0 when the step begins; 1 when it cannot, with the reason, or when no \
             supervisor answers; 2 for arguments that do not check.",
        )
}

fn of() -> [Arg; 2] {
    [
        path("state-dir", "DIR").help("Its state directory"),
        option("name", "NAME").help("Name of the supervisor [default: the only one that runs]"),
    ]
}

impl Status {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        Self { of: Of::given(matches), watch: matches.get_flag("watch"), json: matches.get_flag("json") }
    }
}

impl Trigger {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let wish = matches.get_one::<String>("step").and_then(|name| Wish::named(name));
        Self { of: Of::given(matches), wish: wish.unwrap_or(Wish::Dump), json: matches.get_flag("json") }
    }
}

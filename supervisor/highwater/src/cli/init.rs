//! Arguments of `init`: those of `run`, and what the init of a machine must know besides.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches};

use super::{Run, option};

/// Arguments of `init`.
#[derive(Debug)]
pub struct Init {
    /// Options of `run`, as they were given, without name and state directory.
    pub options: Vec<OsString>,
    /// The service.
    pub argv: Vec<OsString>,
    /// The policy, if there is a file of it.
    pub policy: Option<PathBuf>,
    /// The name of the supervisor.
    pub name: String,
    /// Where journal and evidence go.
    pub state_dir: Option<PathBuf>,
    /// Run to its end before anything else.
    pub setup: Option<Vec<OsString>>,
    /// Kept running beside the service.
    pub also: Vec<Vec<OsString>>,
    /// What to do when the service is over for good.
    pub when_over: WhenOver,
}

/// What to do when the service is over for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenOver {
    /// Stay, with whatever runs beside the service.
    Wait,
    /// Start the machine anew.
    Reboot,
    /// Switch it off.
    Poweroff,
    /// Halt it with the power on.
    Halt,
}

/// The signals of a machine's init, for the help.
const SIGNALS: &str = "Signals, as busybox init has them: TERM and INT (Ctrl-Alt-Del) reboot, USR1 halts, USR2 powers \
    off: the service is stopped gracefully first, a second such signal stops it at once. HUP reloads the policy. \
    `reboot`, `poweroff` and `halt` of busybox send them. It never mounts over what is mounted, and never ends.\n\n\
    From the command line of the kernel: init=/sbin/highwater -- init --policy /etc/highwater.toml /usr/bin/service";

/// The definition of `init`, made from that of `run`.
pub fn init(run: clap::Command) -> clap::Command {
    let ways = [
        PossibleValue::new("wait").help("stay, with what --also runs"),
        PossibleValue::new("reboot").help("start the machine anew, 30 s later"),
        PossibleValue::new("poweroff").help("switch the machine off"),
        PossibleValue::new("halt").help("halt it with the power on"),
    ];
    run.name("init")
        .about("Be PID 1 of a machine, and run a service as `run` does")
        .arg(option("setup", "COMMAND").help(
            "Run this to its end first, for at most 60 s: what mounts disks and sets up the network. Split at blanks; no \
             shell",
        ))
        .arg(option("also", "COMMAND").action(ArgAction::Append).help(
            "Keep this running beside the service, such as a getty or an SSH server. Split at blanks; no shell. Can be \
             given several times",
        ))
        .arg(
            option("when-over", "WHAT")
                .default_value("wait")
                .value_parser(PossibleValuesParser::new(ways))
                .help("What to do when the service is over for good, or its restart budget spent"),
        )
        .after_help(SIGNALS)
}

impl Init {
    pub(super) fn of(matches: &ArgMatches, run: &clap::Command) -> Self {
        let Run { policy, state_dir, name, argv, .. } = Run::of(matches);
        Self {
            options: given(matches, run),
            policy,
            name,
            state_dir,
            setup: matches.get_one::<String>("setup").map(|line| words(line)).filter(|words| !words.is_empty()),
            also: matches
                .get_many::<String>("also")
                .into_iter()
                .flatten()
                .map(|line| words(line))
                .filter(|words| !words.is_empty())
                .collect(),
            when_over: match matches.get_one::<String>("when-over").map(String::as_str) {
                Some("reboot") => WhenOver::Reboot,
                Some("poweroff") => WhenOver::Poweroff,
                Some("halt") => WhenOver::Halt,
                _ => WhenOver::Wait,
            },
            argv,
        }
    }
}

/// What the init says itself.
const CHOSEN: [&str; 2] = ["state-dir", "name"];

/// What was given of the options of `run`, whichever they are, but those that are chosen at the start.
fn given(matches: &ArgMatches, run: &clap::Command) -> Vec<OsString> {
    let of_run = run.get_arguments().filter(|argument| !argument.is_positional());
    let mut options = Vec::new();
    for argument in of_run {
        let name = argument.get_id().as_str();
        if CHOSEN.contains(&name) || matches.value_source(name) != Some(ValueSource::CommandLine) {
            continue;
        }
        let flag: OsString = format!("--{name}").into();
        if matches!(argument.get_action(), ArgAction::SetTrue) {
            options.push(flag);
            continue;
        }
        for value in matches.get_raw(name).into_iter().flatten() {
            options.extend([flag.clone(), value.to_owned()]);
        }
    }
    options
}

fn words(line: &str) -> Vec<OsString> {
    line.split_ascii_whitespace().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse};

    fn parsed(line: &str) -> Init {
        let arguments = std::iter::once("highwater").chain(line.split(' ')).map(OsString::from);
        match parse(arguments).unwrap() {
            Command::Init(init) => init,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_options_of_run_are_handed_on_but_what_is_chosen() {
        let init = parsed("init --policy /p --state-dir /data --require throttle,freeze --dry-run --name n -- /web -x");
        let options: Vec<_> = init.options.iter().map(|option| option.to_str().unwrap()).collect();
        assert_eq!(options.join(" "), "--policy /p --dry-run --require throttle --require freeze");
        assert_eq!((init.state_dir, init.name.as_str()), (Some("/data".into()), "n"));
        assert_eq!(init.argv, ["/web", "-x"]);
    }

    #[test]
    fn without_more_it_waits_and_runs_nothing_else() {
        let init = parsed("init /web --also not-ours");
        assert_eq!((init.when_over, init.also.len(), init.setup), (WhenOver::Wait, 0, None));
        assert_eq!((init.name.as_str(), init.options.len()), ("web", 0));
    }

    #[test]
    fn commands_are_split_at_blanks() {
        let arguments = ["highwater", "init", "--also", "/sbin/getty -L ttyS0", "--also", "/bin/b", "/web"];
        let Command::Init(init) = parse(arguments.map(OsString::from)).unwrap() else { panic!("no init") };
        assert_eq!(init.also, [vec!["/sbin/getty", "-L", "ttyS0"], vec!["/bin/b"]]);
    }
}

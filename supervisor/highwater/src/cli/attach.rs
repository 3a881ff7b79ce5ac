//! `highwater attach`.

use std::path::PathBuf;

use clap::{Arg, ArgGroup, ArgMatches, value_parser};
use highwater_kernel::Pid;

use super::{Run, flag, option, path, supervisor};
use crate::run::attached::target::Target;

/// Ways to name a service that runs.
const TARGETS: [&str; 6] = ["pid", "cgroup", "unit", "command", "uid", "container"];

pub(super) fn attach() -> clap::Command {
    let about = "Look after a service that others run";
    supervisor(clap::Command::new("attach").about(about))
        .args(targets())
        .group(ArgGroup::new("target").args(TARGETS).required(true))
        .arg(
            Arg::new("exit-after-restart")
                .long("exit-after-restart")
                .value_name("STATUS")
                .value_parser(value_parser!(u8).range(1..))
                .help("End with this status when a restart step has ended the service [default: look after the next]"),
        )
        .arg(flag("give-back").help(
            "Only give back the limit that a highwater which was killed, and its guard too, has left lowered, and end: \
             for ExecStopPost= of the unit that highwater is in",
        ))
        .after_help(
            "The service is neither started nor taken along: when highwater ends, its limits are as they were found, \
             and it goes on. A restart step asks it to end, and whoever runs it starts it again; a unit is restarted \
             by systemd. Where the cgroup is systemd's, systemd is asked for every change (set-property --runtime). \
             What --require names is judged when the service is met. Also when highwater is killed, its guard gives the limits back, unless that is killed as well.",
        )
}

fn targets() -> [Arg; 6] {
    [
        option("pid", "N").value_parser(value_parser!(Pid).range(1..)).help("This process; highwater ends with it"),
        path("cgroup", "PATH").help("The first process of this cgroup"),
        option("unit", "NAME.service").help("The main process of this unit of systemd"),
        option("command", "TEXT").allow_hyphen_values(true).help("The first process with this in its command line"),
        option("uid", "N").value_parser(value_parser!(u32)).help("The first process of this user"),
        option("container", "NAME").help(
            "The first process of the container with this in its variable HIGHWATER_CONTAINER, or in the name of its \
             cgroup",
        ),
    ]
}

pub(super) fn arguments(matches: &ArgMatches) -> Run {
    let target = target(matches);
    let mut run = Run::of(matches);
    if matches.get_one::<String>("name").is_none() {
        run.name = target.as_ref().map_or_else(String::new, Target::name);
    }
    run.leave = matches.get_one::<u8>("exit-after-restart").map(|status| i32::from(*status));
    run.target = target;
    run.gives_back = matches.get_flag("give-back");
    run
}

fn target(matches: &ArgMatches) -> Option<Target> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    None.or_else(|| matches.get_one::<Pid>("pid").copied().map(Target::Pid))
        .or_else(|| matches.get_one::<PathBuf>("cgroup").cloned().map(Target::Cgroup))
        .or_else(|| text("unit").map(Target::Unit))
        .or_else(|| text("command").map(Target::Command))
        .or_else(|| matches.get_one::<u32>("uid").copied().map(Target::Uid))
        .or_else(|| text("container").map(Target::Container))
}

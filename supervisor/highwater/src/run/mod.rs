//! `highwater run`: set up, run the loop, end as the service did.

mod event_loop;
mod guarding;
mod hands;
mod limits;
mod lowering;
mod meter;
mod plan;
mod rehearsal;
mod service;
mod signals;
mod watch;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use highwater_core::ability::Ability;
use highwater_core::command::{Ending, Input, Task};
use highwater_core::policy::{Condition, Policy};
use highwater_core::reading::Exit;
use highwater_core::record::{Event, Missing, Record};
use highwater_core::signal::Signal;
use highwater_core::supervisor::{Config, Supervisor};
use highwater_kernel::clock::{self, Rfc3339};
use highwater_kernel::guard::Guard;
use highwater_kernel::{leftovers, memory_lock, reap};
use tokio::sync::mpsc::unbounded_channel;

use crate::cli;
use crate::host::{Host, PREFIX};
use crate::journal::Journal;
use crate::state::State;
use crate::work::{Outcome, Surroundings};
use hands::Hands;
use lowering::Lowering;

/// What wakes the loop.
#[derive(Debug)]
pub(crate) enum Wake {
    /// An input about that generation.
    Input(u32, Input),
    /// The main process of that generation ended.
    MainExited(u32),
    /// Nobody is left in the cgroup of that generation.
    Empty(u32),
    /// Somebody wrote to a limit that generation is under.
    LimitsChanged(u32),
    /// A piece of work ended.
    Finished(Task, Outcome),
    /// Some child ended.
    Child,
    /// Somebody asked highwater to end.
    Stop(String),
    /// A signal for the service.
    Forward(Signal),
    /// Read the policy again.
    Reload,
}

/// Processes of a predecessor are given that long to end by SIGKILL.
const KILL_TIME: Duration = Duration::from_secs(5);

/// highwater itself failed; or the policy did not check.
#[derive(Debug)]
struct Failed {
    status: u8,
    reason: String,
}

/// Runs a service and looks after it; ends as it does.
pub fn run(arguments: &cli::Run) -> ExitCode {
    match prepare_and_run(arguments) {
        Ok(ending) => end(ending),
        Err(failed) => {
            eprintln!("highwater: {}", failed.reason.trim_end());
            ExitCode::from(failed.status)
        }
    }
}

fn prepare_and_run(arguments: &cli::Run) -> Result<Ending, Failed> {
    let policy = read_policy(arguments.policy.as_deref())?;
    let state_dir = state_dir(arguments)?;
    let journal = Journal::open(&state_dir, &arguments.name).map_err(|error| unusable(&state_dir, &error))?;
    // It forks, so it comes before the first thread.
    let guard = Guard::start(&arguments.name, journal.path());
    let flush = crate::log::start(arguments.log).map_err(Failed::own)?;
    let ending = set_up(arguments, policy, &state_dir, journal, guard);
    flush.flush();
    ending
}

fn set_up(
    arguments: &cli::Run,
    policy: Policy,
    state_dir: &Path,
    journal: Journal,
    guard: highwater_kernel::Result<Guard>,
) -> Result<Ending, Failed> {
    let guard = guard.map_err(|error| tracing::warn!("no guard: {error}")).ok();
    reap::become_subreaper().map_err(Failed::own)?;
    let host = Host::take(&arguments.name, watches_stalls(&policy) || arguments.require.contains(&Ability::PsiTrigger));
    require(&host, &arguments.require)?;
    let (wake, wakes) = unbounded_channel();
    let state = State::open(state_dir);
    signals::listen(wake.clone()).map_err(Failed::own)?;
    let mut hands = Hands {
        argv: arguments.argv.clone(),
        policy_file: arguments.policy.clone(),
        journal,
        lowering: Lowering::start(wake.clone()).map_err(Failed::own)?,
        around: Surroundings {
            name: arguments.name.clone(),
            evidence: state_dir.join("evidence"),
            known: Rc::new(RefCell::new(guard.iter().map(Guard::pid).collect())),
            growing: Rc::new(RefCell::new(None)),
        },
        guard,
        guards_lost: 0,
        wake,
        service: None,
        tasks: BTreeMap::new(),
        state,
        host,
    };
    say_hello(&mut hands, arguments, &policy);
    clear_leftovers(&mut hands);
    let config = config(arguments, &hands);
    if let Err(error) = memory_lock::lock() {
        tracing::info!("highwater's own memory is not locked: {error}");
    }
    rehearsal::rehearse(&policy, &config);
    let core = Supervisor::new(policy, config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failed::own)?;
    let ending = tokio::task::LocalSet::new().block_on(&runtime, event_loop::event_loop(core, hands, wakes));
    Ok(ending)
}

fn read_policy(file: Option<&Path>) -> Result<Policy, Failed> {
    let checked = match file {
        Some(file) => highwater_policy::load(file),
        None => highwater_policy::parse(&highwater_policy::Source::built_in()),
    };
    let colour = crate::check::colour();
    match checked {
        Ok(checked) => {
            eprint!("{}", checked.warnings.render(colour));
            Ok(checked.policy)
        }
        Err(report) => {
            Err(Failed { status: 2, reason: format!("the policy does not check\n{}", report.render(colour)) })
        }
    }
}

fn state_dir(arguments: &cli::Run) -> Result<PathBuf, Failed> {
    let directory = arguments.state_dir.clone().unwrap_or_else(|| usual_state_dir(&arguments.name));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o750).create(&directory).map_err(|error| unusable(&directory, &error))?;
    std::path::absolute(&directory).map_err(|error| unusable(&directory, &error))
}

/// Where systemd says, or where programs of the system or of a user keep their state.
fn usual_state_dir(name: &str) -> PathBuf {
    let given = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directories) = std::env::var("STATE_DIRECTORY").ok().filter(|value| !value.is_empty()) {
        return ours(&directories).into();
    }
    let home = || given("HOME").map(|home| home.join(".local/state"));
    let of_user = if nix::unistd::geteuid().is_root() { None } else { given("XDG_STATE_HOME").or_else(home) };
    of_user.unwrap_or_else(|| "/var/lib".into()).join("highwater").join(name)
}

/// The state directory that is meant for highwater: units may name several, of which one is the service's own.
fn ours(directories: &str) -> &str {
    let is_ours = |directory: &&str| Path::new(directory).iter().any(|part| part == "highwater");
    directories.split(':').find(is_ours).or_else(|| directories.split(':').next()).unwrap_or(directories)
}

fn unusable(directory: &Path, error: &io::Error) -> Failed {
    let reason = format!("the state directory {} cannot be used: {error}; give --state-dir", directory.display());
    Failed { status: 125, reason }
}

fn watches_stalls(policy: &Policy) -> bool {
    policy.triggers.iter().any(|trigger| matches!(trigger.condition, Condition::Pressure { .. }))
}

fn require(host: &Host, required: &[Ability]) -> Result<(), Failed> {
    let lacking = |lack: &&crate::host::Lack| required.iter().any(|ability| ability.name() == lack.ability);
    let reasons: Vec<String> = host
        .missing
        .iter()
        .filter(lacking)
        .map(|lack| {
            format!("required ability {} is missing: {}\n    way out: {}", lack.ability, lack.reason, lack.remedy)
        })
        .collect();
    if reasons.is_empty() { Ok(()) } else { Err(Failed { status: 125, reason: reasons.join("\n") }) }
}

fn say_hello(hands: &mut Hands, arguments: &cli::Run, policy: &Policy) {
    let missing = |lack: &crate::host::Lack| Missing { ability: lack.ability, reason: lack.reason.clone() };
    let event = Event::SupervisorStarted {
        abilities: hands.host.abilities.iter().map(Ability::name).collect(),
        missing: hands.host.missing.iter().map(missing).collect(),
        policy: arguments.policy.as_ref().map_or_else(|| "default".into(), |file| file.display().to_string()),
        plan: plan::lines(policy, hands.host.abilities, arguments.dry_run),
    };
    hands.record(&Record { at: event_loop::now(), generation: 0, incident: None, event });
    if let Some(step) = hands.state.attempt() {
        let reason =
            format!("dump {step} was under way when the predecessor ended: it is not repeated in that incident");
        event_loop::note(hands, reason);
    }
}

/// Finds what a dead predecessor left behind: unthrottled, killed, removed and reported.
fn clear_leftovers(hands: &mut Hands) {
    let Some(delegation) = hands.host.delegation() else { return };
    let mut reports = Vec::new();
    match leftovers::find(&delegation.base, PREFIX) {
        Ok(groups) => {
            for group in groups {
                reports.push(match leftovers::clear(&delegation.base, &group, KILL_TIME) {
                    Ok(left) => format!(
                        "found {} of a predecessor with processes {:?}{}: killed{}",
                        left.name,
                        left.pids,
                        if left.throttled { ", throttled" } else { "" },
                        if left.removed { " and removed" } else { "; some of them do not end" }
                    ),
                    Err(error) => format!("{} of a predecessor cannot be cleared: {error}", group.name()),
                });
            }
        }
        Err(error) => reports.push(error.to_string()),
    }
    for report in reports {
        event_loop::note(hands, report);
    }
}

fn config(arguments: &cli::Run, hands: &Hands) -> Config {
    let time = Rfc3339(clock::wall()).to_string();
    let second: String = time.chars().take(19).filter(|c| !"-:".contains(*c)).collect();
    Config {
        abilities: hands.host.abilities,
        dry_run: arguments.dry_run,
        seed: clock::monotonic_ns() ^ u64::from(std::process::id()).rotate_left(32),
        incident_prefix: format!("{second}Z"),
        learnt: hands.state.learnt(),
        unfinished: hands.state.unfinished(),
    }
}

/// Ends as the service did: with its status, or by the same signal, but for PID 1, which no signal ends.
fn end(ending: Ending) -> ExitCode {
    let status = match ending {
        Ending::Service(Exit::Code(code)) => code,
        Ending::Service(Exit::Signal(signal)) => {
            if std::process::id() != 1 {
                // A core of the service is the service's to leave.
                let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            128 + signal
        }
        Ending::NotStarted(status) => status,
        Ending::BudgetSpent => 75,
    };
    ExitCode::from(u8::try_from(status).unwrap_or(125))
}

impl Failed {
    fn own(error: impl fmt::Display) -> Self {
        Self { status: 125, reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_state_directories_ours_is_taken() {
        assert_eq!(ours("/var/lib/web"), "/var/lib/web");
        assert_eq!(ours("/var/lib/web:/var/lib/highwater/web"), "/var/lib/highwater/web");
        assert_eq!(ours("/var/lib/web:/var/lib/more"), "/var/lib/web");
    }
}

//! `highwater run`: set up, run the loop, end as the service did.

mod answering;
pub(crate) mod attached;
mod birth;
mod captures;
mod delivering;
mod event_loop;
mod finishing;
mod guarding;
mod hands;
mod hello;
mod incident_names;
mod jvm;
mod limits;
mod look;
mod lowering;
mod meter;
mod notifying;
mod outlook;
mod plan;
mod records;
mod rehearsal;
mod service;
mod signals;
mod sleep;
pub(crate) mod state_dir;
mod tasks;
mod wake;
mod watch;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use highwater_core::ability::Ability;
use highwater_core::command::Ending;
use highwater_core::policy::{Condition, NotifyMode, Policy};
use highwater_core::reading::Exit;
use highwater_core::supervisor::{Config, Supervisor};
use highwater_evidence::retention::Limits;
use highwater_kernel::clock;
use highwater_kernel::guard::Guard;
use highwater_kernel::listen::Socket;
use highwater_kernel::{memory_lock, reap};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::bundle::Bundle;
use crate::cli;
use crate::healthy;
use crate::host::Host;
use crate::journal::Journal;
use crate::pressure_watch::PressureWatch;
use crate::runtime_dir::RuntimeDir;
use crate::serve::Tally;
use crate::sockets::Sockets;
use crate::state::State;
use crate::termination::Termination;
use crate::work::{Surroundings, beside};
use attached::Following;
pub(crate) use finishing::own_command;
use hands::Hands;
use hello::{clear_leftovers, say_hello};
use lowering::Lowering;
use records::Records;
use state_dir::{state_dir, unusable};
pub(crate) use wake::Wake;

/// highwater itself failed; or the policy did not check.
#[derive(Debug)]
struct Failed {
    status: u8,
    reason: String,
}

/// Runs a service and looks after it; ends as it does.
pub fn run(arguments: &cli::Run) -> ExitCode {
    if arguments.gives_back {
        return attached::give_back(arguments);
    }
    match prepare_and_run(arguments) {
        Ok(ending) => end(ending, arguments.below_init),
        Err(failed) => {
            eprintln!("highwater: {}", failed.reason.trim_end());
            ExitCode::from(failed.status)
        }
    }
}

fn prepare_and_run(arguments: &cli::Run) -> Result<Ending, Failed> {
    memory_lock::keep_heap();
    // Before anything is opened that could take their numbers.
    let handed = Socket::handed_over().map_err(Failed::own)?;
    if arguments.below_init {
        // On a machine of our own nobody else has said whom the kernel is to spare. The service starts without it.
        let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
    }
    let policy = read_policy(arguments.policy.as_deref())?;
    // What runs already has its sockets.
    let wanted = if arguments.target.is_some() { &[] } else { policy.sockets.as_slice() };
    let (sockets, unwanted) = Sockets::open(wanted, handed).map_err(Failed::own)?;
    let state_dir = state_dir(arguments)?;
    let journal = Journal::open(&state_dir, &arguments.name).map_err(|error| unusable(&state_dir, &error))?;
    // It forks, so it comes before the first thread.
    let guard = Guard::start(&arguments.name, journal.path());
    let flush = crate::log::start(arguments.log).map_err(Failed::own)?;
    let ending = set_up(arguments, policy, &state_dir, journal, guard, (sockets, unwanted));
    flush.flush();
    ending
}

fn set_up(
    arguments: &cli::Run,
    policy: Policy,
    state_dir: &Path,
    mut journal: Journal,
    guard: highwater_kernel::Result<Guard>,
    (sockets, unwanted): (Sockets, Vec<String>),
) -> Result<Ending, Failed> {
    let guard = guard.map_err(|error| tracing::warn!("no guard: {error}")).ok();
    // Its thread comes after the guard, which forks.
    journal.limit(policy.journal.max_bytes);
    journal.keep_on_disk().map_err(Failed::own)?;
    reap::become_subreaper().map_err(Failed::own)?;
    let begin = |target| Following::begin(target, &arguments.require);
    let following = arguments.target.clone().map(begin).transpose().map_err(Failed::own)?;
    let stalls = watches_stalls(&policy) || arguments.require.contains(&Ability::PsiTrigger);
    let host = match &following {
        Some(following) => following.host(stalls),
        None => Host::take(&arguments.name, stalls),
    };
    // Of a service that does not run yet nothing is known.
    if following.as_ref().is_none_or(Following::is_found) {
        require(&host, &arguments.require)?;
    }
    beside::stand_by().map_err(Failed::own)?;
    let (wake, wakes) = unbounded_channel();
    let mut state = State::open(state_dir);
    state.keep_on_disk(journal.disk());
    let termination = termination(arguments, state_dir)?;
    signals::listen(wake.clone()).map_err(Failed::own)?;
    let runtime_dir = runtime_dir(&arguments.name, state_dir);
    let mode = if following.is_some() { NotifyMode::Off } else { policy.service.notify };
    let relay = notifying::relay(mode, runtime_dir.as_ref())?;
    relay.store(sockets.to_store(), &unwanted);
    let pressure = pressure_watch(runtime_dir.as_ref()).filter(|_| following.is_none());
    let mut hands = Hands {
        argv: arguments.argv.clone(),
        following,
        policy_file: arguments.policy.clone(),
        journal,
        lowering: Lowering::start(wake.clone()).map_err(Failed::own)?,
        around: Surroundings {
            name: arguments.name.clone(),
            evidence: state_dir.join("evidence"),
            limits: limits_of(&policy),
            known: Rc::new(RefCell::new(guard.iter().map(Guard::pid).collect())),
            growing: Rc::new(RefCell::new(None)),
            copying: Rc::default(),
        },
        sockets,
        relay,
        pressure,
        has_news: true,
        outbox: state_dir.join("outbox"),
        handed: Vec::new(),
        waits_for_outbox: None,
        records: Records::start(state_dir.join("evidence"), wake.clone()).map_err(Failed::own)?,
        healthy: state_dir.join(healthy::DIRECTORY),
        http: arguments.http,
        server: None,
        tally: Tally::default(),
        runtime_dir,
        bundle: Bundle::new(
            &arguments.name,
            Path::new(arguments.argv.first().unwrap_or(&arguments.name.clone().into())),
        ),
        guard,
        guards_lost: 0,
        wake,
        service: None,
        tasks: BTreeMap::new(),
        series: BTreeMap::new(),
        state,
        termination,
        host,
    };
    say_hello(&mut hands, arguments, &policy);
    look_after(arguments, policy, hands, wakes)
}

/// Takes over from a predecessor, and runs the loop.
fn look_after(
    arguments: &cli::Run,
    policy: Policy,
    mut hands: Hands,
    wakes: UnboundedReceiver<Wake>,
) -> Result<Ending, Failed> {
    clear_leftovers(&mut hands);
    let config = config(arguments, &hands);
    hands.conclude_outbox(config.unfinished.as_deref());
    if let Some(incident) = &config.unfinished {
        hands.bundle.resume(&hands.around.evidence, incident, event_loop::now());
    }
    if let Err(error) = memory_lock::lock() {
        tracing::info!("highwater's own memory is not locked: {error}");
    }
    rehearsal::rehearse(&policy, &config);
    let core = Supervisor::new(policy, config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failed::own)?;
    let ending = tokio::task::LocalSet::new().block_on(&runtime, event_loop::event_loop(core, hands, wakes));
    Ok(ending)
}

/// The runtime directory. Without one the service is looked after all the same.
fn runtime_dir(name: &str, state_dir: &Path) -> Option<RuntimeDir> {
    let taken = RuntimeDir::take(name, state_dir);
    taken.map_err(|error| tracing::warn!("no runtime directory: {error}")).ok()
}

fn pressure_watch(directory: Option<&RuntimeDir>) -> Option<PressureWatch> {
    let made = PressureWatch::make(directory?.path());
    made.map_err(|error| tracing::warn!("the service cannot be told of pressure: {error}")).ok()
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

/// Bounds of the evidence, as the policy has them.
fn limits_of(policy: &Policy) -> Limits {
    let rules = &policy.evidence;
    Limits { max_bytes: Some(rules.max_bytes), max_count: Some(rules.max_count), min_free: rules.min_free }
}

fn termination(arguments: &cli::Run, state_dir: &Path) -> Result<Termination, Failed> {
    let asked = arguments.termination_log.as_deref();
    let failed = |error| {
        let file = asked.unwrap_or(Path::new("the termination log")).display();
        Failed { status: 125, reason: format!("--termination-log {file}: {error}") }
    };
    Termination::open(asked, &arguments.name, &state_dir.join("evidence")).map_err(failed)
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

fn config(arguments: &cli::Run, hands: &Hands) -> Config {
    Config {
        abilities: hands.host.abilities,
        dry_run: arguments.dry_run,
        seed: clock::monotonic_ns() ^ u64::from(std::process::id()).rotate_left(32),
        incident_prefix: incident_names::prefix(&hands.around.evidence),
        learnt: hands.state.learnt(),
        blamed: hands.state.blamed(),
        unfinished: hands.state.unfinished(),
        attached: hands.following.as_ref().map(|following| following.attached(arguments)),
        says_ready: hands.relay.waits_for_ready() && !hands.is_attached(),
    }
}

/// Ends as the service did: with its status, or by the same signal, but for PID 1, which no signal ends, and below an
/// init of ours.
fn end(ending: Ending, below_init: bool) -> ExitCode {
    let status = match ending {
        Ending::Service(Exit::Code(code)) => code,
        Ending::Service(Exit::Signal(signal)) => {
            if std::process::id() != 1 && !below_init {
                // A core of the service is the service's to leave.
                let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            128 + signal
        }
        Ending::NotStarted(status) | Ending::Handover(status) => status,
        Ending::BudgetSpent => 75,
    };
    ExitCode::from(u8::try_from(status).unwrap_or(125))
}

impl Failed {
    fn own(error: impl fmt::Display) -> Self {
        Self { status: 125, reason: error.to_string() }
    }
}

//! One generation of the service: its cgroup, its main process, and the descriptors kept open for them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use highwater_core::policy::Policy;
use highwater_core::reading::{Counters as Counted, Exit, Inspection, Runtime, Usage};
use highwater_core::signal::Signal;
use highwater_kernel::cgroup::{self, Counters, Group, HighWriter, Limit, Populated};
use highwater_kernel::pidfd::{self, Pidfd};
use highwater_kernel::process::{self, SignalUse};
use highwater_kernel::spawn::{Child, Spawn, SpawnError};
use highwater_kernel::{Pid, Result};

use super::limits;
use super::meter::Meter;
use super::watch::{self, Report, Watcher};
use crate::host::{Host, MACHINE_PRESSURE, PREFIX, Place};

/// Children of ours that are not the service's: the guard, and programs that steps run.
pub type Helpers = Rc<RefCell<BTreeSet<Pid>>>;

/// A generation that was started.
#[derive(Debug)]
pub struct Service {
    /// Its number.
    pub generation: u32,
    /// Its cgroup, if it has one of its own.
    pub group: Option<Group>,
    /// What reads its usage.
    pub meter: Meter,
    /// Two ways to `memory.high`: a lowering write may block in one while the other raises.
    pub high: Option<(Arc<HighWriter>, HighWriter)>,
    /// Main process.
    pub main: Pidfd,
    /// How the main process ended.
    pub exit: Option<Exit>,
    runtime: Option<Runtime>,
    base: Counted,
    /// The cgroup whose `memory.events` tell about the service: its own, or one it shares with highwater.
    watched: Option<Group>,
    counters: Option<Counters>,
    report: Report,
    helpers: Helpers,
    watching: Option<Watcher>,
    stalls: Vec<Watcher>,
    _populated: Option<Watcher>,
    _limits: Option<Watcher>,
    exited: Option<Watcher>,
}

/// Why a generation did not start.
#[derive(Debug)]
pub struct NotStarted {
    /// 126 or 127 for a command that cannot be executed or found, else 125.
    pub status: i32,
    /// The reason.
    pub reason: String,
}

impl Service {
    /// Starts a generation in a fresh cgroup, as far as the host has any.
    pub fn start(
        host: &Host,
        policy: &Policy,
        argv: &[OsString],
        helpers: Helpers,
        report: Report,
    ) -> std::result::Result<Self, NotStarted> {
        let group = match host.delegation() {
            Some(delegation) => Some(prepare(&delegation.base, policy, report.generation)?),
            None => None,
        };
        let child = spawn(argv, policy, group.as_ref()).map_err(|error| {
            if let (Some(delegation), Some(group)) = (host.delegation(), &group) {
                let _ = delegation.base.remove_child(group.name());
            }
            NotStarted { status: error.exit_code(), reason: error.to_string() }
        })?;
        Self::open(host, policy, group, child.pidfd, helpers, report).map_err(NotStarted::from)
    }

    fn open(
        host: &Host,
        policy: &Policy,
        group: Option<Group>,
        main: Pidfd,
        helpers: Helpers,
        report: Report,
    ) -> Result<Self> {
        let watched = match &host.place {
            Place::Shared(shared, _) => Some(shared.try_clone()?),
            Place::Own(_) | Place::Tree => group.as_ref().map(Group::try_clone).transpose()?,
        };
        let counters = watched.as_ref().and_then(|group| Counters::open(group).ok());
        let base = match (&group, &counters) {
            (None, Some(counters)) => counters.read().map(|events| watch::counted(&events)).unwrap_or_default(),
            _ => Counted::default(),
        };
        let high = group.as_ref().and_then(|group| both(HighWriter::open(group), HighWriter::open(group)));
        let populated = group.as_ref().and_then(|group| Populated::open(group).ok());
        let failed = |error: std::io::Error| {
            tracing::error!("a descriptor cannot be watched: {error}");
        };
        let populated =
            populated.and_then(|populated| watch::populated(populated, report.clone()).map_err(failed).ok());
        let exited = watch::main_process(&main, report.clone()).map_err(failed).ok();
        let limited = watched.as_ref().zip(mount_point(host));
        let limits =
            limited.and_then(|(group, mount)| limits::limits(group, mount, report.clone()).map_err(failed).ok());
        let mut service = Self {
            generation: report.generation,
            meter: meter(host, group.as_ref(), policy, main.pid())?,
            group,
            high,
            exit: None,
            runtime: None,
            base,
            watched,
            counters,
            watching: None,
            stalls: Vec::new(),
            _populated: populated,
            _limits: limits,
            exited,
            main,
            report,
            helpers,
        };
        service.arm_stalls(policy);
        service.watch(true);
        Ok(service)
    }

    /// Whether to be woken by `memory.events`.
    pub fn watch(&mut self, on: bool) {
        let group = self.watched.as_ref();
        self.watching = match group.filter(|_| on).and_then(|group| Counters::open(group).ok()) {
            Some(counters) => watch::counters(counters, self.base, self.report.clone()).ok(),
            None => None,
        };
    }

    /// Arms the PSI triggers of a policy instead of those armed so far.
    pub fn arm_stalls(&mut self, policy: &Policy) {
        self.stalls.clear();
        let own = self.group.as_ref().map(|group| group.path().join("memory.pressure"));
        self.stalls = watch::stalls(policy, &own.unwrap_or_else(|| MACHINE_PRESSURE.into()), &self.report);
    }

    /// Usage, measured against limits that are read anew.
    pub fn under_new_limits(&self) -> Option<Usage> {
        self.meter.limits_changed();
        self.meter.usage().ok()
    }

    /// The counters as they stand, since the generation began.
    pub fn counters(&self) -> Option<Counted> {
        let events = self.counters.as_ref()?.read().ok()?;
        Some(watch::counted(&events).since(self.base))
    }

    /// Highest `memory.current` of the generation.
    pub fn peak(&self) -> Option<u64> {
        self.group.as_ref()?.peak().ok()
    }

    /// Whether processes of the service are left.
    pub fn is_populated(&self) -> bool {
        match &self.group {
            Some(group) => group.state().is_ok_and(|state| state.populated),
            None => !self.tree().is_empty(),
        }
    }

    /// Path of its cgroup.
    pub fn cgroup(&self) -> Option<PathBuf> {
        self.group.as_ref().map(|group| group.path().to_path_buf())
    }

    /// Sends a signal to the main process. Whoever is gone already needs none.
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = self.main.send_signal(signal.number())
            && !crate::host::is_gone(&error)
        {
            tracing::warn!("{signal} to the service: {error}");
        }
    }

    /// Kills everything that belongs to the service.
    pub fn kill(&self) {
        let by_cgroup = self.group.as_ref().map(Group::kill);
        if let Some(Ok(())) = by_cgroup {
            return;
        }
        for pid in self.everybody() {
            if let Ok(pidfd) = Pidfd::open(pid) {
                let _ = pidfd.send_signal(Signal::KILL.number());
            }
        }
    }

    /// Takes the exit status of the main process once it has ended.
    pub fn collect(&mut self) -> Option<Exit> {
        let exit = match self.main.wait() {
            Ok(exit) => exit?,
            // An adopted process that was not our child: nobody knows how it ended.
            Err(_) => pidfd::Exit::Code(0),
        };
        self.exit = Some(match exit {
            pidfd::Exit::Code(code) => Exit::Code(code),
            pidfd::Exit::Signal { number, .. } => Exit::Signal(number),
        });
        self.exit
    }

    /// Makes the oldest process that is left the main process.
    pub fn adopt(&mut self) -> Option<Pid> {
        let left = self.everybody();
        let main = left.into_iter().find_map(|pid| Pidfd::open(pid).ok())?;
        self.exit = None;
        self.exited = watch::main_process(&main, self.report.clone()).ok();
        self.main = main;
        self.meter.follow(self.main.pid());
        self.runtime = None;
        Some(self.main.pid())
    }

    /// A look at the main process: what it does with those signals, and what it is.
    pub fn inspect(&mut self, signals: &[Signal]) -> Inspection {
        let pid = self.main.pid();
        let runtime = *self.runtime.get_or_insert_with(|| runtime(pid));
        let threads = process::thread_count(pid).unwrap_or(1);
        let mut inspection =
            Inspection { threads: threads as u32, runtime, stopped: is_stopped(pid), ..Default::default() };
        for signal in signals {
            match process::signal_use(pid, signal.number()) {
                Ok(SignalUse::Caught) => inspection.caught |= signal.bit(),
                Ok(SignalUse::Blocked | SignalUse::Awaited) => inspection.blocked |= signal.bit(),
                Ok(SignalUse::Ignored | SignalUse::Default) | Err(_) => {}
            }
        }
        inspection
    }

    /// Processes of the service but the main one, where there is no cgroup to ask: all that are below us. The orphans of
    /// the service have become our children.
    fn tree(&self) -> Vec<Pid> {
        let below = |pid: Pid| process::descendants(pid).unwrap_or_default();
        let helpers = self.helpers.borrow();
        let others: BTreeSet<Pid> = helpers.iter().flat_map(|helper| below(*helper)).chain(helpers.clone()).collect();
        let is_ours = |pid: &Pid| *pid != self.main.pid() && !others.contains(pid);
        below(process::own()).into_iter().filter(is_ours).collect()
    }

    fn everybody(&self) -> Vec<Pid> {
        match &self.group {
            Some(group) => group.procs_below().unwrap_or_default(),
            None => self.tree().into_iter().chain([self.main.pid()]).collect(),
        }
    }
}

impl From<highwater_kernel::Error> for NotStarted {
    fn from(error: highwater_kernel::Error) -> Self {
        Self { status: 125, reason: error.to_string() }
    }
}

/// Makes the cgroup of a generation: one limit if the policy has one, and killed as a whole if it is killed.
fn prepare(base: &Group, policy: &Policy, generation: u32) -> Result<Group> {
    let group = base.create_child(&format!("{PREFIX}{generation}"))?;
    if let Some(max) = policy.memory.max {
        group.set_max(Limit::Bytes(max))?;
    }
    if group.has("memory.oom.group") {
        group.set_oom_group(true)?;
    }
    Ok(group)
}

fn spawn(argv: &[OsString], policy: &Policy, group: Option<&Group>) -> std::result::Result<Child, SpawnError> {
    let mut spawn = Spawn::new(argv);
    for (name, value) in &policy.service.env {
        spawn = spawn.env(name, value);
    }
    if let Some(group) = group {
        spawn = spawn.cgroup(group);
    }
    spawn.start()
}

fn meter(host: &Host, group: Option<&Group>, policy: &Policy, pid: Pid) -> Result<Meter> {
    match (&host.place, group) {
        (Place::Own(delegation), Some(group)) => {
            Meter::of_cgroup(group, &delegation.mount.point, policy.memory.max.is_some())
        }
        (Place::Shared(group, mount), _) => Meter::of_cgroup(group, &mount.point, false),
        _ => Ok(Meter::of_tree(pid, policy.memory.max)),
    }
}

fn mount_point(host: &Host) -> Option<&Path> {
    match &host.place {
        Place::Own(delegation) => Some(&delegation.mount.point),
        Place::Shared(_, mount) => Some(&mount.point),
        Place::Tree => None,
    }
}

fn runtime(pid: Pid) -> Runtime {
    match process::runtime(pid) {
        Ok(process::Runtime::Go) => Runtime::Go,
        Ok(process::Runtime::Jvm) => Runtime::Jvm,
        Ok(process::Runtime::Node) => Runtime::Node,
        Ok(process::Runtime::Python) => Runtime::Python,
        Ok(process::Runtime::Native) | Err(_) => Runtime::Native,
    }
}

/// State `T` in `/proc/PID/stat`: stopped by a signal.
fn is_stopped(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}

fn both<T, E>(first: std::result::Result<T, E>, second: std::result::Result<T, E>) -> Option<(Arc<T>, T)> {
    Some((Arc::new(first.ok()?), second.ok()?))
}

/// The kernel layer's word for a limit.
pub fn raw(limit: highwater_core::amount::Limit) -> cgroup::Limit {
    match limit {
        highwater_core::amount::Limit::Bytes(bytes) => Limit::Bytes(bytes),
        highwater_core::amount::Limit::Max => Limit::Max,
    }
}

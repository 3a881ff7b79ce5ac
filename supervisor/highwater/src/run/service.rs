//! One generation of the service: its cgroup, its main process, and the descriptors kept open for them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use highwater_core::policy::Policy;
use highwater_core::reading::{Counters as Counted, Exit, Runtime};
use highwater_core::signal::Signal;
use highwater_kernel::Pid;
use highwater_kernel::cgroup::{self, Counters, Group, HighWriter, Limit, MaxWriter};
use highwater_kernel::pidfd::{self, Pidfd};
use highwater_kernel::process::{self, StatusReader};
use highwater_kernel::psi::{Pressure, PressureReader};

use super::attached::Owner;
use super::meter::Meter;
use super::watch::{self, Report, Watcher};
use crate::host::MACHINE_PRESSURE;

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
    /// The way to `memory.max`.
    pub max: Option<MaxWriter>,
    /// Whose it is.
    pub owner: Owner,
    /// What `memory.high` is put back to.
    pub restore: Limit,
    /// Main process.
    pub main: Pidfd,
    /// What the main process does.
    pub(super) status: Option<StatusReader>,
    /// How the main process ended.
    pub exit: Option<Exit>,
    pub(super) runtime: Option<Runtime>,
    pub(super) base: Counted,
    /// `memory.events` of the cgroup that tells about the service: its own, or one it shares with highwater.
    pub(super) counters: Option<Counters>,
    /// The same file once more, to be waited on.
    pub(super) counted: Option<Counters>,
    pub(super) pressure: Option<PressureReader>,
    pub(super) report: Report,
    pub(super) helpers: Helpers,
    pub(super) watching: Option<Watcher>,
    pub(super) stalls: Vec<Watcher>,
    pub(super) _populated: Option<Watcher>,
    pub(super) _limits: Option<Watcher>,
    pub(super) exited: Option<Watcher>,
}

impl Service {
    /// Whether to be woken by `memory.events`.
    pub fn watch(&mut self, on: bool) {
        let counters = self.counted.as_ref().filter(|_| on).and_then(|counters| counters.try_clone().ok());
        self.watching = counters.and_then(|counters| watch::counters(counters, self.base, self.report.clone()).ok());
    }

    /// Arms the PSI triggers of a policy instead of those armed so far.
    pub fn arm_stalls(&mut self, policy: &Policy) {
        self.stalls.clear();
        let own = self.group.as_ref().map(|group| group.path().join("memory.pressure"));
        self.stalls = watch::stalls(policy, &own.unwrap_or_else(|| MACHINE_PRESSURE.into()), &self.report);
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

    /// Its own stalls, if it has a cgroup of its own.
    pub fn pressure(&self) -> Option<Pressure> {
        self.pressure.as_ref()?.read().ok()
    }

    /// Total time some task of the service stood still for memory, in microseconds.
    pub fn stalled_us(&self) -> Option<u64> {
        Some(self.pressure()?.some?.total_us)
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
        if let Owner::Systemd(unit) = &self.owner {
            return unit.kill();
        }
        let by_cgroup = self.group.as_ref().filter(|_| self.is_alone()).map(Group::kill);
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
        self.look_after(main);
        Some(self.main.pid())
    }

    /// Makes that process the main process: the service said so.
    pub fn follow(&mut self, pid: Pid) {
        let Some(main) = Some(pid).filter(|pid| *pid != self.main.pid()).and_then(|pid| Pidfd::open(pid).ok()) else {
            return;
        };
        self.look_after(main);
    }

    fn look_after(&mut self, main: Pidfd) {
        self.exited = watch::main_process(&main, self.report.clone()).ok();
        self.status = StatusReader::open(main.pid()).ok();
        self.meter.follow(main.pid());
        self.main = main;
        self.runtime = None;
    }

    /// Whether a process is of the service.
    pub fn has(&self, pid: Pid) -> bool {
        pid == self.main.pid() || self.everybody().contains(&pid)
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

    /// Whether nobody else can be in its cgroup.
    fn is_alone(&self) -> bool {
        matches!(self.owner, Owner::Ours)
    }

    fn everybody(&self) -> Vec<Pid> {
        match &self.group {
            _ if !self.is_alone() => {
                let below = process::descendants(self.main.pid()).unwrap_or_default();
                below.into_iter().chain([self.main.pid()]).collect()
            }
            Some(group) => group.procs_below().unwrap_or_default(),
            None => self.tree().into_iter().chain([self.main.pid()]).collect(),
        }
    }
}

/// The kernel layer's word for a limit.
pub fn raw(limit: highwater_core::amount::Limit) -> cgroup::Limit {
    match limit {
        highwater_core::amount::Limit::Bytes(bytes) => Limit::Bytes(bytes),
        highwater_core::amount::Limit::Max => Limit::Max,
    }
}

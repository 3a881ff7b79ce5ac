//! The hands of the core: every command becomes a system call, a file or a task.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use highwater_core::command::{Command, Ending, Input, Probe, Task};
use highwater_core::policy::{Action, DumpSource, Policy};
use highwater_core::record::{Event, Record};
use highwater_core::signal::Signal;
use highwater_core::supervisor::Supervisor;
use highwater_kernel::guard::Guard;
use highwater_kernel::{Pid, memory_lock};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::Wake;
use super::attached::{Following, Owner, within};
use super::birth;
use super::delivering::Handed;
use super::event_loop::now;
use super::jvm;
use super::lowering::Lowering;
use super::records::Records;
use super::service::{Service, raw};
use super::tasks::Running;
use super::watch::Report;
use crate::bundle::Bundle;
use crate::host::Host;
use crate::journal::Journal;
use crate::notify::Relay;
use crate::pressure_watch::PressureWatch;
use crate::runtime_dir::RuntimeDir;
use crate::sentence::{is_warning, sentence};
use crate::serve::{Server, Tally};
use crate::sockets::Sockets;
use crate::state::State;
use crate::termination::Termination;
use crate::work::Surroundings;

/// Bytes of heap that an incident may take, until its first dump, without asking the kernel. Measured: 140 KiB.
pub(super) const RESERVE: usize = 160 << 10;

/// Everything the loop can act with.
#[derive(Debug)]
pub struct Hands {
    pub(super) host: Host,
    pub(super) argv: Vec<OsString>,
    /// The service that was not started by us.
    pub(super) following: Option<Following>,
    pub(super) policy_file: Option<PathBuf>,
    pub(super) journal: Journal,
    pub(super) state: State,
    pub(super) termination: Termination,
    pub(super) guard: Option<Guard>,
    /// How many guards have died.
    pub(super) guards_lost: u32,
    pub(super) lowering: Lowering,
    pub(super) around: Surroundings,
    /// Where profiles of the healthy service are kept.
    pub(super) healthy: PathBuf,
    pub(super) bundle: Bundle,
    /// Sockets of the service.
    pub(super) sockets: Sockets,
    /// Between the service and systemd.
    pub(super) relay: Relay,
    /// Where a service of ours watches for word of pressure.
    pub(super) pressure: Option<PressureWatch>,
    /// Something was recorded since systemd was told how things stand.
    pub(super) has_news: bool,
    /// Where to listen, whatever the policy says.
    pub(super) http: Option<SocketAddr>,
    /// Answers over HTTP.
    pub(super) server: Option<Server>,
    /// What happened so far.
    pub(super) tally: Tally,
    /// Where its sockets are, as long as it runs.
    pub(super) runtime_dir: Option<RuntimeDir>,
    /// What is to be sent off the machine.
    pub(super) outbox: PathBuf,
    /// What keeps `incident.json`.
    pub(super) records: Records,
    /// What steps of open incidents have handed over.
    pub(super) handed: Vec<Handed>,
    /// The timer after which the outbox is worked off again.
    pub(super) waits_for_outbox: Option<AbortHandle>,
    pub(super) wake: UnboundedSender<Wake>,
    pub(super) service: Option<Service>,
    pub(super) tasks: BTreeMap<Task, Running>,
    /// Profiles under way for the series, and how many of it are kept.
    pub(super) series: BTreeMap<Task, usize>,
}

impl Hands {
    /// Carries out a command. What is known at once comes back as an input; the last command ends the loop.
    pub fn carry_out(&mut self, core: &Supervisor, command: Command) -> Result<Option<Input>, Ending> {
        self.around.limits = super::limits_of(core.policy());
        self.listen(core.policy());
        self.journal.limit(core.policy().journal.max_bytes);
        match command {
            Command::Record(record) => self.record(&record),
            Command::Spawn { generation } if self.is_attached() => self.follow(generation),
            Command::Spawn { generation } => return Ok(Some(self.spawn(core.policy(), generation))),
            Command::Probe(probe) => return Ok(self.probe(core.policy(), probe)),
            Command::Raise(limit) => self.raise(limit),
            Command::Lower(bytes) => return Ok(self.lower(bytes)),
            Command::Lend(bytes) => self.lend(bytes),
            Command::Watch(on) => self.with_service(|service| service.watch(on)),
            Command::Signal(signal) => self.with_service(|service| service.signal(signal)),
            Command::Stop(signal) => self.stop_service(signal),
            Command::Kill => self.kill(),
            Command::Adopt => return Ok(self.adopt()),
            Command::Rearm => self.with_service(|service| service.arm_stalls(core.policy())),
            Command::Freeze(frozen) => self.freeze(frozen),
            Command::Look(moment) => self.look(core.policy(), moment),
            Command::Deliver { incident, step, delivery, patience } => self.deliver(incident, step, delivery, patience),
            Command::Begin { task, work } => self.begin(task, work),
            Command::Cancel(task) => self.cancel(task),
            Command::End(ending) => return Err(ending),
        }
        Ok(None)
    }

    /// Writes a record to the journal, then to the log.
    pub fn record(&mut self, record: &Record) {
        let line = self.journal.append(record);
        self.termination.see(record);
        self.has_news = true;
        if let (Event::TriggerFired { .. }, Some(pressure)) = (&record.event, &mut self.pressure) {
            pressure.fired();
        }
        self.tally.see(record);
        let text = sentence(record);
        if is_warning(&record.event) {
            tracing::warn!(json = line.as_str(), "{text}");
        } else {
            tracing::info!(json = line.as_str(), "{text}");
        }
        if let Some(written) = self.bundle.see(record) {
            self.records.add(written);
        }
    }

    /// The running generation, if it is that one.
    pub fn service_mut(&mut self, generation: u32) -> Option<&mut Service> {
        self.service.as_mut().filter(|service| service.generation == generation)
    }

    /// Removes what is left of a generation that is over.
    pub fn bury(&mut self, generation: u32) {
        let Some(service) = self.service.take_if(|service| service.generation == generation) else { return };
        self.around.known.borrow_mut().remove(&service.main.pid());
        if let (Some(delegation), Some(group)) = (self.host.delegation(), &service.group)
            && let Err(error) = group.remove().and_then(|()| delegation.base.remove_child(group.name()))
            && !crate::host::is_gone(&error)
        {
            tracing::warn!("{error}");
        }
        // A unit, and what was asked of systemd about it, outlives the processes.
        if let Some(guard) = self.guard.as_ref().filter(|_| !matches!(service.owner, Owner::Systemd(_))) {
            let _ = guard.rest();
        }
    }

    /// Children that are waited for one by one.
    pub fn known(&self) -> Vec<Pid> {
        let main = self.service.as_ref().map(|service| service.main.pid());
        self.around.known.borrow().iter().copied().chain(main).collect()
    }

    /// Reads the policy again.
    pub fn reload(&self) -> Input {
        let Some(file) = &self.policy_file else {
            return Input::Note(Event::Notice { reason: "there is no policy file to reload".into() });
        };
        let name = file.display().to_string();
        match highwater_policy::load(file) {
            Ok(checked) => {
                self.doubt_sockets(&checked.policy);
                Input::Reload { policy: Box::new(checked.policy), file: name }
            }
            Err(report) => Input::Note(Event::PolicyRejected { policy: name, reason: report.to_string() }),
        }
    }

    /// A reload leaves the sockets as they are: the service that runs could not be given others.
    fn doubt_sockets(&self, policy: &Policy) {
        if self.following.is_none() && self.sockets.differ_from(&policy.sockets) {
            let reason = "the sockets stay as they are until highwater is restarted".to_owned();
            let _ = self.wake.send(Wake::Note(reason));
        }
    }

    /// Whether a signal to us is passed on: one that the service does not handle could end it.
    pub fn may_forward(&mut self, signal: Signal) -> bool {
        let Some(service) = self.service.as_mut() else { return false };
        let may = signal == Signal::CONT || signal == Signal::WINCH || service.inspect(&[signal]).handles(signal);
        if !may {
            tracing::warn!("{signal} is not passed on: the service does not handle it, which would end it");
        }
        may
    }

    /// Keeps what the next supervisor should know.
    pub fn keep_state(&mut self, core: &Supervisor) {
        if let Err(error) = self.state.keep(core.learnt(), core.incident(), core.blamed()) {
            tracing::warn!("the state cannot be kept: {error}");
        }
    }

    fn spawn(&mut self, policy: &Policy, generation: u32) -> Input {
        let report = Report { wake: self.wake.clone(), generation };
        let mut command = self.relay.equip(birth::command(&self.argv, policy, &self.sockets));
        if let Some(pressure) = &self.pressure {
            command = pressure.equip(command, policy);
        }
        let helpers = Rc::clone(&self.around.known);
        match Service::start(&self.host, policy, command, helpers, report) {
            Ok(service) => {
                let pid = service.main.pid();
                let cgroup = service.cgroup();
                self.tell_guard(&service);
                self.doubt(&service);
                self.service = Some(service);
                memory_lock::reserve_heap(RESERVE);
                Input::Spawned { pid: pid.cast_unsigned(), cgroup: cgroup.map(|path| path.display().to_string()) }
            }
            Err(error) => Input::SpawnFailed { status: error.status, reason: error.reason },
        }
    }

    /// Says what is wrong with the command, as soon as its limit is known.
    fn doubt(&self, service: &Service) {
        let argv: Vec<String> = self.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let limit = service.meter.usage().ok().filter(|_| service.generation == 1).map(|usage| usage.max);
        if let Some(doubt) = limit.and_then(|limit| jvm::doubt_about_command(&argv, limit)) {
            let _ = self.wake.send(Wake::Note(doubt));
        }
    }

    /// A full reading of the service that runs.
    pub fn read_usage(&mut self) -> Option<Input> {
        let service = self.service.as_ref()?;
        let usage = service.meter.usage().ok()?;
        self.bundle.read(now(), usage.current, Some(&usage), || service.stalled_us());
        Some(Input::Usage(usage))
    }

    fn probe(&mut self, policy: &Policy, probe: Probe) -> Option<Input> {
        let dumped = self.around.dumped();
        let service = self.service.as_mut()?;
        match probe {
            Probe::Sample => {
                let current = service.meter.current().ok()?;
                self.bundle.read(now(), current, None, || None);
                Some(Input::Sample { current, dumped })
            }
            Probe::Usage => self.read_usage(),
            Probe::Process => Some(Input::Inspected(service.inspect(&signals_of(policy)))),
        }
    }

    fn kill(&mut self) {
        if self.service.is_some() {
            self.termination.see_kill();
        }
        self.with_service(|service| service.kill());
    }

    pub(super) fn raise(&mut self, limit: highwater_core::amount::Limit) {
        self.with_service(|service| {
            let limit = within(raw(limit), service.restore);
            if let Owner::Systemd(unit) = &service.owner {
                return unit.raise(limit);
            }
            let Some((_, raising)) = &service.high else { return };
            if let Err(error) = raising.set(limit)
                && !crate::host::is_gone(&error)
            {
                tracing::error!("{error}");
            }
        });
    }

    fn lower(&mut self, bytes: u64) -> Option<Input> {
        let unwritable = || Some(Input::Lowered { error: Some("memory.high cannot be written".into()) });
        let Some(service) = &self.service else { return unwritable() };
        let bytes = service.restore.bytes().map_or(bytes, |most| bytes.min(most));
        match (&service.owner, &service.high) {
            (Owner::Systemd(unit), _) => unit.lower(bytes, service.generation),
            (_, Some((writer, _))) => self.lowering.lower(writer, bytes, service.generation),
            (_, None) => return unwritable(),
        }
        None
    }

    fn lend(&mut self, bytes: u64) {
        self.with_service(|service| {
            let (Some(raising), Some(max)) = (&service.max, service.meter.own_max()) else { return };
            if let Err(error) = raising.set(highwater_kernel::cgroup::Limit::Bytes(max.saturating_add(bytes))) {
                tracing::error!("{error}");
            }
        });
    }

    fn adopt(&mut self) -> Option<Input> {
        let service = self.service.as_mut()?;
        let former = service.main.pid();
        let pid = service.adopt();
        self.around.known.borrow_mut().remove(&former);
        if pid.is_none() {
            let _ = self.wake.send(Wake::Empty(service.generation));
        }
        Some(Input::Adopted { pid: pid?.cast_unsigned() })
    }

    fn freeze(&mut self, frozen: bool) {
        self.with_service(|service| {
            if let Some(Err(error)) = service.group.as_ref().map(|group| group.freeze(frozen))
                && !crate::host::is_gone(&error)
            {
                tracing::error!("{error}");
            }
        });
    }

    pub(super) fn with_service(&mut self, act: impl FnOnce(&mut Service)) {
        if let Some(service) = self.service.as_mut() {
            act(service);
        }
    }
}

/// Every signal a policy may send.
fn signals_of(policy: &Policy) -> Vec<Signal> {
    let of_source = |source: &DumpSource| match source {
        DumpSource::Signal { signal, .. } => Some(*signal),
        _ => None,
    };
    let of_step = |step: &highwater_core::policy::Step| match &step.action {
        Action::Dump(dump) => dump.recipes.iter().filter_map(|recipe| of_source(&recipe.source)).collect(),
        Action::Signal { send } => vec![*send],
        _ => Vec::new(),
    };
    policy.steps.iter().flat_map(of_step).chain([policy.service.stop_signal]).collect()
}

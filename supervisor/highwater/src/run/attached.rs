//! `highwater attach`: a service that others run is found, looked after, and left as it was found.

mod following;
mod giving_back;
mod meeting;
mod place;
mod said;
pub(crate) mod target;
mod unit;

use highwater_core::command::Input;
use highwater_core::policy::Policy;
use highwater_core::record::Event;
use highwater_core::signal::Signal;
use highwater_kernel::cgroup::Limit;
use highwater_kernel::memory_lock;
use tokio::task::spawn_local;

use super::Wake;
use super::hands::{Hands, RESERVE};
use super::service::Service;
use super::watch::Report;
use crate::host::Host;
pub use following::Following;
use following::next;
pub use giving_back::give_back;
use target::Found;
pub(crate) use unit::Unit;

/// Whose the service is, and so who changes anything about it.
#[derive(Debug)]
pub enum Owner {
    /// Ours: highwater made its cgroup, and removes it.
    Ours,
    /// systemd's, which is asked to.
    Systemd(Unit),
    /// Somebody else's; what may be written is written, and put back.
    Others,
}

impl Hands {
    /// Whether the service is not ours.
    pub(super) fn is_attached(&self) -> bool {
        self.following.is_some()
    }

    /// Looks for the next generation, for as long as it takes.
    pub(super) fn follow(&mut self, generation: u32) {
        let Some(following) = self.following.as_mut() else { return };
        let (first, last, target) = (following.first.take(), following.last, following.target.clone());
        let (around, wake) = (self.around.clone(), self.wake.clone());
        let waits = first.is_none();
        if waits {
            tracing::info!("waiting for {}", target.text());
        }
        spawn_local(async move {
            let found = match first {
                Some(found) => found,
                None => next(&target, last, around).await,
            };
            let _ = wake.send(Wake::Found(generation, Box::new(found)));
        });
    }

    /// The next generation was found: looks after it.
    pub(super) fn found(&mut self, policy: &Policy, generation: u32, found: &Found) -> Vec<Input> {
        let report = Report { wake: self.wake.clone(), generation };
        let host = self.host_of(policy, found);
        if let Err(reason) = self.judge(&host) {
            return vec![Input::SpawnFailed { status: 125, reason }];
        }
        let owner = self.owner(found);
        let key = key(found, &owner);
        let restore = self.state.borrowed(&key);
        match Service::attach(found, owner, restore, policy, (self.around.known.clone(), report)) {
            Ok(service) => {
                if let Err(error) = self.state.borrow(key, service.restore) {
                    tracing::warn!("the state cannot be kept: {error}");
                }
                let inputs = self.met(&host, &service, found);
                let unit = if let Owner::Systemd(unit) = &service.owner { Some(unit.clone()) } else { None };
                self.host = host;
                self.tell_guard(&service);
                self.service = Some(service);
                memory_lock::reserve_heap(RESERVE);
                if restore.is_some() {
                    // A predecessor that died may have left its throttle.
                    self.raise(highwater_core::amount::Limit::Max);
                }
                if let Some(following) = &mut self.following {
                    following.last = Some((found.main, found.started));
                    following.unit = unit;
                }
                inputs
            }
            Err(error) => {
                // It was gone again at once.
                tracing::info!("{error}");
                if let Some(following) = &mut self.following {
                    following.last = Some((found.main, found.started));
                }
                self.follow(generation);
                Vec::new()
            }
        }
    }

    fn host_of(&self, policy: &Policy, found: &Found) -> Host {
        let requires_stalls = self.following.as_ref().is_some_and(Following::requires_stalls);
        place::host(found, requires_stalls || super::watches_stalls(policy))
    }

    /// Whether the service that was met allows what highwater was told to require. Later generations are looked after
    /// as they are.
    fn judge(&mut self, host: &Host) -> Result<(), String> {
        let required = self.following.as_mut().map(|following| std::mem::take(&mut following.required));
        super::require(host, &required.unwrap_or_default()).map_err(|failed| failed.reason)
    }

    /// The main process of an attached service has ended. Nobody but its parent is told how, so that is asked if it is
    /// systemd.
    pub(super) fn lost(&mut self, generation: u32) -> Option<Input> {
        let service = self.service_mut(generation)?;
        let (counters, peak) = (service.counters(), service.peak());
        let Owner::Systemd(unit) = &service.owner else {
            return self.forget(generation, Input::Lost { counters, peak, told: None });
        };
        let (unit, main) = (unit.clone(), service.main.pid());
        let (around, wake) = (self.around.clone(), self.wake.clone());
        spawn_local(async move {
            let told = unit.how_it_ended(main, around).await;
            let _ = wake.send(Wake::Lost(generation, Input::Lost { counters, peak, told }));
        });
        // The next life may begin before systemd answers.
        self.raise(highwater_core::amount::Limit::Max);
        None
    }

    /// How that generation ended is known as far as it can be known: passed on if it was looked after until now.
    pub(super) fn forget(&mut self, generation: u32, end: Input) -> Option<Input> {
        self.service_mut(generation)?;
        // Its cgroup, or its unit, is there for the next one too.
        self.raise(highwater_core::amount::Limit::Max);
        self.bury(generation);
        Some(end)
    }

    /// Asks the service to end: by a signal, or, where systemd runs it, by a restart.
    pub(super) fn stop_service(&mut self, signal: Signal) {
        self.with_service(|service| match &service.owner {
            Owner::Systemd(unit) => unit.restart(),
            Owner::Ours | Owner::Others => service.signal(signal),
        });
    }

    /// Waits until nothing that was asked of systemd is under way, and forgets what was borrowed.
    pub async fn let_go(&mut self) {
        if !self.is_attached() {
            return;
        }
        if let Some(unit) = self.following.as_ref().and_then(|following| following.unit.as_ref()) {
            unit.flush().await;
            unit.forget();
        }
        if let Err(error) = self.state.give_back() {
            tracing::warn!("the state cannot be kept: {error}");
        }
    }

    fn owner(&self, found: &Found) -> Owner {
        match place::unit_of(found) {
            Some(properties) => Owner::Systemd(self.unit(properties)),
            None => Owner::Others,
        }
    }

    /// The way to a unit: the one that is there, so that orders of two generations stay in order.
    fn unit(&self, properties: said::Properties) -> Unit {
        let known = self.following.as_ref().and_then(|following| following.unit.as_ref());
        match known.filter(|unit| unit.name() == properties.name) {
            Some(unit) => unit.in_life(properties),
            None => Unit::start(properties, self.around.clone(), self.wake.clone()),
        }
    }

    /// What the core is told of a generation that was met, and the journal of what cannot be done to it.
    fn met(&self, host: &Host, service: &Service, found: &Found) -> Vec<Input> {
        let note = |reason: String| Input::Note(Event::Notice { reason });
        let mut inputs = vec![Input::Abilities(host.abilities)];
        if host.abilities != self.host.abilities {
            let lacks = host.missing.iter().map(|lack| note(format!("without {}: {}", lack.ability, lack.reason)));
            inputs.extend(lacks);
        }
        let strangers = found.strangers();
        if !strangers.is_empty() {
            let reason = format!("processes {strangers:?} are in its cgroup too: what is read there is theirs as well");
            inputs.push(note(reason));
        }
        let cgroup = service.cgroup().map(|path| path.display().to_string());
        inputs.push(Input::Spawned { pid: found.main.cast_unsigned(), cgroup });
        inputs
    }
}

/// By which it is known what was borrowed of whom.
fn key(found: &Found, owner: &Owner) -> String {
    let cgroup = || found.cgroup.as_ref().map(|path| path.display().to_string());
    match owner {
        Owner::Systemd(unit) => unit.name().to_owned(),
        Owner::Ours | Owner::Others => cgroup().unwrap_or_else(|| found.main.to_string()),
    }
}

/// `memory.high` as it was found, which is never exceeded and is put back.
pub(super) fn within(wanted: Limit, restore: Limit) -> Limit {
    match (wanted, restore) {
        (Limit::Bytes(wanted), Limit::Bytes(most)) => Limit::Bytes(wanted.min(most)),
        (Limit::Bytes(wanted), Limit::Max) => Limit::Bytes(wanted),
        (Limit::Max, restore) => restore,
    }
}

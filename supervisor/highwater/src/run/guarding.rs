//! The guard of the service: told about each generation, replaced when it dies, sent away in the end.

use std::io;

use highwater_core::ability::Ability;
use highwater_kernel::Result;
use highwater_kernel::guard::{Errand, Guard, Watch};

use super::attached::Owner;
use super::event_loop::note;
use super::hands::Hands;
use super::service::Service;

/// A guard that keeps dying dies of something a further one would not survive either.
const MOST_REPLACEMENTS: u32 = 3;

impl Hands {
    /// Notices that the guard has died, and starts another: without one, a kill of highwater could leave the service
    /// throttled.
    pub fn mind_guard(&mut self) {
        let Some(dead) = self.guard.take_if(|guard| guard.has_ended()) else { return };
        self.around.known.borrow_mut().remove(&dead.pid());
        self.guards_lost += 1;
        let outcome = if self.guards_lost > MOST_REPLACEMENTS {
            "has no successor: they keep dying".into()
        } else {
            match self.replace_guard() {
                Ok(()) => "was replaced".into(),
                Err(error) => format!("has no successor: {error}"),
            }
        };
        note(self, format!("the guard, process {}, has died and {outcome}", dead.pid()));
    }

    /// Ends the guard: nothing is left for it to look after.
    pub fn farewell(&mut self) {
        if let Some(Err(error)) = self.guard.take().map(Guard::release) {
            tracing::warn!("{error}");
        }
    }

    /// Tells the guard which generation to look after.
    pub(super) fn tell_guard(&self, service: &Service) {
        let Some(guard) = &self.guard else { return };
        let errand = match self.errand(service) {
            Ok(errand) => errand,
            Err(error) => return tracing::warn!("the guard cannot give back what systemd sets: {error}"),
        };
        let is_untouched = errand.is_none() && matches!(service.owner, Owner::Systemd(_));
        let cgroup = service.cgroup().filter(|_| !is_untouched);
        let watch = Watch {
            generation: u64::from(service.generation),
            cgroup: cgroup.as_deref(),
            pid: Some(service.main.pid()),
            high: service.restore,
            errand: errand.as_ref(),
        };
        if let Err(error) = guard.watch(&watch) {
            tracing::warn!("{error}");
        }
    }

    /// What systemd is asked for only systemd gives back. What it may not be asked for needs no giving back.
    fn errand(&self, service: &Service) -> io::Result<Option<Errand>> {
        match &service.owner {
            Owner::Systemd(unit) if self.host.abilities.has(Ability::Throttle) => {
                unit.errand(service.restore).map(Some)
            }
            Owner::Systemd(_) | Owner::Ours | Owner::Others => Ok(None),
        }
    }

    fn replace_guard(&mut self) -> Result<()> {
        let guard = Guard::start(&self.around.name, self.journal.path())?;
        self.around.known.borrow_mut().insert(guard.pid());
        self.guard = Some(guard);
        if let Some(service) = &self.service {
            self.tell_guard(service);
        }
        Ok(())
    }
}

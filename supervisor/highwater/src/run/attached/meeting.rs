//! A generation that others have started: everything opened that is needed later.

use highwater_core::policy::Policy;
use highwater_kernel::Result;
use highwater_kernel::cgroup::{Counters, Group, Limit};
use highwater_kernel::pidfd::Pidfd;

use super::Owner;
use super::target::Found;
use crate::run::birth::Placed;
use crate::run::meter::Meter;
use crate::run::service::{Helpers, Service};
use crate::run::watch::{self, Report};

impl Service {
    /// Looks after a generation that runs. `restore` is what a predecessor found in `memory.high`, if one did.
    pub fn attach(
        found: &Found,
        owner: Owner,
        restore: Option<Limit>,
        policy: &Policy,
        (helpers, report): (Helpers, Report),
    ) -> Result<Self> {
        let main = Pidfd::open_started(found.main, found.started)?;
        let group = found.cgroup.as_ref().and_then(|path| Group::open(path).ok());
        let meter = match &group {
            Some(group) => Meter::of_cgroup(group, &found.mount_point, 0),
            None => Ok(Meter::of_tree(found.main, policy.memory.max)),
        };
        let high = group.as_ref().and_then(|group| group.high().ok()).unwrap_or(Limit::Max);
        let counters = group.as_ref().and_then(|group| Counters::open(group).ok());
        let base = counters.and_then(|counters| counters.read().ok()).map(|events| watch::counted(&events));
        let placed = Placed {
            watched: group.as_ref().map(Group::try_clone).transpose()?,
            meter: meter.unwrap_or_else(|_| Meter::of_tree(found.main, policy.memory.max)),
            mount_point: group.is_some().then(|| found.mount_point.clone()),
            base: base.unwrap_or_default(),
            restore: restore.unwrap_or(high),
            owner,
            group,
        };
        Ok(Self::open(placed, policy, main, helpers, report))
    }
}

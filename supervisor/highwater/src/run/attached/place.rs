//! What can be done to a service that others run, and by which way.

use highwater_core::ability::Ability;
use highwater_kernel::cgroup::{Counters, Group};
use highwater_kernel::probe;

use super::said::{self, Properties};
use super::target::Found;
use crate::host::{Host, Lack, Place, lack, lacking};

/// What can be done to a service that was found.
pub fn host(found: &Found, watch_stalls: bool) -> Host {
    let group = found.cgroup.as_ref().and_then(|path| Group::open(path).ok());
    let Some(group) = group.filter(|group| group.current().is_ok()) else {
        let reason = "the cgroup of the service cannot be read";
        let remedy = "share the process namespace, and run as the same user or with SYS_PTRACE";
        return Host::of(Place::Tree, Ability::ALL.map(|ability| lack(ability, reason, remedy)).into());
    };
    let mut missing = lacking(&group, true, watch_stalls);
    refuse(&mut missing, &[Ability::MemoryMax], "the limit is set by whoever runs the service", "raise it there");
    missing.retain(|lack| lack.ability != Ability::SpawnIntoCgroup.name());
    if let Some(unit) = unit_of(found) {
        by_systemd(&mut missing, &unit, &group);
    } else if found.includes_us() {
        let shared = [Ability::Throttle, Ability::CgroupKill, Ability::Freeze, Ability::Reclaim];
        refuse(&mut missing, &shared, "highwater is in the same cgroup", "run it in one of its own");
    }
    Host::of(Place::Tree, missing)
}

/// What is certain while the service has not been found.
pub fn not_found(what: &str) -> Host {
    let reason = format!("{what} has not been found yet");
    Host::of(Place::Tree, Ability::ALL.map(|ability| lack(ability, &reason, "it is looked for")).into())
}

/// The unit that is to be asked for a change: the one that was named, or the one whose cgroup the service is in.
pub fn unit_of(found: &Found) -> Option<Properties> {
    let named = found.unit.clone();
    named.or_else(|| said::look(&found.owning_unit()?).ok().flatten())
}

/// systemd is asked to throttle and to kill; for the rest there is no way that it knows of.
fn by_systemd(missing: &mut Vec<Lack>, unit: &Properties, group: &Group) {
    missing.retain(|lack| ![Ability::Throttle.name(), Ability::CgroupKill.name()].contains(&lack.ability));
    if Counters::open(group).is_err() || probe::writable(group, "memory.high").is_err() {
        let reason = "only root may change a unit's properties";
        refuse(missing, &[Ability::Throttle, Ability::CgroupKill], reason, "run highwater attach as root");
    }
    let reason = format!("the cgroup of {} is systemd's", unit.name);
    refuse(missing, &[Ability::Freeze, Ability::Reclaim], &reason, "put highwater in front of the service: run");
}

fn refuse(missing: &mut Vec<Lack>, abilities: &[Ability], reason: &str, remedy: &str) {
    missing.retain(|lack| !abilities.iter().any(|ability| ability.name() == lack.ability));
    missing.extend(abilities.iter().map(|ability| lack(*ability, reason, remedy)));
}

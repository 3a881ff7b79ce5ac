//! What this host gives: a place for service cgroups, and which abilities come with it.

use std::time::Duration;

use highwater_core::ability::{Abilities, Ability};
use highwater_kernel::cgroup::{Counters, Group};
use highwater_kernel::delegate::{DelegateError, Delegation, delegate};
use highwater_kernel::mount::{Membership, Mount};
use highwater_kernel::{Kind, probe};
use serde::Serialize;

/// How service cgroups begin; the number of the generation follows.
pub const PREFIX: &str = "service.";
/// The pressure of the whole machine: what is left where that of a cgroup cannot be watched.
pub const MACHINE_PRESSURE: &str = "/proc/pressure/memory";
/// The trigger every process may arm.
const MODEST: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// A host, looked at once.
#[derive(Debug)]
pub struct Host {
    /// Where the service lives.
    pub place: Place,
    /// What is there.
    pub abilities: Abilities,
    /// What is not, and why.
    pub missing: Vec<Lack>,
}

/// Where the service lives.
#[derive(Debug)]
pub enum Place {
    /// In cgroups of its own below this one.
    Own(Delegation),
    /// In the cgroup highwater is in itself, which can only be read.
    Shared(Group, Mount),
    /// In nothing that says anything about it: it is a process tree.
    Tree,
}

/// An ability that is missing.
#[derive(Clone, Debug, Serialize)]
pub struct Lack {
    /// Its name.
    pub ability: &'static str,
    /// The one cause.
    pub reason: String,
    /// The way out.
    pub remedy: String,
}

impl Host {
    /// Takes over the cgroup this process is in, as far as that is possible, and looks at what it gives. Stalls are
    /// only tried where they are to be watched: the kernel starts a thread for the first trigger of a cgroup.
    pub fn take(name: &str, watch_stalls: bool) -> Self {
        match delegate(name, PREFIX) {
            Ok(delegation) => Self::with_cgroups(delegation, watch_stalls),
            Err(error) => Self::without_cgroups(&error),
        }
    }

    /// Looks without changing anything that lasts.
    pub fn look() -> Self {
        let (Ok(Some(mount)), Ok(own)) = (Mount::find(), Membership::own()) else {
            return Self::without_cgroups(&DelegateError::NotV2);
        };
        if own.memory_in_v1 {
            return Self::without_cgroups(&DelegateError::Hybrid);
        }
        if mount.read_only {
            return Self::without_cgroups(&DelegateError::ReadOnly { path: mount.point });
        }
        let Some(directory) = own.unified.as_ref().and_then(|own| mount.directory(own)) else {
            return Self::without_cgroups(&DelegateError::Hidden { cgroup: own.unified.unwrap_or_default() });
        };
        match look_at(&directory) {
            Ok(missing) => Self::of(Place::Tree, missing),
            Err(error) => Self::without_cgroups(&error),
        }
    }

    /// The base of the service cgroups, where there is one.
    pub fn delegation(&self) -> Option<&Delegation> {
        match &self.place {
            Place::Own(delegation) => Some(delegation),
            Place::Shared(..) | Place::Tree => None,
        }
    }

    fn with_cgroups(delegation: Delegation, watch_stalls: bool) -> Self {
        let missing = match delegation.base.create_child("probe") {
            Ok(child) => {
                let missing = lacking(&child, true, watch_stalls);
                let _ = delegation.base.remove_child("probe");
                missing
            }
            Err(error) => by_cgroup(&error.to_string(), "highwater must be able to make cgroups below its own"),
        };
        Self::of(Place::Own(delegation), missing)
    }

    fn without_cgroups(error: &DelegateError) -> Self {
        let text = error.to_string();
        let (reason, remedy) = text.split_once(": ").unwrap_or((&text, "see the kernel's answer"));
        let mut missing = by_cgroup(reason, remedy);
        let place = shared_place();
        if let Place::Shared(group, _) = &place
            && Counters::open(group).and_then(|counters| counters.read()).is_ok()
        {
            missing.retain(|lack| lack.ability != Ability::MemoryEvents.name());
        }
        if probe::psi_trigger(MACHINE_PRESSURE.as_ref(), MODEST.0, MODEST.1).is_ok() {
            missing.retain(|lack| lack.ability != Ability::PsiTrigger.name());
        }
        Self::of(place, missing)
    }

    /// A host with that place, which lacks that.
    pub fn of(place: Place, mut missing: Vec<Lack>) -> Self {
        if let Err(error) = inotify::Inotify::init() {
            let remedy = "raise fs.inotify.max_user_instances";
            missing.push(lack(Ability::Inotify, &error.to_string(), remedy));
        }
        let mut abilities = Abilities::all();
        missing.iter().filter_map(|lack| Ability::named(lack.ability)).for_each(|ability| abilities.remove(ability));
        Self { place, abilities, missing }
    }
}

/// The own cgroup, if its memory can be read at least.
fn shared_place() -> Place {
    let (Ok(Some(mount)), Ok(own)) = (Mount::find(), Membership::own()) else { return Place::Tree };
    let group = own.unified.and_then(|own| mount.directory(&own)).and_then(|directory| Group::open(directory).ok());
    match group {
        Some(group) if group.current().is_ok() => Place::Shared(group, mount),
        _ => Place::Tree,
    }
}

/// What a child of this cgroup could not do; asks by making one.
fn look_at(directory: &std::path::Path) -> Result<Vec<Lack>, DelegateError> {
    let base = Group::open(directory).map_err(DelegateError::Other)?;
    if !base.controllers().map_err(DelegateError::Other)?.iter().any(|name| name == "memory") {
        return Err(DelegateError::NotDelegated { path: directory.into() });
    }
    let child = base.create_child("highwater-doctor").map_err(|error| DelegateError::of(&base, error))?;
    let is_enabled = base.subtree_control().is_ok_and(|names| names.iter().any(|name| name == "memory"));
    let missing = lacking(&child, is_enabled, true);
    let _ = base.remove_child("highwater-doctor");
    match probe::writable(&base, "cgroup.subtree_control") {
        Err(error) if !is_enabled => Err(DelegateError::of(&base, error)),
        _ => Ok(missing),
    }
}

/// Asks a cgroup for everything a service cgroup should have. Without the controller its files are not there yet.
pub fn lacking(child: &Group, has_controller: bool, watch_stalls: bool) -> Vec<Lack> {
    let kernel = |version: &str| format!("needs Linux {version} or newer");
    let mut missing = Vec::new();
    let mut ask = |ability: Ability, answer: highwater_kernel::Result<()>, remedy: String| {
        if let Err(error) = answer {
            missing.push(lack(ability, &error.to_string(), &remedy));
        }
    };
    if has_controller {
        ask(Ability::MemoryEvents, Counters::open(child).map(drop), kernel("4.5"));
        ask(Ability::Throttle, probe::throttle(child), kernel("4.5"));
        ask(Ability::MemoryMax, probe::writable(child, "memory.max"), kernel("4.5"));
        ask(Ability::Reclaim, probe::reclaim(child), kernel("5.19"));
    }
    ask(Ability::CgroupKill, probe::cgroup_kill(child), kernel("5.14"));
    ask(Ability::Freeze, probe::writable(child, "cgroup.freeze"), kernel("5.2"));
    ask(
        Ability::SpawnIntoCgroup,
        probe::clone3(),
        "allow clone3 in the seccomp filter; until then fork is used".into(),
    );
    let pressure = child.path().join("memory.pressure");
    let stalls = if watch_stalls {
        probe::psi_trigger(&pressure, MODEST.0, MODEST.1).map(drop).map_err(|error| error.to_string())
    } else {
        probe::writable(child, "memory.pressure").map_err(|error| error.to_string())
    };
    if let Err(error) = stalls {
        missing.push(lack(Ability::PsiTrigger, &error, "boot with psi=1, on Linux 5.2 or newer"));
    }
    missing
}

/// Everything that comes with a cgroup of the service's own.
fn by_cgroup(reason: &str, remedy: &str) -> Vec<Lack> {
    let by_cgroup = |ability: &Ability| *ability != Ability::Inotify;
    Ability::ALL.into_iter().filter(by_cgroup).map(|ability| lack(ability, reason, remedy)).collect()
}

/// That ability is missing, for that reason.
pub fn lack(ability: Ability, reason: &str, remedy: &str) -> Lack {
    Lack { ability: ability.name(), reason: reason.into(), remedy: remedy.into() }
}

/// Whether an error only says that something is not there any more.
pub fn is_gone(error: &highwater_kernel::Error) -> bool {
    matches!(error.kind(), Kind::Gone | Kind::NotFound | Kind::NoProcess)
}

//! The birth of a generation: a fresh cgroup, the process in it, and everything opened that is needed later.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_core::policy::Policy;
use highwater_core::reading::Counters as Counted;
use highwater_kernel::cgroup::{Counters, Group, HighWriter, Limit, MaxWriter, Populated, effective_max};
use highwater_kernel::pidfd::Pidfd;
use highwater_kernel::process::StatusReader;
use highwater_kernel::psi::PressureReader;
use highwater_kernel::spawn::Spawn;
use highwater_kernel::{Pid, Result};

use super::attached::Owner;
use super::limits;
use super::meter::Meter;
use super::service::{Helpers, Service};
use super::watch::{self, Report};
use crate::host::{Host, PREFIX, Place};
use crate::sockets::Sockets;

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
        command: Spawn<'_>,
        helpers: Helpers,
        report: Report,
    ) -> std::result::Result<Self, NotStarted> {
        let group = match host.delegation() {
            Some(delegation) => Some(prepare(&delegation.base, &delegation.mount.point, policy, report.generation)?),
            None => None,
        };
        let child = within(command, group.as_ref()).start().map_err(|error| {
            if let (Some(delegation), Some(group)) = (host.delegation(), &group) {
                let _ = delegation.base.remove_child(group.name());
            }
            NotStarted { status: error.exit_code(), reason: error.to_string() }
        })?;
        let born = group.as_ref().and_then(|group| group.try_clone().ok());
        let placed = Placed::of(host, policy, group, child.pidfd.pid());
        placed.map(|placed| Self::open(placed, policy, child.pidfd, helpers, report)).map_err(|error| {
            // Nobody would look after it.
            let _ = born.map(|group| group.kill());
            NotStarted { status: 125, reason: error.to_string() }
        })
    }

    /// Opens what is needed later of a process that runs at its place.
    pub fn open(placed: Placed, policy: &Policy, main: Pidfd, helpers: Helpers, report: Report) -> Self {
        let Placed { group, watched, mount_point, meter, base, owner, restore } = placed;
        let failed = |error: std::io::Error| {
            tracing::error!("a descriptor cannot be watched: {error}");
        };
        let count = || watched.as_ref().and_then(|group| Counters::open(group).ok());
        let (counters, counted) = (count(), count());
        let pressure = group.as_ref().map(|group| group.path().join("memory.pressure"));
        let pressure = pressure.and_then(|path| PressureReader::open(&path).ok());
        let writes = group.as_ref().filter(|_| !matches!(owner, Owner::Systemd(_)));
        let high = writes.and_then(|group| both(HighWriter::open(group), HighWriter::open(group)));
        let max = writes.and_then(|group| MaxWriter::open(group).ok());
        let populated = group.as_ref().and_then(|group| Populated::open(group).ok());
        let populated =
            populated.and_then(|populated| watch::populated(populated, report.clone()).map_err(failed).ok());
        let exited = watch::main_process(&main, report.clone()).map_err(failed).ok();
        let limited = watched.as_ref().zip(mount_point);
        let limits =
            limited.and_then(|(group, mount)| limits::limits(group, &mount, report.clone()).map_err(failed).ok());
        let mut service = Self {
            generation: report.generation,
            meter,
            group,
            high,
            max,
            owner,
            restore,
            status: StatusReader::open(main.pid()).ok(),
            exit: None,
            runtime: None,
            base,
            counters,
            counted,
            pressure,
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
        service
    }
}

/// Where a process lives, and whose that is.
#[derive(Debug)]
pub struct Placed {
    /// Its cgroup, if it has one of its own.
    pub group: Option<Group>,
    /// The cgroup whose `memory.events` tell about it.
    pub watched: Option<Group>,
    /// Where the cgroups above that end.
    pub mount_point: Option<PathBuf>,
    /// What reads its usage.
    pub meter: Meter,
    /// Where the counters stood before it.
    pub base: Counted,
    /// Who changes anything about it.
    pub owner: Owner,
    /// What `memory.high` is put back to.
    pub restore: Limit,
}

impl Placed {
    /// A generation of ours.
    fn of(host: &Host, policy: &Policy, group: Option<Group>, pid: Pid) -> Result<Self> {
        let watched = match &host.place {
            Place::Shared(shared, _) => Some(shared.try_clone()?),
            Place::Own(_) | Place::Tree => group.as_ref().map(Group::try_clone).transpose()?,
        };
        let shared = watched.as_ref().filter(|_| group.is_none()).and_then(|group| Counters::open(group).ok());
        let base = shared.and_then(|counters| counters.read().ok()).map(|events| watch::counted(&events));
        Ok(Self {
            meter: meter(host, group.as_ref(), policy, pid)?,
            mount_point: mount_point(host).map(Path::to_path_buf),
            base: base.unwrap_or_default(),
            owner: Owner::Ours,
            restore: Limit::Max,
            group,
            watched,
        })
    }
}

impl From<highwater_kernel::Error> for NotStarted {
    fn from(error: highwater_kernel::Error) -> Self {
        Self { status: 125, reason: error.to_string() }
    }
}

/// The command of the service with everything it is given.
pub fn command<'a>(argv: &[OsString], policy: &Policy, sockets: &'a Sockets) -> Spawn<'a> {
    let mut command = Spawn::new(argv);
    if !sockets.is_empty() {
        command = command.sockets(sockets.for_a_generation());
    }
    for (name, value) in &policy.service.env {
        command = command.env(name, value);
    }
    command
}

/// Makes the cgroup of a generation: one limit if the policy has one, and killed as a whole if it is killed.
fn prepare(base: &Group, mount_point: &Path, policy: &Policy, generation: u32) -> Result<Group> {
    let group = base.create_child(&format!("{PREFIX}{generation}"))?;
    if let Some(max) = limit(&group, mount_point, policy)? {
        group.set_max(Limit::Bytes(max))?;
    }
    if group.has("memory.oom.group") {
        group.set_oom_group(true)?;
    }
    Ok(group)
}

/// What the service's limit is to be: that of the policy, or so much below the one in force that the reserve is left.
fn limit(group: &Group, mount_point: &Path, policy: &Policy) -> Result<Option<u64>> {
    let Some(reserve) = policy.memory.reserve.filter(|_| policy.memory.max.is_none()) else {
        return Ok(policy.memory.max);
    };
    let in_force = effective_max(group, mount_point)?;
    // Half of the limit is the least that counts as a service with a reserve, and not the other way round.
    Ok(in_force.map(|in_force| in_force.bytes.saturating_sub(reserve).max(in_force.bytes / 2)))
}

fn within<'a>(command: Spawn<'a>, group: Option<&'a Group>) -> Spawn<'a> {
    match group {
        Some(group) => command.cgroup(group),
        None => command,
    }
}

fn meter(host: &Host, group: Option<&Group>, policy: &Policy, pid: Pid) -> Result<Meter> {
    match (&host.place, group) {
        (Place::Own(delegation), Some(group)) => {
            let is_own = policy.memory.max.is_some() || policy.memory.reserve.is_some();
            let most = if is_own { policy.memory.reserve.unwrap_or(u64::MAX) } else { 0 };
            Meter::of_cgroup(group, &delegation.mount.point, most)
        }
        (Place::Shared(group, mount), _) => Meter::of_cgroup(group, &mount.point, 0),
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

fn both<T, E>(first: std::result::Result<T, E>, second: std::result::Result<T, E>) -> Option<(Arc<T>, T)> {
    Some((Arc::new(first.ok()?), second.ok()?))
}

//! What is looked for from one generation to the next.

use std::time::Duration;

use highwater_core::ability::Ability;
use highwater_core::supervisor::Attached;
use highwater_kernel::Pid;

use super::target::{Found, Target};
use super::unit::Unit;
use super::{place, said};
use crate::cli;
use crate::host::Host;
use crate::work::{Surroundings, offload_deep};

/// Between two looks for a service that is not there.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Finding needs room for the command lines of others.
const STACK: usize = 256 << 10;

/// A service that is followed from one generation to the next.
#[derive(Debug)]
pub struct Following {
    pub(super) target: Target,
    /// Found before the loop began.
    pub(super) first: Option<Found>,
    /// The generation that was followed last.
    pub(super) last: Option<(Pid, u64)>,
    /// The way to it where it is systemd's, also while it does not run.
    pub(super) unit: Option<Unit>,
    /// Abilities without which not to go on, judged when it is met for the first time.
    pub(super) required: Vec<Ability>,
}

impl Following {
    /// Looks once. What does not exist, and never will, is an error; what does not run yet is waited for.
    pub fn begin(target: Target, required: &[Ability]) -> Result<Self, String> {
        let first = match &target {
            Target::Unit(name) => said::look(name)?.and_then(Found::of_unit),
            Target::Pid(pid) => Some(target.find().ok_or_else(|| format!("there is no process {pid}"))?),
            Target::Cgroup(path) if !path.is_dir() => return Err(format!("there is no cgroup {}", path.display())),
            _ => target.find(),
        };
        Ok(Self { target, first, last: None, unit: None, required: required.to_vec() })
    }

    /// Whether it has been found already.
    pub fn is_found(&self) -> bool {
        self.first.is_some()
    }

    /// Whether to be woken by stalls, whatever the policy says.
    pub(super) fn requires_stalls(&self) -> bool {
        self.required.contains(&Ability::PsiTrigger)
    }

    /// What it is, for people.
    pub fn text(&self) -> String {
        self.target.text()
    }

    /// What can be done to it, as far as it has been found.
    pub fn host(&self, watch_stalls: bool) -> Host {
        match &self.first {
            Some(found) => place::host(found, watch_stalls),
            None => place::not_found(&self.target.text()),
        }
    }

    /// What becomes of highwater when the service has ended.
    pub fn attached(&self, arguments: &cli::Run) -> Attached {
        match (arguments.leave, &self.target) {
            (Some(status), _) => Attached::Leave(status),
            (None, Target::Pid(_)) => Attached::Once,
            (None, _) => Attached::Follow,
        }
    }
}

/// Looks until it is there, and is not the generation that has ended.
pub(super) async fn next(target: &Target, last: Option<(Pid, u64)>, around: Surroundings) -> Found {
    let mut wait = FIRST_WAIT;
    loop {
        let found = match target {
            Target::Unit(name) => said::ask(name, around.clone()).await.ok().flatten().and_then(Found::of_unit),
            other => {
                let other = other.clone();
                offload_deep(STACK, move || other.find()).await.ok().flatten()
            }
        };
        if let Some(found) = found.filter(|found| last != Some((found.main, found.started))) {
            return found;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

//! Steps that a person asks for: begun at once, with everything else that holds for them.

use crate::policy::{Action, Restart, Step};
use crate::record::Event;
use crate::time::Instant;

use super::Supervisor;
use super::step::Phase;

/// Named as the trigger of an incident that a person opened.
const BY_HAND: &str = "request";

/// What a person may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The policy's first dump step.
    Dump,
    /// Its first throttle step.
    Throttle,
    /// Its first restart step, or a restart by the default rule; without backoff, and outside the budget.
    Restart,
}

impl Wish {
    /// Every wish.
    pub const ALL: [Self; 3] = [Self::Dump, Self::Throttle, Self::Restart];

    /// Its name on the command line and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dump => "dump",
            Self::Throttle => "throttle",
            Self::Restart => "restart",
        }
    }

    /// The wish of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wish| wish.name() == name)
    }
}

impl Supervisor {
    /// Begins the step a person asks for, in an incident of its own if none is open. Returns the name of the step, or
    /// why nothing is done; either is in the journal, with `by`, who asked.
    pub fn by_hand(&mut self, now: Instant, wish: Wish, by: &str) -> Result<String, String> {
        let chosen = self.step_by_hand(now, wish);
        if chosen.is_ok() && self.incident.is_none() {
            self.open(now, BY_HAND);
        }
        let (step, reason) = match &chosen {
            Ok(step) => (Some(step.name.clone()), None),
            Err(reason) => (None, Some(reason.clone())),
        };
        self.record(now, Event::CommandReceived { command: wish.name(), by: by.into(), step, reason });
        let step = chosen?;
        let name = step.name.clone();
        self.make_way(now, &step);
        self.begin(now, step, Some(format!("asked for by {by}")));
        if let Some(active) = self.active_mut() {
            active.by_hand = true;
        }
        self.watch_for_the_end(now);
        self.settle(now);
        Ok(name)
    }

    fn step_by_hand(&self, now: Instant, wish: Wish) -> Result<Step, String> {
        if !self.is_running() {
            return Err("the service does not run".into());
        }
        if let Some(active) = self.active().filter(|active| !matches!(active.phase, Phase::Leasing)) {
            return Err(format!("step {} is under way", active.step.name));
        }
        let step = self.first_step(wish).ok_or_else(|| format!("the policy has no step with {}", wish.name()))?;
        match self.refusal(now, &step) {
            Some(reason) => Err(reason),
            None => Ok(step),
        }
    }

    fn first_step(&self, wish: Wish) -> Option<Step> {
        let is_wanted = |step: &&Step| step.action.key() == wish.name();
        let default = || {
            let action = Action::Restart(Restart::default());
            let name = wish.name().to_owned();
            Step { name, after: std::time::Duration::ZERO, on: Vec::new(), repeat: None, action }
        };
        self.policy.steps.iter().find(is_wanted).cloned().or_else(|| (wish == Wish::Restart).then(default))
    }
}

//! A service that is somebody else's: it is found and looked after, but neither started nor taken along.

use std::time::Duration;

use crate::command::Ending;
use crate::policy::Restart;
use crate::reading::Exit;
use crate::record::Outcome;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::ending::spent;
use super::life::{Goal, Life};

/// A lowering write of `memory.high` that is under way is waited for this long, so that it is not the last one.
const LETTING_GO: Duration = Duration::from_secs(10);

/// What becomes of highwater when a restart step has ended a service that is not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// It looks after the next generation, which whoever runs the service starts.
    Follow,
    /// It ends with this status, by which whoever runs both knows.
    Leave(i32),
    /// It ends when the service has ended: there is no next generation to be known by.
    Once,
}

impl Supervisor {
    pub(super) fn is_attached(&self) -> bool {
        self.config.attached.is_some()
    }

    /// Begins to leave the service as it was found: nothing of ours stays in force, and it goes on.
    pub(super) fn begin_to_let_go(&mut self, now: Instant) {
        self.lift(now);
        self.thaw();
        self.life = Life::Stopping { goal: Goal::Quit, asked: false, exit: None };
        self.timers.clear(Timer::Rearm);
        self.timers.clear(Timer::Listen);
        self.timers.set(Timer::Grace, now + LETTING_GO);
        if self.high.is_lifted() {
            self.let_go(now);
        }
    }

    /// Ends highwater, and leaves the service alone.
    pub(super) fn let_go(&mut self, now: Instant) {
        self.end(now, Ending::Service(Exit::Code(0)));
    }

    /// The generation is over: the next one is looked for, or somebody is told.
    pub(super) fn follow_next(&mut self, now: Instant, goal: Goal, attached: Attached) {
        if let Goal::Restart(rule) = goal {
            let lived = now.since(self.started);
            self.budget.take(now, lived, &rule);
        }
        match (goal, attached) {
            (Goal::Quit, _) | (_, Attached::Once) => self.let_go(now),
            (Goal::Restart(_) | Goal::ByHand, Attached::Leave(status)) => self.end(now, Ending::Handover(status)),
            _ => self.spawn(now),
        }
    }

    /// Without a budget the service is left alone, since it is not ours to end for good.
    pub(super) fn refuse_to_restart(&mut self, now: Instant, rule: &Restart) {
        self.finish_step(now, Outcome::Failed, Some(spent(rule)), Vec::new());
    }
}

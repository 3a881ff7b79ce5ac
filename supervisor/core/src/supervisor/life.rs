//! The life of the service: started, asked to stop, killed.

use std::time::Duration;

use crate::command::{Command, Ending, Probe};
use crate::high::High;
use crate::policy::Restart;
use crate::reading::{Counters, Exit, Inspection};
use crate::record::{Event, Outcome};
use crate::signal::Signal;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::tripwire::Tripwire;

/// After `cgroup.kill` the service cgroup should be empty by then; 1000 processes took 0.2 s.
const KILL_TIME: Duration = Duration::from_secs(5);

/// Where the service is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It was not started yet.
    New,
    /// It is being started; so many stops were asked for meanwhile.
    Starting { stops: u32 },
    /// It runs.
    Running,
    /// It ended by itself; what it left behind is cleaned up. `quit` if it is the last generation.
    Ending { exit: Exit, quit: bool },
    /// It was asked to end, or is about to be as soon as nothing throttles it any more.
    Stopping { goal: Goal, asked: bool, exit: Option<Exit> },
    /// The next generation waits for its turn.
    Waiting,
    /// It is over.
    Ended,
}

/// What a stop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The next generation, by the rule of the step that asked for it.
    Restart(Restart),
    /// The next generation at once, because somebody asked for it.
    ByHand,
    /// The end of highwater, because somebody asked for it.
    Quit,
    /// The end of highwater, because the budget is spent.
    GiveUp,
    /// What the policy says of a service that ends.
    AsByItself,
}

impl Supervisor {
    pub(super) fn is_running(&self) -> bool {
        self.life == Life::Running
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.life == Life::Waiting
    }

    /// Starts the next generation in a fresh cgroup.
    pub(super) fn spawn(&mut self, now: Instant) {
        self.generation += 1;
        self.life = Life::Starting { stops: 0 };
        self.started = now;
        self.counters = Counters::default();
        self.unread = Counters::default();
        self.usage = None;
        self.rate.clear();
        self.free_rate = 0.0;
        self.asleep_until = Instant::default();
        self.masked_until = Instant::default();
        self.high = High::default();
        self.frozen = false;
        self.tripwire = Tripwire::default();
        self.inspection = Inspection::default();
        self.out.push_back(Command::Spawn { generation: self.generation });
    }

    pub(super) fn spawned(&mut self, now: Instant, pid: u32, cgroup: Option<String>) {
        let Life::Starting { stops } = self.life else { return };
        self.life = Life::Running;
        self.started = now;
        let changes = self.triggers.reset("a new generation began");
        self.apply(now, changes);
        self.record(now, Event::ServiceStarted { pid, cgroup });
        self.expect_ready(now);
        self.begin_ladder_anew(now);
        self.plan_healthy(now);
        self.out.push_back(Command::Probe(Probe::Usage));
        if stops > 0 {
            self.begin_stop(now, Goal::Quit);
        }
        if stops > 1 {
            self.kill_service(now);
        }
    }

    pub(super) fn spawn_failed(&mut self, now: Instant, status: i32, reason: String) {
        let Life::Starting { stops } = self.life else { return };
        self.record(now, Event::Notice { reason });
        if self.generation == 1 {
            return self.end(now, Ending::NotStarted(status));
        }
        if self.is_restarting() {
            let reason = "the service could not be started again".into();
            self.finish_step(now, Outcome::Failed, Some(reason), Vec::new());
        }
        if stops > 0 {
            return self.end(now, Ending::Service(Exit::Code(0)));
        }
        self.ended_by_itself(now, Exit::Code(status));
    }

    /// Ends the service for a restart step, or for good if the budget is spent.
    pub(super) fn restart(&mut self, now: Instant, rule: &Restart) {
        if self.active().is_some_and(|active| active.by_hand) {
            return self.begin_stop(now, Goal::ByHand);
        }
        if self.budget.left(now, rule) > 0 {
            return self.begin_stop(now, Goal::Restart(*rule));
        }
        if self.is_attached() {
            return self.refuse_to_restart(now, rule);
        }
        self.record(now, Event::SupervisorStopping { reason: super::ending::spent(rule) });
        self.begin_stop(now, Goal::GiveUp);
    }

    /// Somebody asked highwater to end: gracefully the first time, at once the second time. A capture under way is
    /// waited for, since a stop signal would only be handled after it, or spoil it.
    pub(super) fn stop(&mut self, now: Instant, reason: String) {
        self.record(now, Event::SupervisorStopping { reason });
        match self.life {
            Life::Starting { .. } | Life::Stopping { .. } | Life::Ending { .. } if self.is_attached() => {
                self.let_go(now);
            }
            Life::Starting { stops } => self.life = Life::Starting { stops: stops.saturating_add(1) },
            Life::Running if self.is_capturing() && !self.stop_waits => self.stop_waits = true,
            Life::Running => self.begin_to_quit(now),
            Life::Stopping { goal: Goal::Quit, .. } | Life::Ending { quit: true, .. } => self.kill_service(now),
            Life::Stopping { asked, exit, .. } => self.life = Life::Stopping { goal: Goal::Quit, asked, exit },
            Life::Ending { exit, .. } => self.life = Life::Ending { exit, quit: true },
            Life::New | Life::Waiting | Life::Ended => self.end(now, Ending::Service(Exit::Code(0))),
        }
    }

    /// Lets a stop that waited for a capture have its way.
    pub(super) fn stop_after_capture(&mut self, now: Instant) {
        if self.stop_waits && self.is_running() && !self.is_capturing() {
            self.begin_to_quit(now);
        }
    }

    fn is_capturing(&self) -> bool {
        self.is_dumping() || self.is_captured()
    }

    fn begin_to_quit(&mut self, now: Instant) {
        self.stop_waits = false;
        self.end_lease(now, "highwater was asked to end");
        self.finish_closed(now);
        self.cancel_step(now, "highwater was asked to end");
        self.give_up_profile(now, "highwater was asked to end");
        if self.is_attached() {
            return self.begin_to_let_go(now);
        }
        self.begin_stop(now, Goal::Quit);
    }

    /// Passes a signal on to the main process.
    pub(super) fn forward(&mut self, signal: Signal) {
        if self.is_running() {
            self.out.push_back(Command::Signal(signal));
        }
    }

    /// A lowering write came back, and it may have been in the way of a stop signal.
    pub(super) fn lowered_for_stop(&mut self, now: Instant) {
        match self.life {
            Life::Stopping { goal: Goal::Quit, .. } if self.is_attached() && self.high.is_lifted() => self.let_go(now),
            Life::Stopping { asked: false, exit: None, .. } => self.ask_to_stop(),
            _ => {}
        }
    }

    pub(super) fn grace_over(&mut self, now: Instant) {
        if self.is_attached() && matches!(self.life, Life::Stopping { goal: Goal::Quit, .. }) {
            return self.let_go(now);
        }
        let reason = format!("the service did not end within {:?} and is killed", self.policy.service.stop_timeout);
        self.record(now, Event::Notice { reason });
        self.kill_service(now);
    }

    pub(super) fn still_alive(&mut self, now: Instant) {
        let reason = "the service cgroup is not empty yet after it was killed; trying again".into();
        self.record(now, Event::Notice { reason });
        self.kill_service(now);
    }

    /// `cgroup.kill`, without asking.
    pub(super) fn kill_service(&mut self, now: Instant) {
        if self.is_running() {
            self.life = Life::Stopping { goal: Goal::AsByItself, asked: true, exit: None };
        }
        if let Life::Stopping { goal, exit, .. } = self.life {
            self.life = Life::Stopping { goal, asked: true, exit };
        }
        self.lift(now);
        self.timers.clear(Timer::Grace);
        self.timers.clear(Timer::Rearm);
        self.timers.set(Timer::Killed, now + KILL_TIME);
        self.out.push_back(Command::Kill);
    }

    /// A throttled process does not answer, so the limit is lifted before it is asked, and a sleep that runs already
    /// is allowed for.
    fn begin_stop(&mut self, now: Instant, goal: Goal) {
        let grace = self.policy.service.stop_timeout + self.sleep_allowance(now);
        self.lift(now);
        self.thaw();
        self.life = Life::Stopping { goal, asked: false, exit: None };
        self.timers.clear(Timer::Rearm);
        self.timers.clear(Timer::Listen);
        self.timers.set(Timer::Grace, now + grace);
        self.ask_to_stop();
    }

    fn ask_to_stop(&mut self) {
        let Life::Stopping { goal, exit, .. } = self.life else { return };
        let is_let_go = self.is_attached() && goal == Goal::Quit;
        if is_let_go || !self.high.is_lifted() {
            return;
        }
        self.life = Life::Stopping { goal, asked: true, exit };
        self.out.push_back(Command::Stop(self.policy.service.stop_signal));
        // A stopped process would only answer when somebody continues it.
        self.out.push_back(Command::Signal(Signal::CONT));
    }

    /// Makes sure that what is left of the service goes away and that its end is noticed.
    pub(super) fn kill_leftovers(&mut self, now: Instant, populated: bool) {
        self.timers.set(Timer::Killed, now + KILL_TIME);
        if populated {
            self.out.push_back(Command::Kill);
        }
    }
}

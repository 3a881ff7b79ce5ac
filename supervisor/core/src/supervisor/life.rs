//! The life of the service: started, stopped, ended, started again or given up.

use std::time::Duration;

use crate::amount::Limit;
use crate::command::{Command, Ending, Probe};
use crate::high::High;
use crate::policy::{Restart, RestartOn};
use crate::reading::{Cause, Counters, Exit, Inspection};
use crate::record::{Event, Outcome, Record};
use crate::signal::Signal;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::ladder::Phase;
use super::tripwire::Tripwire;

/// After `cgroup.kill` the service cgroup should be empty by then; 1000 processes took 0.2 s.
const KILL_TIME: Duration = Duration::from_secs(5);

/// Where the service is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is being started.
    Starting,
    /// It runs.
    Running,
    /// It ended by itself; what it left behind is cleaned up.
    Ending(Option<Exit>),
    /// It was asked to end.
    Stopping { goal: Goal, asked: bool, exit: Option<Exit> },
    /// The next generation waits for its turn.
    Waiting,
    /// It is over.
    Ended,
}

/// What a stop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The next generation.
    Restart,
    /// The end of highwater, because somebody asked for it.
    Quit,
    /// The end of highwater, because the budget is spent.
    GiveUp,
    /// What the policy says of a service that fails.
    Fail,
}

impl Supervisor {
    pub(super) fn is_running(&self) -> bool {
        self.life == Life::Running
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.life == Life::Waiting
    }

    /// Starts the next generation in a fresh cgroup.
    pub(super) fn spawn(&mut self, _now: Instant) {
        self.generation += 1;
        self.life = Life::Starting;
        self.counters = Counters::default();
        self.unread = Counters::default();
        self.usage = None;
        self.rate.clear();
        self.free_rate = 0.0;
        self.asleep_until = Instant::default();
        self.high = High::default();
        self.tripwire = Tripwire::default();
        self.inspection = Inspection::default();
        self.out.push_back(Command::Spawn { generation: self.generation });
    }

    pub(super) fn spawned(&mut self, now: Instant, pid: u32, cgroup: Option<String>) {
        self.life = Life::Running;
        self.started = now;
        let changes = self.triggers.reset("a new generation began");
        self.apply(now, changes);
        if let Some(incident) = self.incident.as_mut() {
            incident.cursor = 0;
            incident.anchor = now;
        }
        self.record(now, Event::ServiceStarted { pid, cgroup });
        self.finish_step(now, Outcome::Done, None, Vec::new());
        self.out.push_back(Command::Probe(Probe::Usage));
    }

    pub(super) fn spawn_failed(&mut self, now: Instant, status: i32, reason: String) {
        self.record(now, Event::Notice { reason });
        if self.generation == 1 {
            return self.end(now, Ending::NotStarted(status));
        }
        self.finish_step(now, Outcome::Failed, Some("the service could not be started again".into()), Vec::new());
        self.fail(now, Exit::Code(status));
    }

    /// The main process ended. What it left behind is adopted if it ended well by itself, and killed otherwise.
    pub(super) fn exited(&mut self, now: Instant, exit: Exit, populated: bool) {
        match self.life {
            Life::Running if populated && exit == Exit::Code(0) => self.out.push_back(Command::Adopt),
            Life::Running => {
                self.life = Life::Ending(Some(exit));
                self.died_during_step(now);
                self.end_lease(now, "the service ended");
                self.kill_leftovers(now, populated);
            }
            Life::Stopping { goal, asked, .. } => {
                self.life = Life::Stopping { goal, asked, exit: Some(exit) };
                self.timers.clear(Timer::Grace);
                self.kill_leftovers(now, populated);
            }
            Life::Starting | Life::Ending(_) | Life::Waiting | Life::Ended => {}
        }
    }

    pub(super) fn adopted(&mut self, now: Instant, pid: u32) {
        let reason =
            format!("the main process ended with status 0 and left process {pid} behind, which is the service now");
        self.record(now, Event::Notice { reason });
    }

    /// Nobody of the service is left: write its end down and decide what follows.
    pub(super) fn emptied(&mut self, now: Instant, counters: Option<Counters>, peak: Option<u64>) {
        let (exit, goal) = match self.life {
            Life::Ending(exit) => (exit, None),
            Life::Stopping { goal, exit, .. } => (exit, Some(goal)),
            Life::Running => (None, None),
            Life::Starting | Life::Waiting | Life::Ended => return,
        };
        let exit = exit.unwrap_or(Exit::Code(0));
        self.died_during_step(now);
        self.end_lease(now, "the service ended");
        self.life = Life::Ended;
        self.timers.clear(Timer::Grace);
        self.timers.clear(Timer::Killed);
        self.timers.clear(Timer::Rearm);
        let killed = self.read_last_counters(now, counters);
        self.write_exit(now, exit, goal, killed, peak);
        match goal {
            Some(Goal::Quit) => self.end(now, Ending::Service(exit)),
            Some(Goal::GiveUp) => self.end(now, Ending::BudgetSpent),
            Some(Goal::Restart) => self.wait_for_restart(now),
            Some(Goal::Fail) | None => self.fail(now, exit),
        }
    }

    /// Ends the service for a restart step, or for good if the budget is spent.
    pub(super) fn restart(&mut self, now: Instant, rule: &Restart) {
        if self.budget.left(now, rule) > 0 {
            return self.begin_stop(now, Goal::Restart);
        }
        let reason = spent(rule);
        self.record(now, Event::SupervisorStopping { reason });
        self.begin_stop(now, Goal::GiveUp);
    }

    /// Somebody asked highwater to end: gracefully the first time, at once the second time.
    pub(super) fn stop(&mut self, now: Instant, reason: String) {
        self.record(now, Event::SupervisorStopping { reason });
        match self.life {
            Life::Stopping { goal: Goal::Quit, .. } => self.kill_service(now),
            Life::Stopping { asked, exit, .. } => self.life = Life::Stopping { goal: Goal::Quit, asked, exit },
            Life::Starting | Life::Running => {
                self.end_lease(now, "highwater was asked to end");
                self.cancel_step(now, "highwater was asked to end");
                self.begin_stop(now, Goal::Quit);
            }
            Life::Ending(exit) => self.life = Life::Stopping { goal: Goal::Quit, asked: true, exit },
            Life::Waiting | Life::Ended => {
                self.timers.clear(Timer::Backoff);
                self.end(now, Ending::Service(Exit::Code(0)));
            }
        }
    }

    /// Passes a signal on to the main process.
    pub(super) fn forward(&mut self, _now: Instant, signal: Signal) {
        if self.is_running() {
            self.out.push_back(Command::Signal(signal));
        }
    }

    /// A lowering write came back, and it may have been in the way of a stop signal.
    pub(super) fn lowered_for_stop(&mut self, now: Instant) {
        if matches!(self.life, Life::Stopping { asked: false, .. }) {
            self.ask_to_stop(now);
        }
    }

    pub(super) fn grace_over(&mut self, now: Instant) {
        let reason = format!("the service did not end within {:?} and is killed", self.policy.service.stop_timeout);
        self.record(now, Event::Notice { reason });
        self.kill_service(now);
    }

    pub(super) fn still_alive(&mut self, now: Instant) {
        self.record(now, Event::Notice { reason: "processes of the service outlive cgroup.kill; trying again".into() });
        self.kill_service(now);
    }

    /// `cgroup.kill`, without asking.
    pub(super) fn kill_service(&mut self, now: Instant) {
        if self.life == Life::Running {
            self.life = Life::Stopping { goal: Goal::Fail, asked: true, exit: None };
        }
        self.timers.clear(Timer::Grace);
        self.timers.set(Timer::Killed, now + KILL_TIME);
        self.out.push_back(Command::Kill);
    }

    /// Writes a record about an earlier generation.
    pub(super) fn record_for(&mut self, now: Instant, generation: u32, event: Event) {
        let incident = self.incident.as_ref().map(|incident| incident.id.clone());
        self.out.push_back(Command::Record(Record { at: now, generation, incident, event }));
    }

    /// A throttled process does not answer, so the limit is lifted before it is asked, and a sleep that runs already
    /// is allowed for.
    fn begin_stop(&mut self, now: Instant, goal: Goal) {
        self.life = Life::Stopping { goal, asked: false, exit: None };
        let grace = self.policy.service.stop_timeout + self.sleep_allowance(now);
        self.want_high(Limit::Max);
        self.timers.clear(Timer::Rearm);
        self.timers.set(Timer::Grace, now + grace);
        self.ask_to_stop(now);
    }

    fn ask_to_stop(&mut self, _now: Instant) {
        let Life::Stopping { goal, exit, .. } = self.life else { return };
        if !self.high.is_lifted() {
            return;
        }
        self.life = Life::Stopping { goal, asked: true, exit };
        self.out.push_back(Command::Signal(self.policy.service.stop_signal));
        // A stopped process would only answer when somebody continues it.
        self.out.push_back(Command::Signal(Signal::CONT));
    }

    fn kill_leftovers(&mut self, now: Instant, populated: bool) {
        if populated {
            self.timers.set(Timer::Killed, now + KILL_TIME);
            self.out.push_back(Command::Kill);
        }
    }

    /// The counters outlive the processes by a moment: whether the kernel killed is read from them.
    fn read_last_counters(&mut self, now: Instant, counters: Option<Counters>) -> Option<Cause> {
        let last = counters?;
        let mut delta = last.since(self.counters);
        self.counters = last;
        delta.high = 0;
        if let Some(usage) = self.usage {
            let changes = self.triggers.counters(now, delta, &usage, self.tripwire.level);
            self.apply(now, changes);
        }
        let at_own_limit = last.max > 0 && last.oom > 0;
        let cause = if at_own_limit { Cause::OwnLimit } else { Cause::OuterLimit };
        (last.oom_kill > 0).then_some(cause)
    }

    fn write_exit(&mut self, now: Instant, exit: Exit, goal: Option<Goal>, killed: Option<Cause>, peak: Option<u64>) {
        let (code, signal) = match exit {
            Exit::Code(code) => (Some(code), None),
            Exit::Signal(signal) => (None, Some(signal)),
        };
        let cause = match (killed, goal) {
            (Some(cause), _) => cause,
            (None, Some(_)) => Cause::Asked,
            (None, None) if exit.failed() => Cause::Crash,
            (None, None) => Cause::Finished,
        };
        let memory = self.memory();
        let oom_killed = killed.is_some();
        self.record(now, Event::ServiceExited { code, signal, oom_killed, cause, memory, peak });
    }

    /// The service ended without being asked for the sake of a restart: the policy says what follows.
    fn fail(&mut self, now: Instant, exit: Exit) {
        let again = match self.policy.service.restart {
            RestartOn::Never => false,
            RestartOn::Failure => exit.failed(),
            RestartOn::Always => true,
        };
        if again { self.wait_for_restart(now) } else { self.end(now, Ending::Service(exit)) }
    }

    fn wait_for_restart(&mut self, now: Instant) {
        let rule = self.policy.restart();
        let lived = now.since(self.started);
        let Some(wait) = self.budget.take(now, lived, &rule) else {
            self.record(now, Event::SupervisorStopping { reason: spent(&rule) });
            return self.end(now, Ending::BudgetSpent);
        };
        self.life = Life::Waiting;
        let left = self.budget.left(now, &rule);
        self.record(now, Event::ServiceBackoff { wait_ms: wait.as_millis() as u64, left });
        self.timers.set(Timer::Backoff, now + wait);
    }

    fn end(&mut self, now: Instant, ending: Ending) {
        self.life = Life::Ended;
        let outcome = if ending == Ending::BudgetSpent { Outcome::Failed } else { Outcome::Cancelled };
        if self.active().is_some_and(|active| matches!(active.phase, Phase::Restarting)) {
            self.finish_step(now, outcome, Some("highwater ends".into()), Vec::new());
        }
        self.resolve(now, "highwater ends");
        self.timers = crate::timer::Timers::default();
        self.out.push_back(Command::End(ending));
    }
}

fn spent(rule: &Restart) -> String {
    format!("the budget of {} restarts within {:?} is spent", rule.budget.times, rule.budget.within)
}

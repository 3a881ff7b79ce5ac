//! The end of a generation: written down with its cause, and what follows from it.

use crate::command::{Command, Ending};
use crate::policy::{Action, Restart, RestartOn};
use crate::reading::{Cause, Counters, Exit, Told, Verdict};
use crate::record::{Event, Outcome};
use crate::time::Instant;
use crate::timer::{Timer, Timers};

use super::Supervisor;
use super::life::{Goal, Life};
use super::situation::no_reading;

/// How the kernel ends a process.
const KILLED: Exit = Exit::Signal(9);

impl Supervisor {
    /// The main process ended. What it left behind is adopted if it ended well by itself, and killed otherwise.
    pub(super) fn exited(&mut self, now: Instant, exit: Exit, populated: bool) {
        match self.life {
            Life::Running if populated && exit == Exit::Code(0) => self.out.push_back(Command::Adopt),
            Life::Running => {
                self.died_during_profile(now);
                self.died_during_step(now);
                self.end_lease(now, "the service ended");
                self.lift(now);
                self.life = Life::Ending { exit, quit: std::mem::take(&mut self.stop_waits) };
                self.timers.clear(Timer::Rearm);
                self.timers.clear(Timer::Listen);
                self.kill_leftovers(now, populated);
            }
            Life::Stopping { goal, asked, exit: None } => {
                self.life = Life::Stopping { goal, asked, exit: Some(exit) };
                self.timers.clear(Timer::Grace);
                self.kill_leftovers(now, populated);
            }
            _ => {}
        }
    }

    pub(super) fn adopted(&mut self, now: Instant, pid: u32) {
        let reason =
            format!("the main process ended with status 0 and left process {pid} behind, which is the service now");
        self.record(now, Event::Notice { reason });
    }

    /// Nobody of the service is left: write its end down and decide what follows. Of one of others its runner may have
    /// told how it ended.
    pub(super) fn emptied(&mut self, now: Instant, counters: Option<Counters>, peak: Option<u64>, told: Option<Told>) {
        let (exit, goal, by_itself) = match self.life {
            Life::Running if std::mem::take(&mut self.stop_waits) => (None, Goal::Quit, true),
            Life::Running => (None, Goal::AsByItself, true),
            Life::Ending { exit, quit: false } => (Some(exit), Goal::AsByItself, true),
            Life::Ending { exit, quit: true } => (Some(exit), Goal::Quit, true),
            Life::Stopping { goal, exit, .. } => (exit, goal, false),
            Life::New | Life::Starting { .. } | Life::Waiting | Life::Ended => return,
        };
        self.died_during_profile(now);
        self.died_during_step(now);
        self.end_lease(now, "the service ended");
        self.lift(now);
        let was_killed = self.timers.get(Timer::Killed).is_some();
        self.nothing_runs();
        let exit = exit.or(told.map(|told| told.exit));
        let verdict = told.map(|told| told.verdict);
        let killed = self.read_last_counters(now, counters, exit, verdict);
        let unseen = if killed.is_some() || was_killed { KILLED } else { Exit::Code(0) };
        // Only a parent is told how its child ended.
        let is_known = exit.is_some() || unseen == KILLED || !self.is_attached();
        let exit = exit.unwrap_or(unseen);
        let known = is_known.then_some(exit);
        let failed = verdict.map(|verdict| verdict != Verdict::Right).or(known.map(Exit::failed));
        let cause = killed.unwrap_or(match (by_itself, failed) {
            (false, _) => Cause::Asked,
            (true, Some(true)) => Cause::Crash,
            (true, Some(false)) => Cause::Finished,
            (true, None) => Cause::Unknown,
        });
        self.write_exit(now, known, cause, killed.is_some(), peak);
        self.after_the_end(now, goal, exit);
    }

    /// The service ended without being asked for the sake of a restart: the policy says what follows.
    pub(super) fn ended_by_itself(&mut self, now: Instant, exit: Exit) {
        let again = match self.policy.service.restart {
            RestartOn::Never => false,
            RestartOn::Failure => exit.failed(),
            RestartOn::Always => true,
        };
        let rule = self.policy.restart();
        if again { self.wait_for_restart(now, &rule) } else { self.end(now, Ending::Service(exit)) }
    }

    /// Ends highwater, whatever is under way.
    pub(super) fn end(&mut self, now: Instant, ending: Ending) {
        self.end_lease(now, "highwater ends");
        self.end_shed(now, "highwater ends");
        self.life = Life::Ended;
        let (outcome, reason) = match ending {
            Ending::BudgetSpent => (Outcome::Failed, "the restart budget is spent"),
            _ => (Outcome::Cancelled, "highwater ends"),
        };
        self.finish_step(now, outcome, Some(reason.into()), Vec::new());
        self.resolve(now, reason);
        self.thaw();
        self.timers = Timers::default();
        self.out.push_back(Command::End(ending));
    }

    fn nothing_runs(&mut self) {
        self.life = Life::Waiting;
        for timer in [Timer::Sample, Timer::Grace, Timer::Killed, Timer::Rearm, Timer::Listen] {
            self.timers.clear(timer);
        }
    }

    fn after_the_end(&mut self, now: Instant, goal: Goal, exit: Exit) {
        if self.active().is_some_and(|active| matches!(active.step.action, Action::Kill)) {
            self.finish_step(now, Outcome::Done, None, Vec::new());
        }
        if let Some(attached) = self.config.attached {
            return self.follow_next(now, goal, attached);
        }
        match goal {
            Goal::Quit => self.end(now, Ending::Service(exit)),
            Goal::GiveUp => self.end(now, Ending::BudgetSpent),
            Goal::Restart(rule) => self.wait_for_restart(now, &rule),
            Goal::ByHand => self.timers.set(Timer::Backoff, now),
            Goal::AsByItself => self.ended_by_itself(now, exit),
        }
    }

    /// The counters outlive the processes by a moment: whether the kernel killed is read from them. A kill earlier in
    /// this life, of another process, does not count for a main process that ended otherwise.
    fn read_last_counters(
        &mut self,
        now: Instant,
        counters: Option<Counters>,
        exit: Option<Exit>,
        verdict: Option<Verdict>,
    ) -> Option<Cause> {
        // A cgroup of others may be gone before it could be read once more.
        let last = counters.unwrap_or(self.counters);
        let delta = Counters { high: 0, ..last.since(self.counters).plus(self.unread) };
        self.counters = last;
        self.unread = Counters::default();
        let usage = self.usage.unwrap_or_else(no_reading);
        let changes = self.triggers.counters(now, delta, &usage, self.tripwire.level);
        self.apply(now, changes);
        let at_own_limit = last.max > 0 && last.oom > 0;
        let cause = if at_own_limit { Cause::OwnLimit } else { Cause::OuterLimit };
        let by_signal = exit.is_none_or(|exit| matches!(exit, KILLED | Exit::Code(137)));
        (verdict == Some(Verdict::OomKilled) || last.oom_kill > 0 && by_signal).then_some(cause)
    }

    fn write_exit(&mut self, now: Instant, exit: Option<Exit>, cause: Cause, oom_killed: bool, peak: Option<u64>) {
        let (code, signal) = match exit {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        let memory = self.memory();
        self.record(now, Event::ServiceExited { code, signal, oom_killed, cause, memory, peak });
    }

    fn wait_for_restart(&mut self, now: Instant, rule: &Restart) {
        let lived = now.since(self.started);
        let Some(wait) = self.budget.take(now, lived, rule) else {
            self.record(now, Event::SupervisorStopping { reason: spent(rule) });
            return self.end(now, Ending::BudgetSpent);
        };
        self.life = Life::Waiting;
        let left = self.budget.left(now, rule);
        self.record(now, Event::ServiceBackoff { wait_ms: wait.as_millis() as u64, left });
        self.timers.set(Timer::Backoff, now + wait);
    }
}

pub(super) fn spent(rule: &Restart) -> String {
    format!("the budget of {} restarts within {:?} is spent", rule.budget.times, rule.budget.within)
}

//! The named timers of a supervisor: everything that happens because time passed stands in this one table.

use crate::time::Instant;

/// What a timer is for. The order is that of firing when several are due at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Time to take a sample of usage.
    Sample,
    /// The running step's deadline.
    StepDeadline,
    /// End of a throttle's lease.
    Lease,
    /// End of the grace period after the stop signal.
    Grace,
    /// `cgroup.kill` should have emptied the service cgroup by now.
    Killed,
    /// The pause before the next generation is over.
    Backoff,
    /// The next step of the ladder may be due.
    Ladder,
    /// The tripwire may be armed again.
    Rearm,
    /// `memory.events` is listened to again.
    Listen,
    /// A trigger fed by events may have gone quiet.
    Quiet,
    /// The incident resolves.
    Resolve,
    /// The healthy service is to be looked at or profiled, or its profile takes too long.
    Healthy,
    /// Load may come again.
    Shed,
}

const COUNT: usize = 13;
const ALL: [Timer; COUNT] = [
    Timer::Sample,
    Timer::StepDeadline,
    Timer::Lease,
    Timer::Grace,
    Timer::Killed,
    Timer::Backoff,
    Timer::Ladder,
    Timer::Rearm,
    Timer::Listen,
    Timer::Quiet,
    Timer::Resolve,
    Timer::Healthy,
    Timer::Shed,
];

/// At most one deadline for each [`Timer`].
#[derive(Clone, Debug, Default)]
pub struct Timers([Option<Instant>; COUNT]);

impl Timers {
    /// Sets the timer, whatever it was set to before.
    pub fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    /// Sets the timer unless it is due earlier already.
    pub fn set_sooner(&mut self, timer: Timer, at: Instant) {
        let slot = &mut self.0[timer as usize];
        *slot = Some(slot.map_or(at, |set| set.min(at)));
    }

    /// Clears the timer.
    pub fn clear(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    /// When the timer is due, if it is set.
    pub fn get(&self, timer: Timer) -> Option<Instant> {
        self.0[timer as usize]
    }

    /// The next timer due and its moment.
    pub fn next(&self) -> Option<(Instant, Timer)> {
        let due = |timer: Timer| self.get(timer).map(|at| (at, timer));
        ALL.into_iter().filter_map(due).min_by_key(|(at, _)| *at)
    }

    /// Takes the next timer that is due at `now`.
    pub fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let (_, timer) = self.next().filter(|(at, _)| *at <= now)?;
        self.clear(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_the_order_of_their_moments() {
        let mut timers = Timers::default();
        timers.set(Timer::Resolve, Instant::from_nanos(5));
        timers.set(Timer::Sample, Instant::from_nanos(9));
        timers.set_sooner(Timer::Sample, Instant::from_nanos(3));
        timers.set_sooner(Timer::Sample, Instant::from_nanos(7));
        assert_eq!(timers.next(), Some((Instant::from_nanos(3), Timer::Sample)));
        assert_eq!(timers.take_due(Instant::from_nanos(2)), None);
        assert_eq!(timers.take_due(Instant::from_nanos(9)), Some(Timer::Sample));
        assert_eq!(timers.take_due(Instant::from_nanos(9)), Some(Timer::Resolve));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn the_table_lists_every_timer_at_its_place() {
        for (index, timer) in ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }
}

//! A service in its cgroup, as far as the core can tell it from a real one.

use std::time::Duration;

use highwater_core::amount::{Limit, MIB};
use highwater_core::command::Task;
use highwater_core::reading::{Counters, Exit, Inspection, Runtime, Usage};
use highwater_core::signal::Signal;
use highwater_core::time::Instant;

/// A thread charges this much before the throttle looks at it.
const BATCH: u64 = 256 << 10;
/// Reclaim takes this much page cache at a time.
const RECLAIM: u64 = 4 * MIB;

/// What a service does; one is made for every generation.
#[derive(Clone, Debug)]
pub struct Model {
    /// `memory.max`.
    pub max: u64,
    /// Memory it begins with.
    pub base: u64,
    /// Bytes a second it leaks, over all leaking threads.
    pub leak: f64,
    /// It leaks up to this much and then stays there.
    pub leak_up_to: u64,
    /// Threads that leak.
    pub leakers: u32,
    /// Bytes a second of page cache it reads in.
    pub cache: f64,
    /// A sawtooth on top of the base: height and period.
    pub sawtooth: (u64, Duration),
    /// What is found when it is looked at.
    pub inspection: Inspection,
    /// Bytes its dump takes, and how long.
    pub dump: (u64, Duration),
    /// What happens when it is asked for a dump.
    pub on_dump: OnDump,
    /// How long it takes to end when asked; `None` ignores the signal.
    pub stops_in: Option<Duration>,
    /// It ends by itself after so long.
    pub ends: Option<(Duration, Exit)>,
    /// When the main process ends, somebody stays behind.
    pub leaves_a_daemon: bool,
    /// A lowering write of `memory.high` takes so long.
    pub lowering: Duration,
    /// It cannot be started.
    pub does_not_start: Option<i32>,
}

/// What a request for a dump leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDump {
    Dumps,
    Dies,
    NeverEnds,
}

impl Model {
    /// 60 MiB under a limit of 256 MiB, native, with threads that wait for its signals.
    pub fn calm() -> Self {
        let waited_for = Signal::USR1.bit() | Signal::TERM.bit();
        Self {
            max: 256 * MIB,
            base: 60 * MIB,
            leak: 0.0,
            leak_up_to: u64::MAX,
            leakers: 1,
            cache: 0.0,
            sawtooth: (0, Duration::ZERO),
            inspection: Inspection {
                caught: waited_for,
                blocked: waited_for,
                threads: 4,
                stopped: false,
                runtime: Runtime::Native,
            },
            dump: (16 * MIB, Duration::from_millis(80)),
            on_dump: OnDump::Dumps,
            stops_in: Some(Duration::from_millis(70)),
            ends: None,
            leaves_a_daemon: false,
            lowering: Duration::from_millis(2),
            does_not_start: None,
        }
    }

    /// The same, leaking so many MiB a second.
    pub fn leaking(mib_per_second: f64) -> Self {
        Self { leak: mib_per_second * MIB as f64, ..Self::calm() }
    }
}

/// Something the service did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Happening {
    /// A counter of `memory.events` moved.
    Counted,
    /// The dump is complete.
    Dumped(Task, Duration),
    /// The main process ended.
    Ended(Exit),
}

/// A dump being written.
#[derive(Clone, Copy, Debug)]
struct Dumping {
    task: Task,
    since: Instant,
    written: f64,
}

/// One generation.
#[derive(Clone, Debug)]
pub struct Service {
    pub model: Model,
    pub clock: Instant,
    pub high: Limit,
    pub counters: Counters,
    pub frozen: bool,
    pub dead: bool,
    pub lent: u64,
    born: Instant,
    anon: f64,
    cached: f64,
    asleep_until: Instant,
    since_sleep: u64,
    dumping: Option<Dumping>,
    ends_at: Option<(Instant, Exit)>,
}

impl Service {
    pub fn new(model: Model, now: Instant) -> Self {
        Self {
            clock: now,
            high: Limit::Max,
            counters: Counters::default(),
            frozen: false,
            dead: false,
            lent: 0,
            born: now,
            anon: model.base as f64,
            cached: 0.0,
            asleep_until: now,
            since_sleep: 0,
            dumping: None,
            ends_at: model.ends.map(|(after, exit)| (now + after, exit)),
            model,
        }
    }

    pub fn current(&self) -> u64 {
        (self.anon + self.cached) as u64 + self.tooth()
    }

    pub fn dumped(&self) -> u64 {
        self.dumping.map_or(0, |dumping| dumping.written as u64)
    }

    pub fn usage(&self) -> Usage {
        Usage {
            current: self.current(),
            anon: self.anon as u64,
            anon_thp: 0,
            inactive_file: self.cached as u64,
            reclaimable: self.cached as u64,
            swap: false,
            high: self.high,
            max: self.max(),
            head: self.max().saturating_sub(self.current()),
            lendable: 0,
        }
    }

    /// Sets `memory.high`, and reclaims what can be.
    pub fn set_high(&mut self, high: Limit) {
        self.high = high;
        if let Limit::Bytes(bytes) = high {
            self.cached -= (self.current().saturating_sub(bytes) as f64).min(self.cached);
        }
    }

    /// Whether its threads would be put to sleep now.
    pub fn is_throttled(&self) -> bool {
        self.overage() > 0.0125
    }

    pub fn begin_dump(&mut self, task: Task, signal: Option<Signal>) {
        let kills = signal.is_some_and(|signal| !self.model.inspection.handles(signal));
        if kills || self.model.on_dump == OnDump::Dies {
            self.ends_at = Some((self.clock + Duration::from_millis(5), Exit::Signal(10)));
        } else {
            self.dumping = Some(Dumping { task, since: self.clock, written: 0.0 });
        }
    }

    pub fn cancel(&mut self, task: Task) {
        self.dumping = self.dumping.filter(|dumping| dumping.task != task);
    }

    pub fn ask_to_stop(&mut self) {
        if let Some(time) = self.model.stops_in {
            self.end_in(time, Exit::Code(0));
        }
    }

    pub fn kill(&mut self) {
        self.end_in(Duration::from_millis(20), Exit::Signal(9));
    }

    pub fn end_in(&mut self, time: Duration, exit: Exit) {
        let at = self.clock + time;
        if self.ends_at.is_none_or(|(earlier, _)| at < earlier) {
            self.ends_at = Some((at, exit));
        }
    }

    /// Goes on until something happens, but no further than `until`.
    pub fn go_on(&mut self, until: Instant) -> Option<Happening> {
        while self.clock < until && !self.dead {
            if let Some(happening) = self.stride(until) {
                return Some(happening);
            }
        }
        None
    }

    /// Goes on to the next moment at which something changes.
    fn stride(&mut self, until: Instant) -> Option<Happening> {
        let (leak, cache, dump) = self.speeds();
        let speed = leak + cache + dump;
        let below = self.next_mark().saturating_sub(self.current()) as f64;
        let mut next = if speed > 0.0 && below / speed < 1e9 {
            (self.clock + Duration::from_secs_f64(below / speed) + Duration::from_nanos(1)).min(until)
        } else {
            until
        };
        if self.asleep_until > self.clock {
            next = next.min(self.asleep_until);
        }
        if let Some((at, _)) = self.ends_at {
            next = next.min(at.max(self.clock));
        }
        if dump > 0.0 {
            let left = self.model.dump.0 as f64 - self.dumping.map_or(0.0, |dumping| dumping.written);
            next = next.min(self.clock + Duration::from_secs_f64(left.max(0.0) / dump) + Duration::from_nanos(1));
        }
        let seconds = next.since(self.clock).as_secs_f64();
        self.clock = next;
        self.anon += (leak + dump) * seconds;
        self.cached += cache * seconds;
        if let Some(dumping) = self.dumping.as_mut() {
            dumping.written += dump * seconds;
        }
        self.settle()
    }

    fn settle(&mut self) -> Option<Happening> {
        if let Some((_, exit)) = self.ends_at.filter(|(at, _)| *at <= self.clock) {
            self.dead = true;
            return Some(Happening::Ended(exit));
        }
        if let Some(dumping) = self.dumping.filter(|dumping| dumping.written >= self.model.dump.0 as f64 - 1.0) {
            self.dumping = None;
            return Some(Happening::Dumped(dumping.task, self.clock.since(dumping.since)));
        }
        self.limits()
    }

    fn limits(&mut self) -> Option<Happening> {
        let current = self.current();
        if current >= self.max() {
            self.counters.max += 18;
            if self.cached >= 1.0 {
                self.cached = (self.cached - RECLAIM as f64).max(0.0);
                return Some(Happening::Counted);
            }
            self.counters.oom += 1;
            self.counters.oom_kill += 1;
            self.dead = true;
            return Some(Happening::Ended(Exit::Signal(9)));
        }
        let high = self.high.bytes().filter(|high| current > *high)?;
        self.counters.high += 1;
        if self.cached >= 1.0 {
            let target = current - high.saturating_sub(RECLAIM);
            self.cached = (self.cached - target as f64).max(0.0);
        } else if self.is_throttled() && self.clock >= self.asleep_until {
            let sleep = (64.0 * self.overage().powi(2)).clamp(0.01, 2.0);
            self.asleep_until = self.clock + Duration::from_secs_f64(sleep);
            self.since_sleep = current;
        }
        Some(Happening::Counted)
    }

    /// Bytes a second of the leak, the page cache and the dump.
    fn speeds(&self) -> (f64, f64, f64) {
        if self.frozen {
            return (0.0, 0.0, 0.0);
        }
        let sleeps = self.clock < self.asleep_until || self.anon as u64 >= self.model.leak_up_to;
        let leak = if sleeps { 0.0 } else { self.model.leak };
        let is_stuck = self.is_throttled() || self.model.on_dump == OnDump::NeverEnds;
        let dumps = self.dumping.is_some() && !is_stuck;
        let (bytes, time) = self.model.dump;
        (leak, self.model.cache, if dumps { bytes as f64 / time.as_secs_f64() } else { 0.0 })
    }

    /// The next level of usage at which the kernel does something.
    fn next_mark(&self) -> u64 {
        let current = self.current();
        let batch = BATCH * u64::from(self.model.leakers);
        match self.high.bytes() {
            Some(high) if current <= high => (high + 1).min(self.max()),
            Some(high) if !self.is_throttled() => (high + high / 80 + 4096).max(current + 4096).min(self.max()),
            Some(_) => (current + batch).min(self.max()),
            None => self.max(),
        }
    }

    fn overage(&self) -> f64 {
        let over = |high: u64| (self.current().saturating_sub(high)) as f64 / high.max(1) as f64;
        self.high.bytes().map_or(0.0, over)
    }

    fn max(&self) -> u64 {
        self.model.max + self.lent
    }

    fn tooth(&self) -> u64 {
        let (height, period) = self.model.sawtooth;
        if period.is_zero() {
            return 0;
        }
        let phase = (self.clock.since(self.born).as_nanos() % period.as_nanos()) as f64 / period.as_nanos() as f64;
        (height as f64 * phase) as u64
    }
}

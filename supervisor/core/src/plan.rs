//! The control law: how a dump and a clean stop can fit in before the limit while a leak runs on.
//!
//! A running `memory.high` sleep is not cut short by lifting the limit, and only threads that charge memory fall
//! asleep. So a **hold** throttles very hard for some 10 ms, lifts, and the idle dump and stop threads run at full
//! speed while every leaking thread sleeps up to 2 s. It wins for native services whose dump has a thread of its own,
//! at every leak rate measured; for runtimes that stop the world it only delays, because the world waits for a
//! sleeper. There, and for slow leaks everywhere, a **plain lift** of the limit is right. A **loan** raises
//! `memory.max` where it is ours. What can win in none of these ways is not tried: it is captured from **outside**.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::amount::{Bytes, MIB};
use crate::reading::Runtime;

/// Left for a stop handler to allocate.
pub const STOP_ALLOWANCE: u64 = 4 * MIB;
/// Left over on top of everything counted.
const MARGIN: u64 = 4 * MIB;
/// Left for a stop with everything that belongs to it.
pub const STOP_NEED: u64 = STOP_ALLOWANCE + MARGIN;
/// A graceful stop with 4 MiB touched took 60 to 75 ms in an emulated machine; this is twice that.
pub const STOP_TIME: Duration = Duration::from_millis(150);
/// Dump speed in bytes a second while nothing was learnt: a heap being serialised.
pub const DEFAULT_SPEED: f64 = 50.0 * MIB as f64;
/// A sleep in the throttle is at most 2 s; what happens during a hold must be over by then.
const LONGEST_USE: Duration = Duration::from_millis(1_900);
/// The shortest sleep of a hold; also that of a service whose dump may run in a thread that leaks: it begins when the
/// sleep is over, which was measured to be won with half a second and lost with two.
const SHORTEST_SLEEP: Duration = Duration::from_millis(500);
/// Reclaimable cache beyond this keeps threads retrying instead of sleeping.
const LITTLE_CACHE: u64 = 8 * MIB;
/// Every thread charges up to half a MiB before it is caught.
const PER_THREAD: u64 = MIB / 2;

/// Who carries out what is asked of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worker {
    /// A thread of its own that is idle until asked (`sigwait`, an HTTP server).
    Idle,
    /// A signal handler, in whichever thread takes the signal: one that leaks, perhaps.
    Any,
    /// The only thread there is.
    Only,
}

/// What the decision rests on. Bytes, bytes a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Situation {
    /// What can still be charged before the limit.
    pub head: u64,
    /// `memory.current`.
    pub current: u64,
    /// Expected to be charged by the dump; 0 for a stop alone.
    pub dump: u64,
    /// How long the dump is expected to take, without the leak.
    pub time: Duration,
    /// Leak rate.
    pub rate: f64,
    /// Threads of the main process.
    pub threads: u32,
    /// Most anonymous memory is in huge pages: one fault is throttled for eight batches.
    pub huge_pages: bool,
    /// There is swap: it buys the time, and a hold would wait for it.
    pub swap: bool,
    /// Reclaimable page cache.
    pub cache: u64,
    /// What `memory.max` may be raised by.
    pub lendable: u64,
    /// Who dumps or stops.
    pub worker: Worker,
    /// What runs in the service.
    pub runtime: Runtime,
    /// The policy and this host allow a hold, and the last one did not disappoint.
    pub may_hold: bool,
}

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// `memory.high` is lifted; the service goes on as it is.
    Lift,
    /// The charging threads are put to sleep first.
    Hold,
    /// `memory.max` is raised first, then as for a lift.
    Loan,
    /// Nothing inside the service can finish before the limit.
    Outside,
}

/// The decision with the arithmetic that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// What is decided.
    pub choice: Choice,
    /// Bytes left before the limit.
    pub head: u64,
    /// Bytes the dump, the stop and a margin need.
    pub need: u64,
    /// Leak rate in bytes a second.
    pub rate: u64,
    /// Expected time to dump and stop, in milliseconds.
    pub busy_ms: u64,
    /// Bytes the leak takes meanwhile.
    pub leak: u64,
    /// Bytes lent by raising `memory.max`.
    pub loan: u64,
    /// How long a hold lets charging threads sleep, in milliseconds; 0 without one.
    pub sleep_ms: u64,
    /// Where a hold puts `memory.high`; 0 without one.
    pub high: u64,
    /// Threads of the main process.
    pub threads: u32,
    /// What runs in the service.
    pub runtime: Runtime,
    /// Why no hold was considered, if none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_hold: Option<&'static str>,
}

impl Plan {
    /// Whether the lowering write of a hold may take long, because there is cache to be reclaimed.
    pub fn longest_hold(cache: u64) -> Duration {
        Duration::from_millis(if cache > LITTLE_CACHE { 300 } else { 60 })
    }

    /// Growth below which the service counts as asleep, in bytes a second: half of what is to spare may be lost.
    pub fn calm_rate(&self) -> f64 {
        let spare = self.head.saturating_add(self.loan).saturating_sub(self.need) as f64;
        let busy = (self.busy_ms as f64 / 1_000.0).max(0.05);
        (spare / (2.0 * busy)).max(8.0 * MIB as f64)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let choice = match self.choice {
            Choice::Lift => "plain lift",
            Choice::Hold => "hold",
            Choice::Loan => "loan",
            Choice::Outside => "capture from outside",
        };
        write!(
            formatter,
            "{choice}: {} left, {} needed, {}/s leak takes {} in {} ms",
            Bytes(self.head),
            Bytes(self.need),
            Bytes(self.rate),
            Bytes(self.leak),
            self.busy_ms
        )?;
        if self.loan > 0 {
            write!(formatter, ", {} lent", Bytes(self.loan))?;
        }
        if self.sleep_ms > 0 {
            write!(formatter, ", leaking threads sleep {} ms", self.sleep_ms)?;
        }
        Ok(())
    }
}

/// Decides between a plain lift, a hold, a loan and giving up on anything inside the service.
pub fn plan(situation: &Situation) -> Plan {
    let s = situation;
    let need = s.dump.saturating_add(STOP_ALLOWANCE + MARGIN);
    let busy = s.time + STOP_TIME;
    let leak = (s.rate * busy.as_secs_f64()) as u64;
    let base = Plan {
        choice: Choice::Lift,
        head: s.head,
        need,
        rate: s.rate as u64,
        busy_ms: busy.as_millis() as u64,
        leak,
        loan: 0,
        sleep_ms: 0,
        high: 0,
        threads: s.threads,
        runtime: s.runtime,
        no_hold: why_no_hold(s),
    };
    let feared = need.saturating_add(leak).saturating_add(leak / 2);
    if feared <= s.head {
        return base;
    }
    let loan = feared.saturating_sub(s.head);
    let is_slow = feared - need <= need / 2;
    if is_slow && loan <= s.lendable {
        return Plan { choice: Choice::Loan, loan, ..base };
    }
    let caught = u64::from(s.threads) * PER_THREAD;
    let loan_for_hold = need.saturating_add(caught).saturating_sub(s.head);
    if base.no_hold.is_none() && loan_for_hold <= s.lendable {
        return hold(s, base, busy, loan_for_hold);
    }
    if loan <= s.lendable {
        return Plan { choice: Choice::Loan, loan, ..base };
    }
    if need.saturating_add(likely_leak(s, leak)) <= s.head.saturating_add(s.lendable) {
        let choice = if s.lendable > 0 { Choice::Loan } else { Choice::Lift };
        return Plan { choice, loan: s.lendable, ..base };
    }
    if s.dump == 0 { last_resort(s, base, busy, leak) } else { Plan { choice: Choice::Outside, ..base } }
}

/// A stop is tried in any case: with a hold if the leak would otherwise win.
fn last_resort(s: &Situation, base: Plan, busy: Duration, leak: u64) -> Plan {
    let fits = STOP_ALLOWANCE.saturating_add(leak) <= s.head;
    if base.no_hold.is_none() && !fits { hold(s, base, busy, s.lendable) } else { base }
}

/// What the leak will probably take, without the safety factor. A runtime that stops the world stops the leak with it,
/// and its collector's assists slow the leak before: measured for Go, one goroutine at full speed took a sixth of
/// what its rate said.
fn likely_leak(s: &Situation, leak: u64) -> u64 {
    match s.runtime {
        Runtime::Native => leak,
        Runtime::Go => leak / 4,
        Runtime::Jvm | Runtime::Node | Runtime::Python => leak / 2,
    }
}

/// The reason a hold is out of the question, if there is one.
fn why_no_hold(s: &Situation) -> Option<&'static str> {
    match (s.runtime, s.worker) {
        _ if !s.may_hold => Some("not allowed, or it did not help last time"),
        _ if s.swap => Some("swap buys the time, and the throttle would wait for it"),
        (Runtime::Native, Worker::Only) => Some("one thread does everything: it would sleep too"),
        (Runtime::Native, _) if s.time + STOP_TIME > LONGEST_USE => Some("the dump takes longer than a sleep can last"),
        (Runtime::Native, _) => None,
        (_, _) => Some("this runtime stops the world, and the world would wait for the sleepers"),
    }
}

/// A hold that lasts twice the work: `sleep = 64 s * overage^2` for a batch of 4 KiB pages, eight such batches for a huge
/// page; 2 s at most. A sleeper may hold the lock of its address space in the fault of a huge page, so there it is kept
/// shorter.
fn hold(s: &Situation, base: Plan, busy: Duration, loan: u64) -> Plan {
    let work = busy.mul_f64(if s.huge_pages { 1.5 } else { 2.0 });
    let sleep = match s.worker {
        Worker::Idle => work.clamp(SHORTEST_SLEEP, Duration::from_secs(2)),
        Worker::Any | Worker::Only => SHORTEST_SLEEP,
    };
    let batch = if s.huge_pages { 512.0 } else { 64.0 };
    let longest = sleep == Duration::from_secs(2) && s.cache <= LITTLE_CACHE;
    let overage = if longest { 1.0 } else { (sleep.as_secs_f64() / batch).sqrt() };
    let high = (s.current as f64 / (1.0 + overage)) as u64;
    Plan { choice: Choice::Hold, loan, sleep_ms: sleep.as_millis() as u64, high, ..base }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The setting of the measurements: 256 MiB limit, touched at 80 %, a 16 MiB dump.
    fn measured(rate: u64) -> Situation {
        Situation {
            head: 51 * MIB,
            current: 205 * MIB,
            dump: 16 * MIB,
            time: Duration::from_millis(320),
            rate: (rate * MIB) as f64,
            threads: 6,
            huge_pages: false,
            swap: false,
            cache: 0,
            lendable: 0,
            worker: Worker::Idle,
            runtime: Runtime::Native,
            may_hold: true,
        }
    }

    #[test]
    fn a_slow_leak_is_left_alone() {
        assert_eq!(plan(&measured(10)).choice, Choice::Lift);
    }

    #[test]
    fn a_fast_native_leak_is_held() {
        for rate in [50, 200, 1_000, 4_000] {
            let plan = plan(&measured(rate));
            assert_eq!(plan.choice, Choice::Hold, "{plan}");
            assert_eq!(plan.sleep_ms, 940);
            assert!(plan.high < 205 * MIB * 100 / 110);
        }
    }

    #[test]
    fn who_may_sleep_himself_is_not_put_to_sleep_for_long() {
        let handler = Situation { worker: Worker::Any, time: Duration::from_secs(1), ..measured(200) };
        let plan = plan(&handler);
        assert_eq!((plan.choice, plan.sleep_ms), (Choice::Hold, 500));
    }

    #[test]
    fn a_hold_of_two_seconds_halves_the_limit() {
        let slow = Situation { time: Duration::from_millis(1_700), ..measured(200) };
        let plan = plan(&slow);
        assert_eq!((plan.choice, plan.sleep_ms, plan.high), (Choice::Hold, 2_000, 205 * MIB / 2));
    }

    #[test]
    fn nothing_is_held_where_it_only_delays() {
        let refused = [
            Situation { runtime: Runtime::Go, ..measured(1_000) },
            Situation { runtime: Runtime::Python, ..measured(1_000) },
            Situation { swap: true, ..measured(1_000) },
            Situation { worker: Worker::Only, ..measured(1_000) },
            Situation { time: Duration::from_secs(3), ..measured(1_000) },
            Situation { may_hold: false, ..measured(1_000) },
        ];
        for situation in refused {
            let plan = plan(&situation);
            assert_eq!(plan.choice, Choice::Outside, "{situation:?}");
            assert!(plan.no_hold.is_some());
        }
    }

    #[test]
    fn what_does_not_fit_is_lent_or_captured_from_outside() {
        let big = Situation { dump: 60 * MIB, ..measured(1_000) };
        assert_eq!(plan(&big).choice, Choice::Outside);
        let lent = plan(&Situation { lendable: 64 * MIB, ..big });
        assert_eq!(lent.choice, Choice::Hold);
        assert_eq!(lent.loan, 60 * MIB + 8 * MIB + 3 * MIB - 51 * MIB);
        let slow = Situation { rate: 0.0, ..big };
        assert_eq!(plan(&Situation { lendable: 64 * MIB, ..slow }).choice, Choice::Loan);
        let go = Situation { runtime: Runtime::Go, lendable: 200 * MIB, ..measured(200) };
        assert_eq!(plan(&go).choice, Choice::Loan);
    }

    #[test]
    fn a_stop_is_tried_in_any_case() {
        let stop = Situation { head: 6 * MIB, dump: 0, time: Duration::ZERO, ..measured(10) };
        assert_eq!(plan(&stop).choice, Choice::Lift);
        assert_eq!(plan(&Situation { rate: 1e9, ..stop }).choice, Choice::Hold);
        assert_eq!(plan(&Situation { rate: 1e9, runtime: Runtime::Go, ..stop }).choice, Choice::Lift);
    }

    #[test]
    fn go_is_lifted_wherever_a_lift_was_measured_to_win() {
        let go =
            |rate| Situation { runtime: Runtime::Go, dump: MIB, time: Duration::from_millis(110), ..measured(rate) };
        for rate in [50, 200, 500] {
            assert_eq!(plan(&go(rate)).choice, Choice::Lift, "{rate}");
        }
        assert_eq!(plan(&go(1_250)).choice, Choice::Outside);
    }

    #[test]
    fn the_sleep_is_shorter_for_huge_pages_at_the_same_overage() {
        let small = plan(&measured(1_000));
        let huge = plan(&Situation { huge_pages: true, ..measured(1_000) });
        assert!(huge.high > small.high);
    }
}

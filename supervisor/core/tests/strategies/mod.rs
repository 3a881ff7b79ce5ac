//! Random services and random inputs, expected or not.

pub mod policy;

use std::time::Duration;

use highwater_core::ability::{Abilities, Ability};
use highwater_core::amount::{Limit, MIB};
use highwater_core::command::{Command, Finished, Input, Probe, Task};
use highwater_core::reading::{Counters, Exit, Inspection, Runtime, Told, Usage, Verdict};
use highwater_core::record::Evidence;
use highwater_core::signal::Signal;
use highwater_core::supervisor::{Config, Wish};
use proptest::prelude::*;

use super::world::service::{Model, OnDump};

const MAX: u64 = 256 * MIB;

/// One thing that happens to the core.
#[derive(Clone, Debug)]
pub enum Act {
    /// Time passes, and the core is woken whenever it wants to be.
    Pass(Duration),
    /// Time passes all at once: the machine slept.
    Jump(Duration),
    /// The service behaves for a while: every command is answered, and usage grows by so much at every turn.
    Behave(u64),
    /// Usage goes to that share of the limit, and the kernel says that a limit was touched.
    Touch(u64),
    /// One of the commands that wait for an answer gets one.
    Answer(usize, u8),
    /// A person asks for something.
    Ask(Wish),
    /// Something else comes, expected or not.
    Tell(Box<Input>),
}

/// A command that waits for its answer.
#[derive(Clone, Debug)]
pub enum Answer {
    Spawned,
    Usage,
    Sample,
    Process,
    Lowered,
    Emptied,
    Adopted,
    Finished(Task),
    Exited,
}

impl Answer {
    pub fn to(command: &Command) -> Option<Self> {
        Some(match command {
            Command::Spawn { .. } => Self::Spawned,
            Command::Probe(Probe::Usage) => Self::Usage,
            Command::Probe(Probe::Sample) => Self::Sample,
            Command::Probe(Probe::Process) => Self::Process,
            Command::Lower(_) => Self::Lowered,
            Command::Kill => Self::Emptied,
            Command::Adopt => Self::Adopted,
            Command::Begin { task, .. } => Self::Finished(*task),
            Command::Signal(_) | Command::Stop(_) => Self::Exited,
            _ => return None,
        })
    }

    /// Whether it is one that may be left out.
    pub fn is_a_reading(&self) -> bool {
        matches!(self, Self::Usage | Self::Sample | Self::Process)
    }

    /// The answer; `outcome` says which of several.
    pub fn input(self, outcome: u8) -> Input {
        let bad = outcome < 15;
        match self {
            Self::Spawned if bad => Input::SpawnFailed { status: 126, reason: "bad luck".into() },
            Self::Spawned => Input::Spawned { pid: 7, cgroup: None },
            Self::Usage => Input::Usage(usage(u64::from(outcome) * MAX / 100, u64::from(outcome % 7) * MIB)),
            Self::Sample => {
                Input::Sample { current: u64::from(outcome) * MAX / 100, dumped: u64::from(outcome) * MIB / 4 }
            }
            Self::Process => Input::Inspected(inspection(outcome)),
            Self::Lowered => Input::Lowered { error: bad.then(|| "EIO".into()) },
            Self::Emptied => Input::Emptied { counters: None, peak: None },
            Self::Adopted => Input::Adopted { pid: 8 },
            Self::Finished(task) if bad => Input::Finished { task, result: Err("bad luck".into()) },
            Self::Finished(task) => {
                let evidence = vec![Evidence { path: "x".into(), bytes: u64::from(outcome) * MIB, took_ms: 1 }];
                let took = Duration::from_millis(u64::from(outcome) * 20);
                Input::Finished { task, result: Ok(Finished { evidence, note: None, took }) }
            }
            Self::Exited => Input::Exited { exit: Exit::Code(i32::from(outcome % 3)), populated: bad },
        }
    }
}

fn inspection(outcome: u8) -> Inspection {
    let handled = if outcome < 15 { 0 } else { u64::MAX };
    let runtime = if outcome.is_multiple_of(4) { Runtime::Go } else { Runtime::Native };
    Inspection { caught: handled, blocked: handled, threads: u32::from(outcome % 5), stopped: outcome == 99, runtime }
}

pub fn usage(current: u64, cache: u64) -> Usage {
    Usage {
        current,
        anon: current.saturating_sub(cache),
        anon_thp: 0,
        inactive_file: cache,
        reclaimable: cache,
        swap: false,
        high: Limit::Max,
        max: MAX,
        head: MAX.saturating_sub(current),
        lendable: 0,
    }
}

pub fn config(dry_run: bool, abilities: u16) -> Config {
    let abilities: Abilities =
        Ability::ALL.into_iter().filter(|ability| abilities & (1 << *ability as u16) != 0).collect();
    Config { dry_run, abilities, ..super::world::config() }
}

pub fn abilities() -> impl Strategy<Value = u16> {
    prop_oneof![4 => Just(u16::MAX), 1 => any::<u16>()]
}

pub fn act() -> impl Strategy<Value = Act> {
    let time = prop_oneof![
        4 => (0_u64..20).prop_map(Duration::from_millis),
        3 => (0_u64..5_000).prop_map(Duration::from_millis),
        1 => (0_u64..400).prop_map(Duration::from_secs),
    ];
    prop_oneof![
        6 => time.prop_map(Act::Pass),
        1 => (0_u64..10_000_000).prop_map(|seconds| Act::Jump(Duration::from_secs(seconds))),
        6 => prop_oneof![Just(0), 0..8 * MIB].prop_map(Act::Behave),
        4 => (60_u64..99).prop_map(Act::Touch),
        10 => (any::<usize>(), 0_u8..100).prop_map(|(which, outcome)| Act::Answer(which, outcome)),
        1 => prop::sample::select(&Wish::ALL[..]).prop_map(Act::Ask),
        6 => input().prop_map(|input| Act::Tell(Box::new(input))),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let counter = || prop_oneof![3 => Just(0_u64), 1 => 0_u64..1_000];
    let counters = (0_u64..1_000, counter(), counter(), counter()).prop_map(|(high, max, oom, oom_kill)| Counters {
        high,
        max,
        oom,
        oom_kill,
    });
    prop_oneof![
        8 => counters.clone().prop_map(Input::Counters),
        8 => (0..=MAX, 0..=MAX).prop_map(|(current, cache)| Input::Usage(usage(current, cache.min(current)))),
        4 => (200 * MIB..=MAX).prop_map(|current| Input::Usage(usage(current, 0))),
        3 => (0..=MAX, 0..=MAX).prop_map(|(current, dumped)| Input::Sample { current, dumped }),
        3 => (0_usize..5).prop_map(|trigger| Input::Stall { trigger }),
        2 => (0_u8..100).prop_map(|outcome| Input::Inspected(inspection(outcome))),
        2 => Just(Input::Spawned { pid: 9, cgroup: None }),
        1 => Just(Input::SpawnFailed { status: 127, reason: "no such file".into() }),
        1 => (0..3, any::<bool>()).prop_map(|(code, populated)| Input::Exited { exit: Exit::Code(code), populated }),
        1 => Just(Input::Exited { exit: Exit::Signal(9), populated: false }),
        2 => prop::option::of(counters).prop_map(|counters| Input::Emptied { counters, peak: None }),
        1 => (0..2).prop_map(|code| Input::Lost { counters: None, peak: None, told: Some(told(code)) }),
        1 => (0_u32..20).prop_map(|task| Input::Finished { task: Task(task), result: Ok(Finished::default()) }),
        1 => any::<bool>().prop_map(Input::Ready),
        1 => any::<u64>().prop_map(|micros| Input::Extended(Duration::from_micros(micros))),
        1 => Just(Input::Adopted { pid: 10 }),
        1 => Just(Input::Forward(Signal::HUP)),
        1 => Just(Input::Stop { reason: "TERM".into() }),
    ]
}

fn told(code: i32) -> Told {
    Told { exit: Exit::Code(code), verdict: if code == 0 { Verdict::Right } else { Verdict::Failed } }
}

pub fn model() -> impl Strategy<Value = Model> {
    let rate = prop_oneof![Just(0.0), 0.01_f64..5.0, 5.0_f64..1_500.0];
    let on_dump = prop_oneof![4 => Just(OnDump::Dumps), 1 => Just(OnDump::Dies), 1 => Just(OnDump::NeverEnds)];
    let shape = (rate, 1_u32..6, 20_u64..250, prop_oneof![2 => Just(0.0), 1 => 0.0_f64..200.0]);
    let life = (prop::option::weighted(0.2, (0_u64..60_000, 0..3_i32)), prop::bool::weighted(0.2), any::<bool>());
    (shape, life, on_dump, 0_u8..99, 1_u64..100).prop_map(|(shape, life, on_dump, look, lowering)| {
        let (rate, leakers, base, cache) = shape;
        let (ends, ignores, leaves_a_daemon) = life;
        Model {
            leakers,
            base: base * MIB,
            cache: cache * MIB as f64,
            inspection: inspection(look),
            on_dump,
            stops_in: (!ignores).then_some(Duration::from_millis(80)),
            ends: ends.map(|(after, code)| (Duration::from_millis(after), Exit::Code(code))),
            leaves_a_daemon,
            lowering: Duration::from_millis(lowering),
            ..Model::leaking(rate)
        }
    })
}

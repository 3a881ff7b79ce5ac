//! Random policies, every one of which checks.

use std::time::Duration;

use highwater_core::amount::{Amount, MIB};
use highwater_core::policy::{
    Action, Baseline, Condition, Counter, Destination, Dump, DumpSource, Evidence, Http, Journal, JvmDump, Line,
    Measure, Memory, Policy, Recipe, Restart, RestartOn, Series, Service, Step, Times, Trigger,
};
use highwater_core::signal::Signal;
use proptest::prelude::*;

pub fn policy() -> impl Strategy<Value = Policy> {
    let triggers = prop::collection::vec(condition(), 1..4);
    let restart_on = prop_oneof![Just(RestartOn::Never), Just(RestartOn::Failure), Just(RestartOn::Always)];
    let memory = (prop::option::weighted(0.8, 50_u32..95), prop::bool::weighted(0.8));
    let times = (0_u64..30_000, 0_u64..100);
    (triggers, restart_on, memory, times, evidence()).prop_flat_map(|(conditions, restart, memory, times, evidence)| {
        let count = conditions.len();
        let named = |(index, condition): (usize, Condition)| Trigger { name: format!("t{index}"), condition };
        let triggers: Vec<Trigger> = conditions.into_iter().enumerate().map(named).collect();
        prop::collection::vec(step(count), 0..6).prop_map(move |mut steps| {
            for (index, step) in steps.iter_mut().enumerate() {
                step.name = format!("s{index}");
            }
            Policy {
                service: Service { stop_timeout: Duration::from_millis(times.0), restart, ..Service::default() },
                memory: Memory {
                    max: None,
                    reserve: None,
                    tripwire: memory.0.map(|share| Amount::Share(share * 100)),
                    hold: memory.1,
                },
                triggers: triggers.clone(),
                steps,
                resolve_after: Duration::from_secs(times.1),
                evidence: evidence.clone(),
                sockets: Vec::new(),
                http: Http::default(),
                journal: Journal::default(),
            }
        })
    })
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let secs = || (1_u64..600).prop_map(Duration::from_secs);
    let baseline = prop::option::of((secs(), secs()).prop_map(|(after, every)| Baseline { after, every }));
    let series = prop::option::of(secs().prop_map(|every| Series { every, keep: 3 }));
    (baseline, series).prop_map(|(baseline, series)| Evidence { baseline, series, ..Evidence::default() })
}

fn condition() -> impl Strategy<Value = Condition> {
    let counter = prop_oneof![
        4 => Just(Counter::High),
        1 => Just(Counter::Max),
        1 => Just(Counter::Oom),
        1 => Just(Counter::OomKill)
    ];
    let measure = prop_oneof![Just(Measure::WorkingSet), Just(Measure::Anon), Just(Measure::Current)];
    prop_oneof![
        5 => counter.prop_map(|counter| Condition::MemoryEvent { counter }),
        1 => (1_u64..2_000).prop_map(|stall| Condition::Pressure {
            line: Line::Some,
            stall: Duration::from_millis(stall),
            window: Duration::from_secs(2),
        }),
        2 => (measure, 40_u32..99, 0_u64..40).prop_map(|(of, share, lasting)| Condition::Usage {
            of,
            above: Amount::Share(share * 100),
            lasting: Duration::from_secs(lasting),
        }),
        1 => (1_u64..600, 1_u64..120).prop_map(|(within, over)| Condition::Exhaustion {
            within: Duration::from_secs(within),
            over: Duration::from_secs(over),
        }),
    ]
}

fn step(triggers: usize) -> impl Strategy<Value = Step> {
    let on = prop::collection::btree_set(0..triggers, 1..=triggers);
    let times = |most: u32| {
        (1..=most, 1_u64..200).prop_map(|(times, within)| Times { times, within: Duration::from_secs(within) })
    };
    let after = prop_oneof![3 => Just(0_u64), 2 => 0_u64..20_000, 1 => 0_u64..100_000];
    (on, after, prop::option::weighted(0.2, times(4)), action()).prop_map(|(on, after, repeat, action)| Step {
        name: String::new(),
        after: Duration::from_millis(after),
        on: on.into_iter().collect(),
        repeat,
        action,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let time = || (1_u64..30_000).prop_map(Duration::from_millis);
    let source = prop_oneof![
        Just(DumpSource::Signal { signal: Signal::USR1, file: "/tmp/x".into() }),
        Just(DumpSource::Http { url: "http://localhost/".into() }),
        Just(DumpSource::Jvm(JvmDump::Histogram)),
        Just(DumpSource::GoHeap),
        Just(DumpSource::Core),
    ];
    let recipe = (source, time(), prop::option::of(0..100 * MIB));
    let recipe = recipe.prop_map(|(source, within, needs)| Recipe { source, within, needs });
    let dump = prop::collection::vec(recipe, 1..4);
    let restart = (1_u32..5, 1_u64..600, 1_u64..3_000, 0_u64..20_000, 1_u64..60);
    prop_oneof![
        8 => dump.prop_map(|recipes| Action::Dump(Dump { recipes, keep: 3 })),
        4 => (50_u32..99, time()).prop_map(|(share, lasting)| Action::Throttle {
            high: Amount::Share(share * 100),
            lasting,
        }),
        4 => restart.prop_map(|(times, within, shortest, more, stable)| Action::Restart(Restart {
            budget: Times { times, within: Duration::from_secs(within) },
            backoff: (Duration::from_millis(shortest), Duration::from_millis(shortest + more)),
            stable_for: Duration::from_secs(stable),
        })),
        1 => Just(Action::Signal { send: Signal::USR2 }),
        2 => time().prop_map(|within| Action::Command { run: vec!["x".into()], within }),
        1 => time().prop_map(|within| Action::Http { post: "http://localhost/".into(), within }),
        1 => Just(Action::Reclaim { amount: Amount::Bytes(MIB) }),
        1 => Just(Action::Kill),
        1 => time().prop_map(|lasting| Action::Shed { lasting }),
        1 => Just(Action::Shrink),
        1 => time().prop_map(|patience| Action::Upload {
            to: Destination::Command { run: vec!["x".into()] },
            patience,
        }),
    ]
}

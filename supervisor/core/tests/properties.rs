//! What always holds, for random policies and for inputs in any order, expected or not.

mod invariants;
mod strategies;
#[allow(dead_code, reason = "the scenarios use the rest of it")]
mod world;

use std::time::Duration;

use highwater_core::amount::MIB;
use highwater_core::command::{Command, Input};
use highwater_core::policy::Policy;
use highwater_core::reading::Counters;
use highwater_core::supervisor::Supervisor;
use highwater_core::time::Instant;
use proptest::prelude::*;

use invariants::Watch;
use strategies::{Act, Answer};

/// A core whose commands are answered, badly or not at all, as the test pleases.
struct Bench {
    core: Supervisor,
    now: Instant,
    watch: Watch,
    open: Vec<Answer>,
    /// What the service uses when it behaves, and how often its limits were touched.
    usage: u64,
    touches: u64,
}

impl Bench {
    fn new(policy: &Policy, dry_run: bool, abilities: u16) -> Self {
        let config = strategies::config(dry_run, abilities);
        let mut core = Supervisor::new(policy.clone(), config);
        let now = Instant::from_nanos(1_000_000_000);
        core.start(now);
        let mut bench = Self { core, now, watch: Watch::new(policy), open: Vec::new(), usage: 60 * MIB, touches: 0 };
        bench.drain();
        bench
    }

    fn input(&mut self, input: Input) {
        self.watch.told(&input);
        self.core.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        for count in 0.. {
            assert!(count < 400, "no end of commands");
            let Some(command) = self.core.poll_command() else { break };
            self.watch.see(self.now, &command);
            match command {
                Command::Cancel(task) => {
                    self.open.retain(|open| !matches!(open, Answer::Finished(other) if *other == task));
                }
                command => self.open.extend(Answer::to(&command)),
            }
        }
        self.watch.check(self.now, &self.core);
    }

    /// Lets time pass, with every wake-up the core asks for on the way, up to a number of them.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut in_place = 0;
        for _ in 0..300 {
            let Some((at, timer)) = self.core.poll_timeout().filter(|(at, _)| *at <= until) else { break };
            in_place = if at <= self.now { in_place + 1 } else { 0 };
            assert!(in_place < 4, "{timer:?} is due again and again");
            self.now = at.max(self.now);
            self.core.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
        self.core.handle_timeout(self.now);
        self.drain();
    }

    fn behave(&mut self, growth: u64) {
        for _ in 0..20 {
            for answer in std::mem::take(&mut self.open) {
                self.usage = (self.usage + growth / 20).min(255 * MIB);
                let input = match answer {
                    Answer::Usage => Input::Usage(strategies::usage(self.usage, 0)),
                    Answer::Sample => Input::Sample { current: self.usage, dumped: 0 },
                    Answer::Spawned | Answer::Process | Answer::Lowered => answer.input(54),
                    _ => {
                        self.open.push(answer);
                        continue;
                    }
                };
                self.input(input);
            }
            self.pass(Duration::from_millis(2));
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Pass(time) => self.pass(time),
            Act::Jump(time) => {
                self.now = self.now + time;
                self.core.handle_timeout(self.now);
                self.drain();
            }
            Act::Behave(growth) => self.behave(growth),
            Act::Touch(share) => {
                self.usage = 256 * MIB * share / 100;
                self.touches += 1;
                self.input(Input::Counters(Counters { high: self.touches, ..Counters::default() }));
                self.behave(0);
            }
            Act::Answer(which, outcome) if !self.open.is_empty() => {
                let answer = self.open.remove(which % self.open.len());
                self.input(answer.input(outcome));
            }
            Act::Answer(..) => {}
            Act::Ask(wish) => {
                let _ = self.core.by_hand(self.now, wish, "somebody");
                self.drain();
            }
            Act::Tell(input) => self.input(*input),
        }
    }
}

/// So many, or as many as `PROPTEST_CASES` says.
#[expect(clippy::disallowed_methods, reason = "a test may be asked for a longer run")]
fn cases(usual: u32) -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: wanted.unwrap_or(usual), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn inputs_in_any_order(
        policy in strategies::policy::policy(),
        dry_run in prop::bool::weighted(0.1),
        abilities in strategies::abilities(),
        acts in prop::collection::vec(strategies::act(), 1..120),
    ) {
        let mut bench = Bench::new(&policy, dry_run, abilities);
        for act in acts {
            bench.act(act);
            if bench.watch.has_ended() {
                bench = Bench::new(&policy, dry_run, abilities);
            }
        }
        bench.input(Input::Stop { reason: "the end of the test".into() });
        for _ in 0..60 {
            bench.open.retain(|answer| !answer.is_a_reading());
            for turn in 0..bench.open.len() {
                bench.act(Act::Answer(0, [40, 60, 80][turn % 3]));
            }
            bench.pass(Duration::from_secs(2));
            if bench.watch.has_ended() {
                break;
            }
        }
        bench.input(Input::Emptied { counters: None, peak: None });
        prop_assert!(bench.watch.has_ended(), "it does not end: {:?}", bench.watch);
    }
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn services_of_every_kind(
        policy in strategies::policy::policy(),
        model in strategies::model(),
        stop_after in prop::option::of(0_u64..600_000),
    ) {
        let mut world = world::World::new(policy.clone(), move |_| model.clone());
        world.run(Duration::from_millis(stop_after.unwrap_or(400_000)));
        if world.ended.is_none() {
            world.tell(Input::Stop { reason: "the end of the test".into() });
            world.run(Duration::from_secs(120));
        }
        prop_assert!(world.ended.is_some(), "it does not end:\n{}", world.story());
        let mut watch = Watch::new(&policy);
        for (index, (now, command)) in world.commands.iter().enumerate() {
            if world.lowered.contains(&index) {
                watch.told(&Input::Lowered { error: None });
            }
            watch.see(*now, command);
        }
        let busy = world.wakeups as f64 / world.now.since(Instant::default()).as_secs_f64();
        prop_assert!(busy < 320.0, "{busy} wake-ups a second:\n{}", world.story());
    }
}

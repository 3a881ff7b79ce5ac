//! A small world on virtual time: it carries out what the core asks for, tells it what happens, and jumps from one
//! moment at which anything happens to the next.

pub mod policies;
pub mod service;
mod story;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use highwater_core::ability::Abilities;
use highwater_core::amount::Limit;
use highwater_core::command::{Command, Ending, Finished, Input, Probe, Task, Work};
use highwater_core::policy::{DumpSource, Policy};
use highwater_core::reading::Exit;
use highwater_core::record::{Evidence, Record};
use highwater_core::signal::Signal;
use highwater_core::supervisor::{Config, Supervisor, Wish};
use highwater_core::time::Instant;

use service::{Happening, Model, Service};
use story::tell;

/// Between the kernel's event and our hearing of it.
const LATENCY: Duration = Duration::from_micros(500);
/// The kernel wakes us no more often than this.
const COALESCED: Duration = Duration::from_millis(16);

pub struct World {
    pub core: Supervisor,
    pub now: Instant,
    pub journal: Vec<Record>,
    pub commands: Vec<(Instant, Command)>,
    /// How many commands there were when each lowering write came back.
    pub lowered: BTreeSet<usize>,
    pub wakeups: usize,
    pub ended: Option<Ending>,
    pub service: Option<Service>,
    /// How long commands and the like take.
    pub work_takes: Duration,
    /// How long a dump that is complete takes to be kept.
    pub keeping_takes: Duration,
    /// Least bytes that were left before the limit.
    pub least_head: u64,
    models: Box<dyn Fn(u32) -> Model>,
    watched: bool,
    heard: Instant,
    later: Vec<(Instant, Input)>,
    works: BTreeMap<Task, Instant>,
    queue: VecDeque<Input>,
}

pub fn config() -> Config {
    Config {
        abilities: Abilities::all(),
        dry_run: false,
        seed: 7,
        incident_prefix: "i".into(),
        learnt: BTreeMap::new(),
        blamed: BTreeSet::new(),
        unfinished: None,
        says_ready: false,
        attached: None,
    }
}

impl World {
    pub fn new(policy: Policy, models: impl Fn(u32) -> Model + 'static) -> Self {
        Self::with(policy, config(), models)
    }

    pub fn with(policy: Policy, config: Config, models: impl Fn(u32) -> Model + 'static) -> Self {
        let mut world = Self {
            core: Supervisor::new(policy, config),
            now: Instant::from_nanos(1_000_000_000),
            journal: Vec::new(),
            commands: Vec::new(),
            lowered: BTreeSet::new(),
            wakeups: 0,
            ended: None,
            service: None,
            work_takes: Duration::from_millis(100),
            keeping_takes: Duration::ZERO,
            least_head: u64::MAX,
            models: Box::new(models),
            watched: true,
            heard: Instant::default(),
            later: Vec::new(),
            works: BTreeMap::new(),
            queue: VecDeque::new(),
        };
        world.core.start(world.now);
        world.drain();
        world
    }

    /// Goes on for so long, or until highwater ends.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        self.run_until(until, |_| false);
    }

    /// Goes on until that is true; fails after an hour.
    pub fn until(&mut self, what: impl Fn(&Self) -> bool) {
        let until = self.now + Duration::from_secs(3_600);
        self.run_until(until, &what);
        assert!(what(self), "did not happen within an hour:\n{}", self.story());
    }

    pub fn tell(&mut self, input: Input) {
        if matches!(input, Input::Lowered { .. }) {
            self.lowered.insert(self.commands.len());
        }
        self.core.handle(self.now, input);
        self.drain();
    }

    /// A person asks for something.
    pub fn ask(&mut self, wish: Wish) -> Result<String, String> {
        let answer = self.core.by_hand(self.now, wish, "somebody");
        self.drain();
        answer
    }

    /// A record whose text contains that, as [`Self::story`] shows it.
    pub fn says(&self, text: &str) -> bool {
        self.story().lines().any(|line| line.contains(text))
    }

    /// How many lines contain that.
    pub fn count(&self, text: &str) -> usize {
        self.story().lines().filter(|line| line.contains(text)).count()
    }

    /// Seconds from the start to the first line that contains that.
    pub fn when(&self, text: &str) -> f64 {
        let line = |record: &&Record| tell(record).contains(text);
        let found = self.journal.iter().find(line);
        let record = found.unwrap_or_else(|| panic!("no {text:?} in:\n{}", self.story()));
        record.at.since(Instant::from_nanos(1_000_000_000)).as_secs_f64()
    }

    /// The journal, one line a record.
    pub fn story(&self) -> String {
        self.journal.iter().map(|record| tell(record) + "\n").collect()
    }

    fn run_until(&mut self, until: Instant, done: impl Fn(&Self) -> bool) {
        while self.now < until && self.ended.is_none() && !done(self) {
            let timeout = self.core.poll_timeout().map_or(until, |(at, _)| at.max(self.now));
            let due = self.later.iter().map(|(at, _)| *at).min().unwrap_or(until);
            let next = until.min(timeout).min(due);
            let happened = self.service.as_mut().and_then(|service| service.go_on(next));
            self.now = self.service.as_ref().filter(|_| happened.is_some()).map_or(next, |service| service.clock);
            self.note_head();
            if let Some(happening) = happened {
                self.happen(happening);
            }
            self.deliver();
            if self.core.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
                self.wakeups += 1;
                self.core.handle_timeout(self.now);
                self.drain();
            }
        }
    }

    fn note_head(&mut self) {
        let head = self.service.as_ref().filter(|service| !service.dead).map(|service| service.usage().head);
        self.least_head = self.least_head.min(head.unwrap_or(u64::MAX));
    }

    fn happen(&mut self, happening: Happening) {
        let Some(service) = self.service.as_ref() else { return };
        match happening {
            Happening::Counted if self.watched => {
                let is_pending = self.later.iter().any(|(_, input)| matches!(input, Input::Counters(_)));
                if !is_pending {
                    let at = (self.now + LATENCY).max(self.heard + COALESCED);
                    self.later.push((at, Input::Counters(service.counters)));
                }
            }
            Happening::Counted => {}
            Happening::Dumped(task, took) => {
                let bytes = service.model.dump.0;
                let evidence = Evidence { path: "heap".into(), bytes, took_ms: took.as_millis() as u64 };
                if !self.keeping_takes.is_zero() {
                    let evidence = evidence.clone();
                    self.later.push((self.now, Input::Closed { task, evidence, in_doubt: false }));
                }
                let finished = Finished { evidence: vec![evidence], note: None, took };
                self.later.push((self.now + self.keeping_takes, Input::Finished { task, result: Ok(finished) }));
            }
            Happening::Ended(exit) => self.main_process_ended(exit),
        }
    }

    fn main_process_ended(&mut self, exit: Exit) {
        let Some(service) = self.service.as_mut() else { return };
        if service.model.leaves_a_daemon && exit == Exit::Code(0) {
            service.dead = false;
            service.model.leaves_a_daemon = false;
            service.model.ends = None;
            *service = Service::new(service.model.clone(), self.now);
            return self.later.push((self.now, Input::Exited { exit, populated: true }));
        }
        let (counters, peak) = (Some(service.counters), Some(service.current()));
        self.later.retain(|(_, input)| !matches!(input, Input::Counters(_)));
        self.later.push((self.now, Input::Exited { exit, populated: false }));
        self.later.push((self.now + Duration::from_millis(1), Input::Emptied { counters, peak }));
    }

    /// Hands over what is due by now.
    fn deliver(&mut self) {
        while let Some(index) = self.later.iter().position(|(at, _)| *at <= self.now) {
            let (_, mut input) = self.later.remove(index);
            if let Input::Counters(counters) = &mut input {
                self.wakeups += 1;
                self.heard = self.now;
                *counters = self.service.as_ref().map_or(*counters, |service| service.counters);
            }
            if matches!(input, Input::Emptied { .. }) {
                self.service = None;
            }
            if let Input::Finished { task, .. } = &input
                && self.works.remove(task).is_none()
            {
                continue;
            }
            self.tell(input);
        }
    }

    /// Carries everything out that the core wants done, and answers what can be answered at once.
    fn drain(&mut self) {
        let mut rounds = 0;
        loop {
            while let Some(command) = self.core.poll_command() {
                self.commands.push((self.now, command.clone()));
                self.carry_out(command);
            }
            let Some(input) = self.queue.pop_front() else { return };
            self.core.handle(self.now, input);
            rounds += 1;
            assert!(
                rounds < 1_000,
                "no end of commands: {:?}",
                self.commands.iter().rev().take(20).collect::<Vec<_>>()
            );
        }
    }

    fn carry_out(&mut self, command: Command) {
        let now = self.now;
        match command {
            Command::Record(record) => self.journal.push(record),
            Command::End(ending) => self.ended = Some(ending),
            Command::Spawn { generation } => self.spawn(generation),
            Command::Watch(on) => self.watched = on,
            Command::Adopt => self.queue.push_back(Input::Adopted { pid: 4_711 }),
            Command::Rearm | Command::Look(_) | Command::Deliver { .. } => {}
            Command::Cancel(task) => {
                self.works.remove(&task);
                if let Some(service) = self.service.as_mut() {
                    service.cancel(task);
                }
            }
            _ => {
                if let Some(mut service) = self.service.take() {
                    service.go_on(now);
                    self.pass_on(&mut service, command);
                    self.service = Some(service);
                }
            }
        }
    }

    fn spawn(&mut self, generation: u32) {
        let model = (self.models)(generation);
        self.watched = true;
        if let Some(status) = model.does_not_start {
            return self.queue.push_back(Input::SpawnFailed { status, reason: "no such file".into() });
        }
        self.service = Some(Service::new(model, self.now));
        self.queue.push_back(Input::Spawned { pid: 100 + generation, cgroup: None });
    }

    fn pass_on(&mut self, service: &mut Service, command: Command) {
        match command {
            Command::Probe(Probe::Usage) => self.queue.push_back(Input::Usage(service.usage())),
            Command::Probe(Probe::Process) => self.queue.push_back(Input::Inspected(service.model.inspection)),
            Command::Probe(Probe::Sample) => {
                self.queue.push_back(Input::Sample { current: service.current(), dumped: service.dumped() });
            }
            Command::Raise(limit) => service.set_high(limit),
            Command::Lower(bytes) => {
                service.set_high(Limit::Bytes(bytes));
                self.later.push((self.now + service.model.lowering, Input::Lowered { error: None }));
            }
            Command::Lend(bytes) => service.lent += bytes,
            Command::Freeze(on) => service.frozen = on,
            Command::Kill => service.kill(),
            Command::Signal(signal) | Command::Stop(signal) => Self::signal(service, signal),
            Command::Begin { task, work } => self.begin(service, task, &work),
            other => panic!("not for the service: {other:?}"),
        }
    }

    fn signal(service: &mut Service, signal: Signal) {
        if signal == Signal::TERM {
            assert!(!service.is_throttled(), "the stop signal was sent to a throttled service");
            service.ask_to_stop();
        }
    }

    fn begin(&mut self, service: &mut Service, task: Task, work: &Work) {
        self.works.insert(task, self.now);
        let done = Ok(Finished::default());
        match work {
            Work::Dump { recipe, .. } | Work::Profile { recipe, .. } if !recipe.source.is_outside() => {
                match recipe.source {
                    DumpSource::Signal { signal, .. } => service.begin_dump(task, Some(signal)),
                    _ => service.begin_dump(task, None),
                }
            }
            _ => self.later.push((self.now + self.work_takes, Input::Finished { task, result: done })),
        }
    }
}

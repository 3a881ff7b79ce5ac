//! A rehearsal: an incident that never happens, played through the core at the start.
//!
//! Under memory pressure every page of the program that was not used yet must be read from a disk that everybody waits
//! for. What was used once stays locked. So the code that decides, and the code that writes records, is used once while
//! all is well; what is never needed takes no memory.

use std::collections::BTreeSet;
use std::time::Duration;

use highwater_core::ability::Abilities;
use highwater_core::amount::{Limit, MIB};
use highwater_core::command::{Command, Finished, Input, Probe};
use highwater_core::policy::Policy;
use highwater_core::reading::{Counters, Exit, Inspection, Usage};
use highwater_core::supervisor::{Config, Supervisor};
use highwater_core::time::Instant;

use crate::sentence::sentence;

/// Moves after which the curtain falls, however far the ladder has got.
const MOVES: u32 = 400;
const MAX: u64 = 256 * MIB;

/// Plays one incident of that policy.
pub fn rehearse(policy: &Policy, config: &Config) {
    let config = Config {
        abilities: Abilities::all(),
        unfinished: None,
        blamed: BTreeSet::default(),
        dry_run: false,
        ..config.clone()
    };
    let mut core = Supervisor::new(policy.clone(), config);
    let mut stage = Stage { now: Instant::default(), current: 100 * MIB, touches: 0 };
    core.start(stage.now);
    for _ in 0..MOVES {
        while let Some(command) = core.poll_command() {
            if let Some(input) = stage.answer(command) {
                core.handle(stage.now, input);
            }
        }
        stage.advance(&mut core);
    }
}

struct Stage {
    now: Instant,
    current: u64,
    touches: u64,
}

impl Stage {
    /// Lets a little time pass in which the service grows, and the tripwire is touched now and then.
    fn advance(&mut self, core: &mut Supervisor) {
        self.current = (self.current + MIB).min(MAX - 20 * MIB);
        self.now = match core.poll_timeout() {
            Some((at, _)) if at.since(self.now) < Duration::from_secs(1) => at.max(self.now),
            _ => self.now + Duration::from_millis(500),
        };
        self.touches += 1;
        if self.touches.is_multiple_of(50) {
            let counters = Counters { high: self.touches, ..Counters::default() };
            core.handle(self.now, Input::Counters(counters));
        }
        core.handle_timeout(self.now);
    }

    fn answer(&mut self, command: Command) -> Option<Input> {
        Some(match command {
            Command::Record(record) => {
                std::hint::black_box((sentence(&record), serde_json::to_string(&record.event).ok()));
                return None;
            }
            Command::Spawn { .. } => {
                self.current = 100 * MIB;
                Input::Spawned { pid: 0, cgroup: None }
            }
            Command::Probe(Probe::Sample) => Input::Sample { current: self.current, dumped: 0 },
            Command::Probe(Probe::Usage) => Input::Usage(self.usage()),
            Command::Probe(Probe::Process) => {
                Input::Inspected(Inspection { blocked: u64::MAX, threads: 4, ..Inspection::default() })
            }
            Command::Lower(_) => Input::Lowered { error: None },
            Command::Begin { task, .. } => Input::Finished { task, result: Ok(Finished::default()) },
            Command::Stop(_) => Input::Exited { exit: Exit::Code(0), populated: false },
            Command::Kill => Input::Emptied { counters: None, peak: None },
            _ => return None,
        })
    }

    fn usage(&self) -> Usage {
        Usage {
            current: self.current,
            anon: self.current,
            anon_thp: 0,
            inactive_file: 0,
            reclaimable: 0,
            swap: false,
            high: Limit::Max,
            max: MAX,
            head: MAX - self.current,
            lendable: 0,
        }
    }
}

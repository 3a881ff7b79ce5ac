//! The leaking threads.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use memmap2::MmapMut;
use nix::sys::prctl;
use nix::sys::signal::SigSet;

use crate::error::Error;
use crate::gate::Gate;
use crate::log::Log;
use crate::memory::{self, HugePages};
use crate::pace::{PIECE, Pace, Rate};

/// How much address space a thread maps at a time. Mapping is rare, so that no leaking thread is often in a system call.
const AREA: usize = 256 * 1024 * 1024;

/// What the command line says about the leak.
#[derive(Clone)]
pub(crate) struct Plan {
    /// Over all threads.
    pub(crate) rate: Rate,
    pub(crate) threads: usize,
    /// Calm for so long first.
    pub(crate) after: Duration,
    /// The first bytes, over all threads, come unpaced.
    pub(crate) burst: usize,
    /// The leak ends when so many bytes were leaked.
    pub(crate) plateau: Option<usize>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { rate: Rate::None, threads: 1, after: Duration::ZERO, burst: 0, plateau: None }
    }
}

impl Plan {
    /// Whether there will be leaking threads.
    pub(crate) fn leaks(&self) -> bool {
        self.rate != Rate::None
    }
}

/// One leak, shared by its threads.
pub(crate) struct Leak {
    plan: Plan,
    huge_pages: HugePages,
    gate: Arc<Gate>,
    log: Arc<Log>,
    leaked: AtomicUsize,
    at_plateau: AtomicUsize,
}

impl Leak {
    pub(crate) fn new(plan: &Plan, huge_pages: HugePages, gate: Arc<Gate>, log: Arc<Log>) -> Arc<Self> {
        Arc::new(Self {
            plan: plan.clone(),
            huge_pages,
            gate,
            log,
            leaked: AtomicUsize::new(0),
            at_plateau: AtomicUsize::new(0),
        })
    }

    /// Bytes leaked so far.
    pub(crate) fn bytes(&self) -> usize {
        self.leaked.load(Ordering::Relaxed)
    }

    /// Starts the threads; `signals` are let through in them and in no other.
    pub(crate) fn start(self: &Arc<Self>, signals: SigSet) -> Result<(), Error> {
        let count = if self.plan.leaks() { self.plan.threads } else { 0 };
        for number in 1..=count {
            let leak = Arc::clone(self);
            thread::Builder::new()
                .name(format!("leak-{number}"))
                .spawn(move || leak.run(signals))
                .map_err(Error::Thread)?;
        }
        Ok(())
    }

    fn run(&self, signals: SigSet) {
        let outcome = signals.thread_unblock().map_err(Error::system("pthread_sigmask")).and_then(|()| {
            thread::sleep(self.plan.after);
            self.leak()
        });
        if let Err(error) = outcome {
            eprintln!("leaker: the leak ended: {error}");
        }
        // A thread that returned would take its signal mask along: the handler needs someone to run in.
        loop {
            thread::park();
        }
    }

    /// Leaks piece by piece until the plateau, which for most leaks never comes.
    fn leak(&self) -> Result<(), Error> {
        // Without it every pause is 50 us longer, and 1000 MB/s are out of reach.
        prctl::set_timerslack(1).map_err(Error::system("prctl(PR_SET_TIMERSLACK)"))?;
        let mut pace = Pace::new(self.plan.rate.split(self.plan.threads));
        loop {
            let mut area = memory::map(AREA, self.huge_pages)?;
            let goes_on = self.fill(&mut area, &mut pace);
            mem::forget(area);
            if !goes_on {
                self.rest();
                return Ok(());
            }
        }
    }

    /// The last thread to reach the plateau says so.
    fn rest(&self) {
        if self.at_plateau.fetch_add(1, Ordering::Relaxed) + 1 == self.plan.threads {
            self.log.line(&format!("plateau {}", self.bytes()));
        }
    }

    /// Touches an area piece by piece; false when the plateau was reached on the way.
    fn fill(&self, area: &mut MmapMut, pace: &mut Pace) -> bool {
        for piece in area.chunks_mut(PIECE) {
            let before = self.leaked.fetch_add(PIECE, Ordering::Relaxed);
            if self.plan.plateau.is_some_and(|plateau| before >= plateau) {
                self.leaked.fetch_sub(PIECE, Ordering::Relaxed);
                return false;
            }
            if before >= self.plan.burst {
                pace.wait();
            }
            let pass = self.gate.piece();
            memory::touch(piece);
            drop(pass);
        }
        true
    }
}

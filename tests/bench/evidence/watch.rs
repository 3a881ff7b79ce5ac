//! Looking at something every 5 ms, from a thread of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::service::Service;

const PERIOD: Duration = Duration::from_millis(5);

pub struct Watch<T> {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Watch<T> {
    /// Begins with this, and looks until the end.
    fn start(mut seen: T, look: impl Fn(&mut T) + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                look(&mut seen);
                thread::sleep(PERIOD);
            }
            seen
        });
        Self { is_over, thread }
    }

    /// What was seen until now.
    pub fn end(self) -> T {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only reads")
    }
}

/// Bytes charged to the service, memory of its own and page cache apart, and to highwater and its helpers beside it.
#[derive(Clone, Copy, Default)]
pub struct Charged {
    pub own: u64,
    pub cache: u64,
    pub beside: u64,
}

impl Charged {
    /// `whole` is the cgroup of highwater, in which that of the service lies.
    pub fn now(whole: &Path, service: &Path) -> Self {
        let current = current(service);
        let text = std::fs::read_to_string(service.join("memory.stat")).unwrap_or_default();
        let cache = text.lines().find_map(|line| line.strip_prefix("file ")?.parse().ok()).unwrap_or(0);
        let beside = self::current(whole).saturating_sub(current);
        Self { own: current.saturating_sub(cache), cache, beside }
    }

    /// The most of each.
    pub fn peak(whole: &Path, service: &Path) -> Watch<Self> {
        let (whole, service) = (whole.to_owned(), service.to_owned());
        Watch::start(Self::default(), move |peak| {
            let now = Self::now(&whole, &service);
            peak.own = peak.own.max(now.own);
            peak.cache = peak.cache.max(now.cache);
            peak.beside = peak.beside.max(now.beside);
        })
    }

    /// What is more than that.
    pub fn beyond(self, before: Self) -> Self {
        Self {
            own: self.own.saturating_sub(before.own),
            cache: self.cache.saturating_sub(before.cache),
            beside: self.beside.saturating_sub(before.beside),
        }
    }
}

fn current(cgroup: &Path) -> u64 {
    let text = std::fs::read_to_string(cgroup.join("memory.current")).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// How long usage took from one level to another.
pub struct Climb {
    levels: [u64; 2],
    reached: [Option<Instant>; 2],
}

impl Climb {
    pub fn between(from: u64, to: u64, service: &Path) -> Watch<Self> {
        let service = service.to_owned();
        Watch::start(Self { levels: [from, to], reached: [None; 2] }, move |climb| {
            let now = current(&service);
            for (level, reached) in climb.levels.iter().zip(&mut climb.reached) {
                if now >= *level && reached.is_none() {
                    *reached = Some(Instant::now());
                }
            }
        })
    }

    /// In MB/s; nothing if it never came so far.
    pub fn rate(&self) -> Option<u64> {
        let took = self.reached[1]?.duration_since(self.reached[0]?);
        Some(((self.levels[1] - self.levels[0]) as f64 / 1e6 / took.as_secs_f64().max(0.001)) as u64)
    }
}

/// Time without an answer.
pub struct Gap {
    last: Instant,
    pub longest: Duration,
}

impl Gap {
    /// Between two answers of `/healthz`; connections that are refused or broken are no answers.
    pub fn of(service: &Arc<Service>) -> Watch<Self> {
        let service = Arc::clone(service);
        Watch::start(Self { last: Instant::now(), longest: Duration::ZERO }, move |gap| {
            if service.is_healthy() {
                gap.longest = gap.longest.max(gap.last.elapsed());
                gap.last = Instant::now();
            }
        })
    }
}

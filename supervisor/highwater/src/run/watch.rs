//! Watchers: small tasks that sleep on one descriptor each and say what has become of it.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use highwater_core::command::Input;
use highwater_core::policy::{self, Condition, Policy};
use highwater_core::reading;
use highwater_kernel::cgroup::{Counters, MemoryEvents, Populated};
use highwater_kernel::pidfd::Pidfd;
use highwater_kernel::psi::{self, Armed, PressureReader};
use tokio::io::Interest;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{AbortHandle, spawn_local};

use super::Wake;
use crate::ready::register;

/// A watcher that ends when it is dropped.
#[derive(Debug)]
pub struct Watcher(AbortHandle);

impl Watcher {
    /// One whose task is that.
    pub fn of(task: AbortHandle) -> Self {
        Self(task)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Says where the events of a generation go.
#[derive(Clone, Debug)]
pub struct Report {
    /// The loop.
    pub wake: UnboundedSender<Wake>,
    /// The generation they are about.
    pub generation: u32,
}

impl Report {
    fn input(&self, input: Input) -> bool {
        self.wake.send(Wake::Input(self.generation, input)).is_ok()
    }
}

/// Watches `memory.events`. `base` is where the counters stood when the generation began.
pub fn counters(counters: Counters, base: reading::Counters, report: Report) -> std::io::Result<Watcher> {
    // A freshly opened file is ready until it has been read once.
    let _ = counters.read();
    let ready = register(counters, Interest::PRIORITY)?;
    let watch = async move {
        while let Ok(mut guard) = ready.ready(Interest::PRIORITY).await {
            guard.clear_ready();
            let Ok(events) = ready.get_ref().read() else { return };
            if !report.input(Input::Counters(counted(&events).since(base))) {
                return;
            }
        }
    };
    Ok(Watcher(spawn_local(watch).abort_handle()))
}

/// The counters the core knows.
pub fn counted(events: &MemoryEvents) -> reading::Counters {
    reading::Counters { high: events.high, max: events.max, oom: events.oom, oom_kill: events.oom_kill }
}

/// Watches whether anybody is left in a cgroup.
pub fn populated(populated: Populated, report: Report) -> std::io::Result<Watcher> {
    let _ = populated.read();
    let ready = register(populated, Interest::PRIORITY)?;
    let watch = async move {
        while let Ok(mut guard) = ready.ready(Interest::PRIORITY).await {
            guard.clear_ready();
            let is_empty = ready.get_ref().read().map_or(true, |state| !state.populated);
            if is_empty && report.wake.send(Wake::Empty(report.generation)).is_err() {
                return;
            }
        }
    };
    Ok(Watcher(spawn_local(watch).abort_handle()))
}

/// Watches for the end of the main process.
pub fn main_process(pidfd: &Pidfd, report: Report) -> std::io::Result<Watcher> {
    let ready = register(pidfd.as_fd().try_clone_to_owned()?, Interest::READABLE)?;
    let watch = async move {
        if ready.readable().await.is_ok() {
            let _ = report.wake.send(Wake::MainExited(report.generation));
        }
    };
    Ok(Watcher(spawn_local(watch).abort_handle()))
}

/// Arms the PSI triggers of a policy on a pressure file. What the host does not allow is said.
pub fn stalls(policy: &Policy, file: &Path, report: &Report) -> Vec<Watcher> {
    let mut watchers = Vec::new();
    for (trigger, rule) in policy.triggers.iter().enumerate() {
        let Condition::Pressure { line, stall, window } = rule.condition else { continue };
        let line = match line {
            policy::Line::Some => psi::Line::Some,
            policy::Line::Full => psi::Line::Full,
        };
        match psi::arm_best(file, line, stall, window) {
            Ok(armed) => {
                if !armed.exact {
                    let wider = armed.window.as_secs_f32();
                    tracing::warn!("trigger {}: its window is {wider} s here, the next the kernel takes", rule.name);
                }
                let file = PressureReader::open(file).ok();
                let stalled = file.map(|file| Stalled { file, line, stall, trigger });
                watchers.extend(stalled.and_then(|stalled| stalled.watch(armed, report.clone())));
            }
            Err(error) => tracing::warn!("trigger {} cannot fire: {error}", rule.name),
        }
    }
    watchers
}

/// One PSI trigger.
struct Stalled {
    file: PressureReader,
    line: psi::Line,
    stall: Duration,
    trigger: usize,
}

impl Stalled {
    fn watch(self, armed: Armed, report: Report) -> Option<Watcher> {
        let mut total = self.total()?;
        let ready = register(armed.trigger, Interest::PRIORITY).ok()?;
        let watch = async move {
            while let Ok(mut guard) = ready.ready(Interest::PRIORITY).await {
                guard.clear_ready();
                let Some(now) = self.total() else { return };
                let stalled = now.saturating_sub(std::mem::replace(&mut total, now));
                // An unprivileged trigger fires once for nothing after it was armed.
                let is_real = Duration::from_micros(stalled) >= self.stall / 2;
                if is_real && !report.input(Input::Stall { trigger: self.trigger }) {
                    return;
                }
            }
        };
        Some(Watcher(spawn_local(watch).abort_handle()))
    }

    fn total(&self) -> Option<u64> {
        let pressure = self.file.read().ok()?;
        let averages = match self.line {
            psi::Line::Some => pressure.some,
            psi::Line::Full => pressure.full,
        };
        averages.map(|averages| averages.total_us)
    }
}

//! Triggers: what the kernel refuses, and what can never fire.

use std::time::Duration;

use highwater_core::policy::Counter;

use super::{steps, triggers};
use crate::language::{Document, MemoryEvent, Pressure};
use crate::notes::Notes;
use crate::text::amount::Tripwire;
use crate::text::duration::shown;

/// Windows the kernel accepts for a PSI trigger.
const WINDOWS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// Without `CAP_SYS_RESOURCE` a window is a multiple of this.
const UNPRIVILEGED: Duration = Duration::from_secs(2);

pub(super) fn check(document: &Document, notes: &mut Notes) {
    for trigger in triggers(document).iter().filter_map(|entry| entry.value.as_ref()) {
        if let Some(pressure) = &trigger.pressure.value {
            window(pressure, notes);
            stall(pressure, notes);
        }
        if let Some(event) = &trigger.memory_event.value {
            tripwire(event, document, notes);
        }
    }
    unheard(document, notes);
}

fn window(pressure: &Pressure, notes: &mut Notes) {
    let Some((window, at)) = pressure.window.given() else { return };
    let window = window.0;
    if window < WINDOWS.0 || window > WINDOWS.1 {
        let message = format!("PSI refuses a window of {}", shown(window));
        notes.error(at, message, "a window from 500ms to 10s");
    } else if !window.as_nanos().is_multiple_of(UNPRIVILEGED.as_nanos()) {
        let rounded = UNPRIVILEGED * (window.as_millis().div_ceil(UNPRIVILEGED.as_millis()) as u32);
        let message = format!("a window of {} needs CAP_SYS_RESOURCE", shown(window));
        let allowed = format!("without it, {} is used", shown(rounded));
        notes.warning(at, message, allowed).help("windows of 2s, 4s, 6s, 8s and 10s are open to everyone");
    }
}

fn stall(pressure: &Pressure, notes: &mut Notes) {
    let (Some((stall, at)), Some((window, _))) = (pressure.stall.given(), pressure.window.given()) else { return };
    if stall > window {
        let message = format!("{} of stall do not fit into a window of {}", shown(stall.0), shown(window.0));
        notes.error(at, message, format!("at most {}", shown(window.0)));
    } else if stall.0 < Duration::from_micros(1) {
        notes.error(at, format!("PSI counts microseconds: {} is none", shown(stall.0)), "at least 1us");
    }
}

/// A trigger on `high` while highwater does not set `memory.high`: on a cgroup of highwater's own it never fires, but on
/// one that is only attached to, somebody else may have set a limit.
fn tripwire(event: &MemoryEvent, document: &Document, notes: &mut Notes) {
    let off = document.memory.value.as_ref().is_some_and(|memory| memory.tripwire.value == Some(Tripwire::Off));
    if let Some((Counter::High, at)) = event.counter.given()
        && off
    {
        notes
            .warning(
                at,
                "the tripwire is \"off\": this never fires unless somebody else sets memory.high",
                "or \"max\"",
            )
            .help("set `tripwire = \"80%\"` in [memory], or use a `usage` trigger");
    }
}

/// Triggers no step answers.
fn unheard(document: &Document, notes: &mut Notes) {
    let mut answered = Vec::new();
    for step in steps(document) {
        match &step.on.value {
            Some(names) => answered.extend(names.0.iter().map(|(name, _)| name.as_str())),
            None => return,
        }
    }
    let unheard = triggers(document).iter().filter(|entry| !answered.contains(&entry.name.as_str()));
    for entry in unheard.filter(|_| !answered.is_empty()) {
        let message = format!("no step answers the trigger `{}`", entry.name);
        notes.warning(&entry.name_at, message, "it is only written to the journal");
    }
}

//! The steps against each other: names, references, and those that can never run.

use std::collections::HashMap;
use std::ops::Range;

use highwater_core::policy::Counter;

use super::{name_of, steps, triggers};
use crate::collections::Entry;
use crate::language::{Document, Step};
use crate::nearest::{list, nearest};
use crate::notes::Notes;
use crate::report::Severity;

/// So many firings of a trigger are remembered.
const REMEMBERED: u32 = 64;

pub(super) fn check(document: &Document, notes: &mut Notes) {
    something_to_do(document, notes);
    same_names(document, notes);
    references(document, notes);
    never_run(document, notes);
    too_late(document, notes);
    forgotten(document, notes);
}

/// A ladder needs triggers, and triggers a ladder.
fn something_to_do(document: &Document, notes: &mut Notes) {
    let wrong = document.step.value.is_none() || document.trigger.value.is_none();
    let first = steps(document).next();
    match (first, triggers(document)) {
        _ if wrong => {}
        (Some(step), []) => {
            notes
                .error(&step.span, "steps without a trigger never run", "no [trigger.NAME] starts the ladder")
                .help("for example: [trigger.breach] with memory-event = { counter = \"high\" }");
        }
        (None, [_, ..]) => {
            notes
                .whole(Severity::Warning, "no steps: incidents are written to the journal, nothing is done about them");
        }
        (None, []) => {
            notes.whole(Severity::Warning, "neither triggers nor steps: the service is run, and nothing is watched");
        }
        (Some(_), _) => {}
    }
}

fn same_names(document: &Document, notes: &mut Notes) {
    let mut seen: HashMap<&str, Range<usize>> = HashMap::new();
    for (name, at) in steps(document).filter_map(|step| step.name.given()) {
        match seen.get(name.0.as_str()) {
            Some(first) => {
                let message = format!("another step is named \"{}\"", name.0);
                notes.error(at, message, "a name of its own").see(first.clone(), "the first is");
            }
            None => _ = seen.insert(&name.0, at.clone()),
        }
    }
}

/// `on` names triggers there are, each once.
fn references(document: &Document, notes: &mut Notes) {
    let known: Vec<&str> = triggers(document).iter().map(|entry| entry.name.as_str()).collect();
    for names in steps(document).filter_map(|step| step.on.value.as_ref()) {
        for (index, (name, at)) in names.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let label = match nearest(name, known.iter().copied()) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => format!("the triggers are {}", list(known.iter().copied())),
                };
                notes.error(at, format!("there is no trigger \"{name}\""), label);
            } else if names.0[..index].iter().any(|(earlier, _)| earlier == name) {
                notes.error(at, format!("\"{name}\" is listed twice"), "each trigger once");
            }
        }
    }
}

/// The names of the triggers a step answers.
fn answers<'d>(step: &'d Step, all: &'d [Entry<crate::language::Trigger>]) -> Vec<&'d str> {
    match &step.on.value {
        Some(names) => names.0.iter().map(|(name, _)| name.as_str()).collect(),
        None => all.iter().map(|entry| entry.name.as_str()).collect(),
    }
}

/// Whether the step ends the generation, and with it the climb.
fn ends_the_climb(step: &Step) -> bool {
    step.restart.is_present() || step.kill.is_present()
}

/// Steps behind one that ends the climb whenever they could run.
fn never_run(document: &Document, notes: &mut Notes) {
    let mut ends: Vec<&Step> = Vec::new();
    for step in steps(document) {
        if let Some(end) = ends.iter().find(|end| is_reached_first(end, step, document)) {
            cut_off(step, end, notes);
        }
        if ends_the_climb(step) {
            ends.push(step);
        }
    }
}

/// Notes that `step` comes after `end`. What runs outside of the service still has its turn when the service dies by
/// itself.
fn cut_off(step: &Step, end: &Step, notes: &mut Notes) {
    const WHY: &str = "the next generation begins at the first step again";
    let ((name, at), (end, end_at)) = (name_of(step), name_of(end));
    let note = if is_outside(step) {
        let message = format!("the step \"{name}\" only runs when the service dies before \"{end}\"");
        notes.warning(at, message, WHY)
    } else {
        notes.error(at, format!("the step \"{name}\" can never run: \"{end}\" is before it"), WHY)
    };
    note.see(end_at.clone(), "that step is").help("move it before that step, or give it other triggers with `on`");
}

/// Whether the action needs no living service.
fn is_outside(step: &Step) -> bool {
    [step.command.is_present(), step.http.is_present(), step.upload.is_present(), step.notify.is_present()]
        .contains(&true)
}

/// Whether `end` runs in every incident in which `step`, which comes later, would.
fn is_reached_first(end: &Step, step: &Step, document: &Document) -> bool {
    let all = triggers(document);
    let ends = answers(end, all);
    let known = [end, step].iter().all(|step| step.on.value.is_some() == step.on.is_present());
    let fires = known && answers(step, all).iter().all(|name| ends.contains(name));
    let repeat =
        |step: &Step| Some((step.repeat.value.as_ref()?.times.value?.0, step.repeat.value.as_ref()?.within.value?.0));
    let often_enough = match (repeat(end), repeat(step)) {
        _ if !end.repeat.is_present() => true,
        (Some(first), Some(later)) => later.0 >= first.0 && later.1 <= first.1,
        _ => false,
    };
    fires && often_enough
}

/// Steps that need a living service, on triggers that say it is dead.
fn too_late(document: &Document, notes: &mut Notes) {
    let all = triggers(document);
    let kills = |name: &&str| {
        let entry = all.iter().find(|entry| entry.name == **name);
        let event = entry.and_then(|entry| entry.value.as_ref()?.memory_event.value.as_ref());
        event.is_some_and(|event| event.counter.value == Some(Counter::OomKill))
    };
    for step in steps(document).filter(|step| !is_outside(step)) {
        let names = answers(step, all);
        if !names.is_empty() && names.iter().all(kills) {
            let (name, at) = name_of(step);
            let message = format!("the step \"{name}\" comes too late: after an oom-kill the service is dead");
            notes
                .warning(at, message, "only `command`, `http`, `upload` and `notify` still can")
                .help("`[service] restart` starts it again");
        }
    }
}

/// `repeat` asks for more firings than are remembered.
fn forgotten(document: &Document, notes: &mut Notes) {
    for repeat in steps(document).filter_map(|step| step.repeat.value.as_ref()) {
        if let Some((times, at)) = repeat.times.given().filter(|(times, _)| times.0 > REMEMBERED) {
            let message = format!("a step after {} firings can never run", times.0);
            notes.error(at, message, format!("at most {REMEMBERED} are remembered"));
        }
    }
}

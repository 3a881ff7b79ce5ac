//! What the outcomes of the steps ask for.

use crate::incident::{Incident, Step};

/// What the ends of lives and the outcomes of steps ask for.
pub fn by_outcome(incident: &Incident) -> Vec<String> {
    let whole = [gave_up(incident), killed(incident)].into_iter().flatten();
    whole.chain(incident.steps.iter().filter_map(about)).collect()
}

fn gave_up(incident: &Incident) -> Option<String> {
    let said = "The service is down, because its restart budget is spent. Start it again when the cause is known; a larger \
                `budget` of the restart step only delays this.";
    incident.budget_is_spent().then(|| said.into())
}

fn killed(incident: &Incident) -> Option<String> {
    let life = incident.killed()?;
    let said = if life.was_killed_from_above() {
        "The kernel was first, at a limit above the service's own. Lower `max` under `[memory]`, so that highwater sees it \
         coming."
    } else {
        "The kernel was first. Begin sooner: lower `tripwire` under `[memory]`, add a trigger on `exhaustion`, or give the \
         last steps room with `reserve` under `[memory]`."
    };
    Some(said.into())
}

fn about(step: &Step) -> Option<String> {
    let reason = step.reason.as_deref().unwrap_or_default();
    let name = step.step.replace('`', "'");
    match (step.action.as_str(), step.outcome.as_deref()?) {
        (_, "skipped") if reason.contains("does not handle") => Some(format!(
            "The step `{name}` was left out, because its signal would have ended the service: handle the signal in the \
             service, or choose another source."
        )),
        (_, "skipped") if reason.contains("lacks") => Some(format!(
            "The step `{name}` cannot work on this host: `highwater doctor` says how to get what is missing."
        )),
        ("dump", "skipped") => Some(format!(
            "There was no room for the dump `{name}`. Give it some with `reserve` under `[memory]`, begin sooner with a lower \
             `tripwire`, or choose a cheaper source."
        )),
        ("dump", "timed-out") => {
            Some(format!("The dump `{name}` needs longer than its `within` allows: raise it, and begin sooner."))
        }
        ("dump", "failed") if reason.contains("died") => Some(format!(
            "The service died during the dump `{name}`, which is not tried again in this incident. Begin sooner, or choose a \
             cheaper source."
        )),
        ("dump", "failed") => Some(format!("The dump `{name}` failed: try it by hand while all is calm.")),
        ("restart", "failed" | "timed-out") if !reason.contains("budget") => Some(format!(
            "The restart `{name}` did not work as planned: see whether the service stops within its `stop-timeout` and \
             starts again."
        )),
        ("command" | "http" | "upload" | "notify", "failed" | "timed-out") => {
            Some(format!("The step `{name}` did not work: try what it does by hand."))
        }
        _ => None,
    }
}

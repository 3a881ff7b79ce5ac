//! What to do next, by what it was, what runs in the service and how the steps went.

mod evidence;
mod kind;
mod ladder;
mod limit;

use crate::incident::Incident;

/// What to do next, the most useful first: whole sentences, with what is to be typed between backticks.
pub fn advice(incident: &Incident) -> Vec<String> {
    let parts = [
        evidence::look_at_the_culprit(incident),
        evidence::open(incident),
        kind::by_kind(incident),
        ladder::by_outcome(incident),
        limit::by_runtime(incident),
        evidence::for_next_time(incident),
    ];
    let mut advice: Vec<String> = Vec::new();
    for said in parts.into_iter().flatten() {
        if !advice.contains(&said) {
            advice.push(said);
        }
    }
    advice
}

//! Amounts against the limit they are measured by.

use std::ops::Range;

use highwater_core::amount::Amount;

use super::{steps, triggers};
use crate::language::{Document, Memory};
use crate::notes::Notes;
use crate::text::amount::{Max, Tripwire};

pub(super) fn check(document: &Document, notes: &mut Notes) {
    let Some(memory) = &document.memory.value else { return };
    let max = match memory.max.value {
        Some(Max::Bytes(bytes)) => Some(bytes),
        _ => None,
    };
    if memory.max.value == Some(Max::None) {
        nothing_to_measure_by(document, memory, notes);
    }
    tripwire(memory, max, notes);
    levels(document, max, notes);
    throttles(document, max, notes);
}

/// Whether usage cannot pass `amount`, because the limit is there first.
fn is_beyond(amount: Amount, max: Option<u64>) -> bool {
    match amount {
        Amount::Share(share) => share >= 10_000,
        Amount::Bytes(bytes) => max.is_some_and(|max| bytes >= max),
    }
}

/// `max = "none"`: every percentage, and every prediction, is of nothing.
fn nothing_to_measure_by(document: &Document, memory: &Memory, notes: &mut Notes) {
    const ADVICE: &str = "state an amount in bytes, or set `max` in [memory]";
    for (amount, at) in amounts(document) {
        if let Amount::Share(_) = amount {
            notes.error(&at, format!("{amount} of no limit"), "`max` is \"none\": bytes are needed").help(ADVICE);
        }
    }
    if !memory.tripwire.is_present() {
        notes
            .error(
                &memory.max.at,
                "the tripwire is at 80% by default, and there is no limit",
                "a percentage of nothing",
            )
            .help("set `tripwire` in bytes, or to \"off\"");
    }
    for trigger in triggers(document).iter().filter_map(|entry| entry.value.as_ref()) {
        if trigger.exhaustion.is_present() {
            let at = &trigger.exhaustion.at;
            notes.error(at, "a limit that is not there is never reached", "`max` is \"none\"").help(ADVICE);
        }
    }
}

/// Every amount that is written down, with its place.
fn amounts(document: &Document) -> Vec<(Amount, Range<usize>)> {
    let tripwire = document.memory.value.iter().filter_map(|memory| match memory.tripwire.given() {
        Some((Tripwire::At(amount), at)) => Some((*amount, at.clone())),
        _ => None,
    });
    let usages =
        triggers(document).iter().filter_map(|entry| entry.value.as_ref()?.usage.value.as_ref()?.above.given());
    let throttles = steps(document).filter_map(|step| step.throttle.value.as_ref()?.high.given());
    let reclaims = steps(document).filter_map(|step| step.reclaim.value.as_ref()?.amount.given());
    let others = usages.chain(throttles).chain(reclaims).map(|(amount, at)| (*amount, at.clone()));
    tripwire.chain(others).collect()
}

fn tripwire(memory: &Memory, max: Option<u64>, notes: &mut Notes) {
    if let Some((Tripwire::At(amount), at)) = memory.tripwire.given()
        && is_beyond(*amount, max)
    {
        notes
            .error(at, format!("a tripwire at {amount} is not touched before the limit"), "less than the limit")
            .help("\"80%\" leaves time to act");
    }
}

fn levels(document: &Document, max: Option<u64>, notes: &mut Notes) {
    for usage in triggers(document).iter().filter_map(|entry| entry.value.as_ref()?.usage.value.as_ref()) {
        if let Some((amount, at)) = usage.above.given()
            && is_beyond(*amount, max)
        {
            notes.error(at, format!("usage never stays above {amount}: the limit is there"), "less than the limit");
        }
    }
}

fn throttles(document: &Document, max: Option<u64>, notes: &mut Notes) {
    for throttle in steps(document).filter_map(|step| step.throttle.value.as_ref()) {
        if let Some((amount, at)) = throttle.high.given()
            && is_beyond(*amount, max)
        {
            notes.error(at, format!("a throttle at {amount} holds nothing back"), "less than the limit");
        }
    }
}

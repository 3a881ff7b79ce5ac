//! A restart budget against its backoff.

use std::time::Duration;

use super::steps;
use crate::language::{Document, Restart};
use crate::notes::Notes;
use crate::text::backoff::Backoff;
use crate::text::duration::shown;

pub(super) fn check(document: &Document, notes: &mut Notes) {
    for restart in steps(document).filter_map(|step| step.restart.value.as_ref()) {
        spendable(restart, notes);
    }
}

/// A budget whose restarts are further apart than its window would never be spent: it would loop for ever.
fn spendable(restart: &Restart, notes: &mut Notes) -> Option<()> {
    let budget = restart.budget.value.as_ref()?;
    let backoff = restart.backoff.value?;
    let (times, within) = (budget.times.value?.0, budget.within.value?.0);
    let pauses = shortest_pauses(backoff, restart.stable_for.value?.0, times);
    let total: Duration = pauses.iter().sum();
    if total < within {
        return None;
    }
    let at = if restart.backoff.is_present() { &restart.backoff.at } else { &budget.within.at };
    let message = format!("a budget of {times} within {} can never be spent", shown(within));
    let allowed = format!("{times} pauses take at least {} = {}", sum(&pauses), shown(total));
    notes
        .error(at, message, allowed)
        .help("it would restart for ever: a longer `within`, fewer `times` or shorter pauses");
    Some(())
}

/// The first `times` pauses as short as they can be: a quarter may be taken off at random, though never below the
/// shortest, and a stable generation starts the row anew.
fn shortest_pauses(backoff: Backoff, stable_for: Duration, times: u32) -> Vec<Duration> {
    let doubled = |pause: &Duration| Some(pause.saturating_mul(2).min(backoff.longest));
    let row = std::iter::successors(Some(backoff.shortest), doubled).take(times as usize);
    row.map(|pause| (pause * 3 / 4).clamp(backoff.shortest, backoff.shortest + stable_for)).collect()
}

/// A sum for people; a long one is cut.
fn sum(pauses: &[Duration]) -> String {
    const MOST: usize = 6;
    let mut terms: Vec<String> = pauses.iter().take(MOST).map(|pause| shown(*pause)).collect();
    if pauses.len() > MOST {
        terms.push("...".to_owned());
    }
    terms.join(" + ")
}

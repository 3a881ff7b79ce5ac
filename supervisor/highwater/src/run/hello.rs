//! The first records: what highwater is about to do, and what it found.

use std::time::Duration;

use highwater_core::ability::Ability;
use highwater_core::policy::Policy;
use highwater_core::record::{Event, Missing, Record};
use highwater_evidence::store::Store;
use highwater_kernel::leftovers;

use super::hands::Hands;
use super::{event_loop, plan};
use crate::cli;
use crate::container::Container;
use crate::host::PREFIX;

/// Processes of a predecessor are given that long to end by SIGKILL.
const KILL_TIME: Duration = Duration::from_secs(5);

/// Says what is watched, what would be done, and what this host lacks.
pub fn say_hello(hands: &mut Hands, arguments: &cli::Run, policy: &Policy) {
    let missing = |lack: &crate::host::Lack| Missing { ability: lack.ability, reason: lack.reason.clone() };
    let event = Event::SupervisorStarted {
        abilities: hands.host.abilities.iter().map(Ability::name).collect(),
        missing: hands.host.missing.iter().map(missing).collect(),
        policy: arguments.policy.as_ref().map_or_else(|| "default".into(), |file| file.display().to_string()),
        plan: plan::lines(policy, hands.host.abilities, arguments.dry_run),
    };
    hands.record(&Record { at: event_loop::now(), generation: 0, incident: None, event });
    if !hands.sockets.is_empty() {
        let reason = format!("sockets that stay open over every restart: {}", hands.sockets);
        event_loop::note(hands, reason);
    }
    if let Some(container) = Container::find() {
        container.statements(&hands.host, policy).into_iter().for_each(|statement| event_loop::note(hands, statement));
    }
    if let Some(torn) = hands.journal.recovered() {
        event_loop::note(hands, format!("the end of the journal was not whole, which was taken out: {torn}"));
    }
    if let Some(step) = hands.state.attempt() {
        let reason = format!("{step} was under way when the predecessor ended: it is not tried again until SIGHUP");
        event_loop::note(hands, reason);
    }
}

/// Finds what a dead predecessor left behind: unthrottled, killed, removed and reported.
pub fn clear_leftovers(hands: &mut Hands) {
    clear_groups(hands);
    clear_workplaces(hands);
}

/// Commands that were working on a capture when it died leave where they worked.
fn clear_workplaces(hands: &mut Hands) {
    let stores = [&hands.around.evidence, &hands.healthy].map(Clone::clone);
    for root in stores.into_iter().filter(|root| root.exists()) {
        match Store::open(&root).and_then(|store| store.tidy()) {
            Ok(0) => {}
            Ok(count) => {
                event_loop::note(
                    hands,
                    format!("removed {count} unfinished captures of a predecessor from {}", root.display()),
                );
            }
            Err(error) => event_loop::note(hands, format!("what a predecessor left of a capture stays: {error}")),
        }
    }
}

fn clear_groups(hands: &mut Hands) {
    let Some(delegation) = hands.host.delegation() else { return };
    let mut reports = Vec::new();
    match leftovers::find(&delegation.base, PREFIX) {
        Ok(groups) => {
            for group in groups {
                reports.push(match leftovers::clear(&delegation.base, &group, KILL_TIME) {
                    Ok(left) => format!(
                        "found {} of a predecessor with processes {:?}{}: killed{}",
                        left.name,
                        left.pids,
                        if left.throttled { ", throttled" } else { "" },
                        if left.removed { " and removed" } else { "; some of them do not end" }
                    ),
                    Err(error) => format!("{} of a predecessor cannot be cleared: {error}", group.name()),
                });
            }
        }
        Err(error) => reports.push(error.to_string()),
    }
    for report in reports {
        event_loop::note(hands, report);
    }
}

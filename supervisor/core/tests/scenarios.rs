//! Whole stories on virtual time, told by the journal they leave.

mod world;

use prelude::*;

/// What most stories need.
mod prelude {
    pub use std::time::Duration;

    pub use highwater_core::ability::{Abilities, Ability};
    pub use highwater_core::amount::{Amount, Limit, MIB};
    pub use highwater_core::command::{Command, Ending, Input, Moment, Probe, Work};
    pub use highwater_core::policy::{Action, Condition, Line, Policy, RestartOn, Step, Trigger};
    pub use highwater_core::reading::{Exit, Inspection, Runtime, Told, Usage, Verdict};
    pub use highwater_core::record::Event;
    pub use highwater_core::signal::Signal;
    pub use highwater_core::supervisor::{Attached, Config, Wish};
    pub use highwater_core::timer::Timer;

    pub use crate::world::policies::*;
    pub use crate::world::service::{Model, OnDump};
    pub use crate::world::{World, config};
    pub(crate) use crate::{begun, dumps, ended_gracefully, last_write_of_high, lowered, near};
}

mod scenarios {
    mod attached;
    mod by_hand;
    mod calm;
    mod dumping;
    mod healthy;
    mod readiness;
    mod recipes;
    mod reloading;
    mod sleeping;
    mod stopping;
    mod the_documented_ladder;
    mod the_end_of_the_service;
    mod the_order_of_steps;
    mod throttling;
}

fn near(seconds: f64, expected: f64) -> bool {
    (seconds - expected).abs() < 0.2
}

/// The service was asked to end before it was killed or died.
fn ended_gracefully(world: &World) -> bool {
    world.says("service exited Some(0)") && !world.commands.iter().any(|(_, command)| *command == Command::Kill)
}

fn begun(world: &World, wanted: impl Fn(&Work) -> bool) -> usize {
    world.commands.iter().filter(|(_, command)| matches!(command, Command::Begin { work, .. } if wanted(work))).count()
}

fn dumps(world: &World) -> usize {
    begun(world, |work| matches!(work, Work::Dump { .. }))
}

fn lowered(world: &World) -> usize {
    world.commands.iter().filter(|(_, command)| matches!(command, Command::Lower(_))).count()
}

fn last_write_of_high(world: &World) -> Option<&Command> {
    let mut writes = world.commands.iter().map(|(_, command)| command);
    writes.rfind(|command| matches!(command, Command::Raise(_) | Command::Lower(_)))
}

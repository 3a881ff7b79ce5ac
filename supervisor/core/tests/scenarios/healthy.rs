//! The healthy service is profiled, to compare later profiles with; never during an incident.

use highwater_core::policy::{Baseline, Evidence, Series};

use crate::prelude::*;

fn profiling(baseline: Option<(u64, u64)>, series: Option<u64>) -> Policy {
    let baseline = baseline.map(|(after, every)| Baseline { after: secs(after), every: secs(every) });
    let series = series.map(|every| Series { every: secs(every), keep: 10 });
    Policy { evidence: Evidence { baseline, series, ..Evidence::default() }, ..documented() }
}

fn profiles(world: &World) -> usize {
    begun(world, |work| matches!(work, Work::Profile { .. }))
}

#[test]
fn a_baseline_is_taken_at_its_age_and_again_later() {
    let mut world = World::new(profiling(Some((300, 3_600)), None), |_| Model::calm());
    world.run(secs(299));
    assert_eq!(profiles(&world), 0);
    world.run(secs(10));
    assert_eq!(profiles(&world), 1, "{}", world.story());
    world.run(secs(3_600));
    assert_eq!(profiles(&world), 2);
    assert_eq!(world.count("ProfileTaken"), 2, "{}", world.story());
}

#[test]
fn a_series_goes_on() {
    let mut world =
        World::new(profiling(Some((30, 86_400)), Some(60)), |_| Model { dump: (MIB, millis(80)), ..Model::calm() });
    world.run(secs(605));
    assert_eq!(profiles(&world), 11, "{}", world.story());
}

#[test]
fn an_incident_comes_first() {
    let slow = |_| Model { dump: (MIB, secs(15)), ..Model::leaking(1.0) };
    let mut world = World::new(profiling(None, Some(143)), slow);
    world.until(|world| world.says("dump started"));
    assert!(world.says("an incident opened"), "{}", world.story());
    let before = profiles(&world);
    world.until(|world| world.says("restart done"));
    assert_eq!(profiles(&world), before, "{}", world.story());
}

#[test]
fn a_profile_that_kills_the_service_is_not_tried_again() {
    let dies = |_| Model { on_dump: OnDump::Dies, ..Model::calm() };
    let mut world = World::new(profiling(Some((30, 60)), None), dies);
    world.run(secs(3_600));
    assert_eq!(profiles(&world), 1, "{}", world.story());
    assert_eq!(world.count("service started"), 2);
}

#[test]
fn a_service_that_does_not_handle_the_signal_is_left_alone() {
    let deaf = |_| Model { inspection: Inspection { threads: 4, ..Inspection::default() }, ..Model::calm() };
    let mut world = World::new(profiling(Some((30, 60)), None), deaf);
    world.run(secs(3_600));
    assert_eq!(profiles(&world), 0);
    assert!((6..70).contains(&world.count("ProfileSkipped")), "{}", world.story());
}

#[test]
fn it_is_looked_at_from_outside_at_the_breach_and_before_the_end() {
    let mut world = World::new(documented(), |_| Model::leaking(1.0));
    world.until(|world| world.says("service exited"));
    let at = |wanted: &Command| world.commands.iter().position(|(_, command)| command == wanted);
    let begun = world.commands.iter().position(|(_, command)| matches!(command, Command::Begin { .. }));
    assert!(begun < at(&Command::Look(Moment::Breach)), "the dump could not wait");
    assert!(at(&Command::Look(Moment::Last)) < at(&Command::Stop(Signal::TERM)));
}

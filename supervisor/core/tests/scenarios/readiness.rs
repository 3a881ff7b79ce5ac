//! When load should come to the service, and how a restart waits for that.

use crate::prelude::*;

fn shed(seconds: u64) -> Step {
    step("shed", Action::Shed { lasting: secs(seconds) })
}

fn waits(world: &World) -> Option<String> {
    world.core.readiness(world.now).reason
}

#[test]
fn a_service_is_ready_while_nothing_is_done_to_it() {
    let mut world = World::new(documented(), |_| Model { on_dump: OnDump::NeverEnds, ..Model::leaking(1.0) });
    world.run(secs(1));
    assert_eq!(waits(&world), None);
    world.until(|world| world.says("dump started"));
    assert_eq!(waits(&world).as_deref(), Some("step dump takes a dump"));
    world.until(|world| world.says("dump timed out"));
    assert_eq!(waits(&world), None);
}

#[test]
fn a_shed_sends_load_away_for_its_time() {
    let policy = Policy { steps: vec![shed(30)], ..documented() };
    let mut world = World::new(policy, |_| Model::leaking(1.0));
    world.until(|world| world.says("shed done"));
    let readiness = world.core.readiness(world.now);
    assert_eq!(readiness.reason.as_deref(), Some("step shed sends load away"));
    assert_eq!(readiness.retry_after, Some(secs(30)));
    world.run(secs(31));
    assert!(waits(&world).is_none() && world.says("shed ended: its time is over"), "{}", world.story());
}

#[test]
fn a_shed_ends_with_its_generation() {
    let policy = Policy { steps: vec![shed(600), after(10, restart(3, secs(3_600)))], ..documented() };
    let mut world = World::new(policy, |_| Model::leaking(1.0));
    world.until(|world| world.count("service started") == 2);
    assert!(waits(&world).is_none() && world.says("shed ended: a new generation began"), "{}", world.story());
}

fn restarted_but_not_ready() -> World {
    let policy = Policy { steps: vec![after(1, restart(3, secs(3_600)))], ..documented() };
    let config = Config { says_ready: true, ..config() };
    let mut world = World::with(policy, config, |generation| match generation {
        1 => Model::leaking(10.0),
        _ => Model::calm(),
    });
    assert_eq!(waits(&world).as_deref(), Some("the service has not said that it is ready"));
    world.tell(Input::Ready(true));
    assert_eq!(waits(&world), None);
    world.until(|world| world.count("service started") == 2);
    assert!(!world.says("restart done"), "{}", world.story());
    assert_eq!(waits(&world).as_deref(), Some("the service has not said that it is ready"));
    world
}

#[test]
fn a_restart_is_over_when_the_service_says_that_it_is_ready() {
    let mut world = restarted_but_not_ready();
    world.run(secs(5));
    world.tell(Input::Ready(true));
    assert!(waits(&world).is_none() && world.says("restart done"), "{}", world.story());
}

#[test]
fn a_service_that_asks_for_more_time_to_become_ready_has_it() {
    let mut world = restarted_but_not_ready();
    world.tell(Input::Extended(secs(30)));
    world.run(secs(80));
    world.tell(Input::Extended(secs(60)));
    world.run(secs(50));
    assert!(!world.says("restart timed out"), "{}", world.story());
    world.run(secs(11));
    assert!(world.says("restart timed out"), "{}", world.story());
}

#[test]
fn a_restart_fails_when_the_service_never_says_it() {
    let mut world = restarted_but_not_ready();
    world.run(secs(91));
    assert!(world.says("restart timed out"), "{}", world.story());
}

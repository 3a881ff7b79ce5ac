//! A machine that is suspended, while its monotonic clock stands still.

use crate::prelude::*;

/// Usage stays above the level from the start.
fn above(lasting: u64) -> World {
    let mut policy = Policy { triggers: vec![near_limit(50, secs(lasting))], ..documented() };
    policy.memory.tripwire = None;
    World::new(policy, |_| Model { base: 180 * MIB, ..Model::calm() })
}

#[test]
fn a_level_must_last_again_after_a_sleep() {
    let mut undisturbed = above(30);
    undisturbed.run(secs(35));
    assert!(undisturbed.says("incident opened"), "{}", undisturbed.story());

    let mut world = above(30);
    world.run(secs(20));
    world.tell(Input::Slept(secs(7_200)));
    assert!(world.says("the machine slept for 7200 s"), "{}", world.story());
    world.run(secs(20));
    assert!(!world.says("incident opened"), "20 s before the sleep do not count:\n{}", world.story());
    world.run(secs(15));
    assert!(world.says("incident opened"), "{}", world.story());
}

#[test]
fn stalls_of_waking_up_are_none() {
    let stall = Condition::Pressure { line: Line::Some, stall: millis(200), window: secs(2) };
    let policy = Policy { triggers: vec![Trigger { name: "stall".into(), condition: stall }], ..documented() };
    let mut world = World::new(policy, |_| Model::calm());
    world.run(secs(10));
    world.tell(Input::Slept(secs(60)));
    world.run(secs(1));
    world.tell(Input::Stall { trigger: 0 });
    assert!(!world.says("incident opened"), "{}", world.story());
    world.run(secs(2));
    world.tell(Input::Stall { trigger: 0 });
    assert!(world.says("incident opened"), "{}", world.story());
}

#[test]
fn an_incident_goes_on_after_a_sleep() {
    let mut world = World::new(documented(), |_| Model::leaking(1.0));
    world.until(|world| world.says("incident opened"));
    world.tell(Input::Slept(secs(600)));
    world.until(|world| world.says("service exited"));
    assert!(ended_gracefully(&world), "{}", world.story());
}

//! A new policy comes while the service runs.

use crate::prelude::*;

fn reload(world: &mut World, policy: Policy) {
    world.tell(Input::Reload { policy: Box::new(policy), file: "new.toml".into() });
}

#[test]
fn in_calm_it_is_in_force_at_once() {
    let mut world = World::new(documented(), |_| Model::calm());
    world.run(secs(1));
    let mut policy = documented();
    policy.memory.tripwire = Some(Amount::Share(9_000));
    reload(&mut world, policy);
    assert!(world.says("policy new.toml in force"));
    world.run(secs(1));
    assert_eq!(world.service.as_ref().unwrap().high, Limit::Bytes(Amount::Share(9_000).of(256 * MIB)));
    let mut policy = documented();
    policy.memory.tripwire = None;
    reload(&mut world, policy);
    world.run(secs(1));
    assert_eq!(world.service.as_ref().unwrap().high, Limit::Max);
    assert_eq!(world.core.poll_timeout().map(|(_, timer)| timer), Some(Timer::Healthy));
}

#[test]
fn in_an_incident_it_waits_for_the_end_of_it() {
    let leaky = |generation| if generation == 1 { Model::leaking(1.0) } else { Model::calm() };
    let mut world = World::new(documented(), leaky);
    world.until(|world| world.says("dump done"));
    reload(&mut world, bare());
    assert!(!world.says("policy new.toml in force"));
    world.until(|world| world.says("policy new.toml in force"));
    assert!(world.when("policy new.toml") >= world.when("incident resolved"), "{}", world.story());
    assert_eq!(*world.core.policy(), bare());
}

//! Steps that a person asks for.

use crate::prelude::*;

fn calm() -> World {
    World::new(documented(), |_| Model::calm())
}

#[test]
fn a_dump_is_taken_in_an_incident_of_its_own() {
    let mut world = calm();
    assert_eq!(world.ask(Wish::Dump).as_deref(), Ok("dump"));
    world.until(|world| world.says("dump done"));
    assert!(world.says("dump started asked for by somebody"), "{}", world.story());
    world.until(|world| world.says("incident resolved"));
    assert!(near(world.when("incident resolved") - world.when("dump done"), 60.0), "{}", world.story());
    assert_eq!(dumps(&world), 1, "nothing else follows: {}", world.story());
    assert_eq!(world.count("throttle started") + world.count("restart started"), 0);
}

#[test]
fn a_restart_neither_waits_nor_costs_anything_of_the_budget() {
    let policy = Policy { steps: vec![after(120, restart(1, secs(3_600)))], ..documented() };
    let mut world = World::new(policy, |_| Model::calm());
    for generation in 2..6 {
        assert_eq!(world.ask(Wish::Restart).as_deref(), Ok("restart"));
        world.until(|world| {
            world.count("service started") == generation && world.count("restart done") == generation - 1
        });
    }
    assert!(ended_gracefully(&world) && world.ended.is_none(), "{}", world.story());
    assert_eq!(world.core.status(world.now).budget.left, 1);
    assert_eq!(world.count("backoff"), 0);
}

#[test]
fn a_throttle_is_a_lease_and_a_dump_beside_it_lifts_it() {
    let mut world = World::new(documented(), |_| Model { cache: 1.0, ..Model::leaking(0.1) });
    world.run(secs(5));
    assert_eq!(world.ask(Wish::Throttle).as_deref(), Ok("throttle"));
    world.run(secs(1));
    assert!(world.core.status(world.now).throttle.is_some(), "{}", world.story());
    assert_eq!(world.ask(Wish::Dump).as_deref(), Ok("dump"));
    world.until(|world| world.says("dump done"));
    assert!(world.says("throttle lifted: given back for step dump"), "{}", world.story());
}

#[test]
fn a_step_asked_for_out_of_its_turn_is_not_passed_over_as_well() {
    let ladder = vec![Step { on: vec![1], ..throttle("90", secs(30)) }, after(3, restart(3, secs(3_600)))];
    let mut policy = Policy { steps: ladder, ..documented() };
    policy.triggers.push(near_limit(99, secs(60)));
    policy.steps[1].on = vec![0];
    let mut world = World::new(policy, |_| Model::leaking(1.0));
    world.until(|world| world.says("incident opened"));
    assert_eq!(world.ask(Wish::Throttle).as_deref(), Ok("throttle"));
    world.until(|world| world.says("restart started"));
    assert!(world.says("throttle done") && !world.says("throttle skipped"), "{}", world.story());
}

#[test]
fn what_cannot_be_done_is_refused_and_written_down() {
    let mut world = World::new(Policy { steps: Vec::new(), ..documented() }, |_| Model::calm());
    assert_eq!(world.ask(Wish::Dump), Err("the policy has no step with dump".into()));
    assert!(world.says("dump asked for by somebody: the policy has no step with dump"), "{}", world.story());
    assert!(!world.says("incident"), "{}", world.story());
    let mut world = World::new(documented(), |_| Model { on_dump: OnDump::NeverEnds, ..Model::calm() });
    world.ask(Wish::Dump).unwrap();
    world.run(secs(1));
    assert_eq!(world.ask(Wish::Restart), Err("step dump is under way".into()));
}

#[test]
fn the_status_follows_the_ladder() {
    let mut world = World::new(documented(), |_| Model { on_dump: OnDump::NeverEnds, ..Model::leaking(1.0) });
    let progress = |world: &World| -> Vec<String> {
        let ladder = world.core.status(world.now).ladder;
        ladder.iter().map(|rung| format!("{} {:?}", rung.name, rung.progress)).collect()
    };
    assert_eq!(progress(&world), ["dump Ahead", "throttle Ahead", "restart Ahead"]);
    world.until(|world| world.says("dump started"));
    assert_eq!(progress(&world), ["dump Running", "throttle Next", "restart Ahead"]);
    world.until(|world| world.says("dump timed out"));
    assert_eq!(progress(&world), ["dump Past", "throttle Next", "restart Ahead"]);
    let status = world.core.status(world.now);
    assert!(status.triggers[0].firing && status.triggers[0].fired > 0);
    assert_eq!(status.incident.unwrap().next_ms, Some(10_000));
    assert_eq!((status.budget.left, status.budget.times), (3, 3));
}

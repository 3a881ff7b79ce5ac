//! A calm service wakes nobody, and page cache is no incident.

use crate::prelude::*;

#[test]
fn a_calm_service_wakes_nobody_but_for_a_daily_look() {
    let mut world = World::new(documented(), |_| Model { sawtooth: (100 * MIB, secs(60)), ..Model::calm() });
    world.run(secs(61));
    assert!(world.commands.iter().any(|(_, command)| *command == Command::Look(Moment::Healthy)));
    let seen = world.wakeups;
    world.run(secs(30 * 86_400));
    assert_eq!(world.wakeups - seen, 30, "only to look at it once a day");
    let wire = Command::Lower(204 * MIB + 838_860);
    assert_eq!(world.commands.iter().filter(|(_, command)| *command == wire).count(), 1);
    assert_eq!(world.journal.len(), 1, "{}", world.story());
}

#[test]
fn a_month_with_a_sampled_trigger_is_simulated_in_a_moment() {
    let mut policy = Policy { triggers: vec![near_limit(90, secs(30))], ..documented() };
    policy.memory.tripwire = None;
    let mut world = World::new(policy, |_| Model { sawtooth: (100 * MIB, secs(60)), ..Model::calm() });
    world.run(secs(86_400));
    assert_eq!(world.journal.len(), 1, "{}", world.story());
    assert!(world.wakeups <= 90_000 * 2, "{}", world.wakeups);
}

#[test]
fn a_level_above_the_tripwire_needs_no_sampling() {
    let mut policy = documented();
    policy.triggers.push(near_limit(90, secs(30)));
    let mut world = World::new(policy, |_| Model::calm());
    world.run(secs(80_000));
    assert_eq!(world.wakeups, 1, "to look at it once");
}

#[test]
fn page_cache_at_the_tripwire_is_no_incident_and_no_busy_loop() {
    let mut world = World::new(documented(), |_| Model { cache: 100.0 * MIB as f64, ..Model::calm() });
    world.run(secs(3_600));
    assert!(!world.says("incident"), "{}", world.story());
    assert!(world.wakeups < 3_600 * 2, "{} wake-ups", world.wakeups);
    let touches = lowered(&world);
    assert!((10..30).contains(&touches), "{touches} touches: the wait should double up to 5 min");
    let before = world.wakeups;
    world.run(secs(60));
    assert!(world.wakeups - before <= 130, "{} wake-ups in a minute", world.wakeups - before);
}

#[test]
fn page_cache_that_stays_is_armed_over_and_then_calm() {
    let world = World::new(documented(), |_| Model::calm());
    let mut world = world;
    world.service.as_mut().unwrap().model.cache = 50.0 * MIB as f64;
    world.run(secs(10));
    world.service.as_mut().unwrap().model.cache = 0.0;
    world.run(secs(60));
    let before = world.wakeups;
    world.run(secs(80_000));
    assert_eq!(world.wakeups, before);
}

#[test]
fn page_cache_at_the_limit_without_a_tripwire_is_no_busy_loop() {
    let mut policy = documented();
    policy.memory.tripwire = None;
    let mut world = World::new(policy, |_| Model { cache: 100.0 * MIB as f64, ..Model::calm() });
    world.run(secs(3_600));
    assert!(!world.says("incident"), "{}", world.story());
    assert!(world.wakeups < 3_600 * 2, "{} wake-ups", world.wakeups);
}

#[test]
fn a_leak_beside_busy_page_cache_is_found() {
    let mut world = World::new(documented(), |_| Model { cache: 20.0 * MIB as f64, ..Model::leaking(1.0) });
    world.until(|world| world.says("service exited"));
    assert!(world.says("dump done") && ended_gracefully(&world), "{}", world.story());
}

#[test]
fn no_answers_are_no_reason_to_spin() {
    let mut world = World::new(documented(), |_| Model::calm());
    world.tell(Input::Exited { exit: Exit::Code(1), populated: false });
    world.tell(Input::Emptied { counters: None, peak: None });
    world.service = None;
    let mut core = world.core.clone();
    let mut now = world.now;
    let mut wakeups = 0;
    for _ in 0..10 {
        let Some((at, _)) = core.poll_timeout() else { break };
        now = at.max(now);
        core.handle_timeout(now);
        while let Some(command) = core.poll_command() {
            if matches!(command, Command::Spawn { .. }) {
                core.handle(now, Input::Spawned { pid: 5, cgroup: None });
            }
            wakeups += usize::from(command == Command::Probe(Probe::Usage));
        }
    }
    assert!(wakeups > 0 && now.since(world.now) > secs(5), "{wakeups} {:?}", now.since(world.now));
}

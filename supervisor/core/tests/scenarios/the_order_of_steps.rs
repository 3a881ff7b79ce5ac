//! Which step comes when, and which is left out.

use crate::prelude::*;

#[test]
fn three_tiers() {
    let steps = vec![dump(), repeated(3, 60, signal(Signal::USR2)), after(120, restart(3, secs(3_600)))];
    let handles = |_| {
        let calm = Model::leaking(4.0);
        let caught = calm.inspection.caught | Signal::USR2.bit();
        Model { inspection: Inspection { caught, ..calm.inspection }, ..calm }
    };
    let mut world = World::new(Policy { steps, ..bare() }, handles);
    world.until(|world| world.says("restart done"));
    let fired: Vec<f64> = world.story().lines().filter(|l| l.contains("breach fired")).map(seconds).collect();
    assert!(near(world.when("signal started"), fired[2]), "{}", world.story());
    assert!(fired[1] < world.when("signal started"));
    assert!(ended_gracefully(&world));
}

fn seconds(line: &str) -> f64 {
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_step_waits_for_its_own_triggers() {
    let mut policy = documented();
    policy.triggers.push(near_limit(90, secs(2)));
    policy.steps[1].on = vec![1];
    let mut world = World::new(policy, |_| Model::leaking(0.5));
    world.until(|world| world.says("throttle started"));
    assert!(world.when("near-limit fired") <= world.when("throttle started"), "{}", world.story());
    assert!(world.when("throttle started") > world.when("dump done") + 15.0);
}

#[test]
fn a_step_whose_triggers_stay_away_is_passed_over() {
    let mut policy = documented();
    policy.triggers.push(near_limit(99, secs(2)));
    policy.steps[1].on = vec![1];
    let mut world = World::new(policy, |_| Model::leaking(0.05));
    world.until(|world| world.says("restart started"));
    assert!(world.says("throttle skipped: its triggers did not fire"), "{}", world.story());
    assert!(near(world.when("restart started"), world.when("dump done") + 120.0));
}

#[test]
fn an_incident_that_calms_down_climbs_no_further() {
    let mut world = World::new(documented(), |_| Model { leak_up_to: 206 * MIB, ..Model::leaking(30.0) });
    world.until(|world| world.says("dump done"));
    world.run(secs(1));
    let level = 256 * MIB / 100 * 80;
    let further_up = world.service.as_ref().unwrap().high.bytes().is_some_and(|high| high > level + MIB);
    assert!(further_up, "{}", world.story());
    let clock = world.now;
    let model = Model { base: 60 * MIB, ..Model::calm() };
    world.service = Some(crate::world::service::Service::new(model, clock));
    world.until(|world| world.says("incident resolved"));
    assert!(near(world.when("incident resolved"), world.when("breach cleared") + 60.0), "{}", world.story());
    assert_eq!(world.count("restart started"), 0);
    world.run(secs(1));
    let back = world.service.as_ref().unwrap().high.bytes().is_some_and(|high| high < level + MIB);
    assert!(back, "the tripwire is where the policy wants it");
}

#[test]
fn dry_run_says_and_does_nothing() {
    let config = Config { dry_run: true, ..config() };
    let mut world = World::with(documented(), config, |_| Model::leaking(0.1));
    world.until(|world| world.says("would send SIGTERM"));
    assert!(world.says("dump done after 0 ms: dry run: would dump by SIGUSR1"), "{}", world.story());
    let acted = |command: &Command| {
        matches!(command, Command::Begin { .. } | Command::Signal(_) | Command::Stop(_) | Command::Kill)
    };
    assert!(!world.commands.iter().any(|(_, command)| acted(command)));
}

#[test]
fn missing_abilities_skip_their_steps() {
    let config = Config { abilities: Abilities::default(), ..config() };
    let mut world = World::with(documented(), config, |_| Model::leaking(2.0));
    world.until(|world| world.says("service exited"));
    assert!(world.says("dump skipped: this host lacks inotify"), "{}", world.story());
    assert!(world.says("throttle skipped: this host lacks throttle"));
    assert_eq!(lowered(&world), 0);
    assert!(ended_gracefully(&world), "{}", world.story());
}

#[test]
fn a_tripwire_that_gave_way_to_a_step_is_armed_again() {
    let mut policy = bare();
    policy.triggers = vec![near_limit(60, secs(1))];
    policy.steps = vec![dump()];
    let model = |_| Model { leak_up_to: 170 * MIB, ..Model::leaking(20.0) };
    let mut world = World::new(policy, model);
    world.until(|world| world.says("dump done"));
    world.run(secs(10));
    assert!(matches!(last_write_of_high(&world), Some(Command::Lower(_))), "{}", world.story());
}

//! Throttles: leases that always end.

use crate::prelude::*;

fn only_throttle(lasting: Duration) -> Policy {
    Policy { steps: vec![throttle("75", lasting)], ..bare() }
}

#[test]
fn a_lease_ends_on_time_and_the_tripwire_is_armed_again() {
    let mut world = World::new(only_throttle(secs(30)), |_| Model::leaking(1.0));
    world.until(|world| world.says("throttle lifted: its time is over"));
    assert!(near(world.when("throttle done"), world.when("throttle started") + 30.0));
    let (from, to) = (world.commands.len(), world.now + secs(20));
    world.until(|world| world.now >= to);
    let armed = world.commands[from..].iter().any(|(_, command)| matches!(command, Command::Lower(_)));
    assert!(armed, "{}", world.story());
}

#[test]
fn a_lease_is_never_deeper_than_five_percent() {
    let mut world = World::new(only_throttle(secs(300)), |_| Model { leakers: 4, ..Model::leaking(100.0) });
    world.until(|world| world.says("throttle started"));
    let from = world.commands.len();
    let current = world.service.as_ref().unwrap().current();
    world.run(secs(1));
    let lowered = world.commands[from - 5..].iter().find_map(|(_, command)| match command {
        Command::Lower(bytes) => Some(*bytes),
        _ => None,
    });
    let least = (current as f64 * 0.94) as u64;
    assert!(lowered.is_some_and(|bytes| bytes > least && bytes < current), "{lowered:?} {current}");
}

#[test]
fn a_lease_ends_when_the_incident_resolves() {
    let policy = Policy { resolve_after: secs(5), ..only_throttle(secs(300)) };
    let mut world = World::new(policy, |_| Model::leaking(20.0));
    world.until(|world| world.says("throttle started"));
    world.run(secs(5));
    world.service = world.service.take().map(|service| {
        let model = Model { base: 80 * MIB, leak: 0.0, ..service.model.clone() };
        let high = service.high;
        let mut service = crate::world::service::Service::new(model, service.clock);
        service.high = high;
        service
    });
    world.until(|world| world.says("incident resolved"));
    assert!(world.says("throttle lifted: the incident is over"), "{}", world.story());
    assert!(world.when("throttle lifted") <= world.when("incident resolved"));
    world.run(secs(70));
    let before = world.wakeups;
    world.run(secs(3_600));
    assert_eq!(world.wakeups, before, "calm again, and woken by the tripwire alone");
    assert!(matches!(last_write_of_high(&world), Some(Command::Lower(_))));
}

#[test]
fn a_throttle_that_would_freeze_the_service_for_nothing_is_skipped() {
    let policy = Policy { steps: vec![after(10, throttle("75", secs(60)))], ..bare() };
    let mut world = World::new(policy, |_| Model { leak_up_to: 210 * MIB, ..Model::leaking(10.0) });
    world.run(secs(40));
    assert!(world.says("throttle skipped"), "{}", world.story());
    assert_eq!(world.count("throttle lifted"), 0);
}

#[test]
fn a_throttle_as_the_first_step_does_not_wait_to_know_the_rate() {
    let mut world = World::new(only_throttle(secs(30)), |_| Model::leaking(50.0));
    world.until(|world| world.says("throttle started") || world.says("throttle skipped"));
    assert!(world.says("throttle started"), "{}", world.story());
}

#[test]
fn a_step_that_is_refused_leaves_the_lease_alone() {
    let again = highwater_core::policy::Step { name: "again".into(), ..after(5, dump()) };
    let mut policy = only_throttle(secs(60));
    policy.steps.push(again);
    let abilities = Ability::ALL.into_iter().filter(|ability| *ability != Ability::Inotify).collect();
    let config = Config { abilities, ..config() };
    let mut world = World::with(policy, config, |_| Model::leaking(5.0));
    world.until(|world| world.says("again skipped: this host lacks inotify"));
    assert_eq!(world.count("throttle lifted"), 0, "{}", world.story());
    world.until(|world| world.says("throttle done"));
    assert_eq!(last_write_of_high(&world), Some(&Command::Raise(Limit::Max)));
}

#[test]
fn a_lease_goes_on_beside_a_command() {
    let mut policy = only_throttle(secs(60));
    policy.steps.push(after(5, command("tell", secs(10))));
    let mut world = World::new(policy, |_| Model::leaking(5.0));
    world.until(|world| world.says("tell done"));
    assert_eq!(world.count("throttle lifted"), 0, "{}", world.story());
    world.until(|world| world.says("throttle lifted: its time is over"));
    assert!(near(world.when("throttle lifted"), world.when("throttle started") + 60.0));
}

#[test]
fn a_limit_that_cannot_be_written_fails_the_step_and_is_polled() {
    let mut world = World::new(only_throttle(secs(60)), |_| Model { lowering: secs(1), ..Model::leaking(5.0) });
    world.until(|world| world.says("throttle started"));
    world.tell(Input::Lowered { error: Some("memory.high: permission denied".into()) });
    assert!(world.says("throttle failed"), "{}", world.story());
    assert_eq!(last_write_of_high(&world), Some(&Command::Raise(Limit::Max)));
    world.run(secs(3));
    assert!(world.says("throttle lifted"));
}

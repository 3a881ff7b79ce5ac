//! Slow and fast leaks climb the ladder of the documents.

use crate::prelude::*;

#[test]
fn a_slow_leak_is_dumped_throttled_and_restarted() {
    let mut world = World::new(documented(), |_| Model::leaking(0.2));
    world.until(|world| world.says("restart done"));
    assert!(world.says("dump started  [plain lift"), "{}", world.story());
    let dumped = world.when("dump done");
    assert!(near(world.when("throttle started"), dumped + 10.0));
    assert!(near(world.when("restart started"), dumped + 130.0), "{}", world.story());
    assert!(ended_gracefully(&world));
    assert!(world.when("throttle lifted") < world.when("service exited"));
    world.until(|world| world.says("incident resolved"));
    assert!(world.when("incident resolved") > world.when("restart done") + 59.0);
}

#[test]
fn a_fast_leak_is_held_dumped_and_stopped_in_time() {
    for (rate, leakers) in [(50.0, 1), (50.0, 4), (200.0, 1), (200.0, 4), (1_000.0, 1), (1_000.0, 4)] {
        let mut world = World::new(documented(), move |_| Model { leakers, ..Model::leaking(rate) });
        world.until(|world| world.says("service exited"));
        let story = world.story();
        assert!(world.says("dump started  [hold"), "{rate} MiB/s:\n{story}");
        assert!(world.says("dump done"), "{rate} MiB/s:\n{story}");
        assert!(world.says("cut short"), "{rate} MiB/s:\n{story}");
        assert!(ended_gracefully(&world), "{rate} MiB/s, {leakers} threads:\n{story}");
        assert!(world.least_head > MIB, "{rate} MiB/s:\n{story}");
    }
}

/// Reclaim at the tripwire takes the service's own program from it, which comes back page by page.
#[test]
fn a_fast_leak_that_stands_still_at_the_tripwire_is_held_when_it_goes_on() {
    let standing = |_| Model { leak_up_to: 206 * MIB, ..Model::leaking(200.0) };
    let mut world = World::new(documented(), standing);
    world.until(|world| world.commands.iter().any(|(_, command)| matches!(command, Command::Raise(Limit::Max))));
    world.service.as_mut().unwrap().model.leak_up_to = u64::MAX;
    world.until(|world| world.says("service exited"));
    assert!(world.says("faster than it looked: hold") && world.says("dump done"), "{}", world.story());
    assert!(ended_gracefully(&world) && world.least_head > MIB, "{}", world.story());
}

/// A dump into a tmpfs of the service's own takes as much of its memory.
#[test]
fn what_a_dump_has_written_is_not_taken_for_a_leak() {
    let steps = vec![dump(), throttle("90", secs(3)), after(5, restart(3, secs(3_600)))];
    let dumping = |_| Model { dump: (20 * MIB, millis(300)), ..Model::leaking(3.0) };
    let mut world = World::new(Policy { steps, ..bare() }, dumping);
    world.keeping_takes = millis(500);
    world.until(|world| world.says("dump started"));
    world.run(millis(320));
    let usage = world.service.as_ref().unwrap().usage();
    world.tell(Input::Usage(usage));
    world.until(|world| world.says("service exited"));
    assert!(world.says("throttle lifted"), "{}", world.story());
    assert!(!world.says("throttle skipped"), "{}", world.story());
}

#[test]
fn a_fast_leak_without_a_throttle_is_stopped_while_it_sleeps() {
    for rate in [200.0, 1_000.0] {
        let policy = Policy { steps: vec![dump(), after(120, restart(3, secs(3_600)))], ..bare() };
        let mut world = World::new(policy, move |_| Model::leaking(rate));
        world.until(|world| world.says("service exited"));
        assert!(world.says("dump done") && ended_gracefully(&world), "{rate} MiB/s:\n{}", world.story());
        assert!(world.when("restart started") - world.when("dump done") < 0.1, "{}", world.story());
    }
}

#[test]
fn a_burst_at_the_tripwire_is_no_leak_and_hurries_nothing() {
    let burst = |_| Model { leak_up_to: 207 * MIB, ..Model::leaking(400.0) };
    let mut world = World::new(documented(), burst);
    world.run(secs(20));
    assert!(world.says("dump done"), "{}", world.story());
    assert!(!world.says("cut short") && !world.says("[hold"), "{}", world.story());
    assert!(world.says("throttle skipped") && world.says("nothing growing"), "{}", world.story());
    world.run(secs(300));
    assert!(near(world.when("restart started"), world.when("throttle skipped") + 120.0), "{}", world.story());
}

#[test]
fn hold_off_is_obeyed() {
    let mut policy = documented();
    policy.memory.hold = false;
    let mut world = World::new(policy, |_| Model::leaking(60.0));
    world.until(|world| world.says("service exited"));
    assert!(!world.says("[hold"), "{}", world.story());
}

#[test]
fn go_is_never_held() {
    let go = |_| {
        let calm = Model::leaking(100.0);
        let inspection = Inspection { runtime: Runtime::Go, ..calm.inspection };
        Model { inspection, dump: (4_096, Duration::from_millis(110)), ..calm }
    };
    let mut policy = documented();
    if let Action::Dump(dump) = &mut policy.steps[0].action {
        dump.recipes[0].needs = None;
    }
    let mut world = World::new(policy, go);
    world.until(|world| world.says("service exited"));
    assert!(!world.says("[hold") && world.says("dump done"), "{}", world.story());
}

#[test]
fn what_cannot_be_dumped_inside_is_captured_from_outside() {
    let single = |_| {
        let leaking = Model::leaking(1_000.0);
        let inspection = Inspection { threads: 1, ..leaking.inspection };
        Model { inspection, ..leaking }
    };
    let mut world = World::new(documented(), single);
    world.until(|world| world.says("service exited"));
    assert!(world.says("dump skipped: capture from outside"), "{}", world.story());
    assert_eq!(begun(&world, |work| matches!(work, Work::Snapshot { .. })), 1);
    let freezes = world.commands.iter().filter_map(|(_, command)| match command {
        Command::Freeze(on) => Some(*on),
        _ => None,
    });
    assert_eq!(freezes.collect::<Vec<_>>(), [true, false]);
    let position = |wanted: fn(&Command) -> bool| world.commands.iter().rposition(|(_, command)| wanted(command));
    let throttled = world.commands.iter().position(|(_, command)| match command {
        Command::Record(record) => matches!(&record.event, Event::StepStarted { action: "throttle", .. }),
        _ => false,
    });
    let thawed = position(|command| *command == Command::Freeze(false));
    assert!(throttled.is_some() && throttled < thawed, "the brake is on before it leaks on");
}

#[test]
fn two_incidents_in_a_row_have_their_own_names_and_dumps() {
    let twice = |generation| match generation {
        1 | 2 => Model::leaking(2.0),
        _ => Model::calm(),
    };
    let policy = Policy { resolve_after: secs(5), ..documented() };
    let mut world = World::new(policy, twice);
    world.run(secs(1_000));
    assert_eq!(world.count("incident resolved"), 2, "{}", world.story());
    assert_eq!(dumps(&world), 2);
    assert!(world.says("g2 i-2 dump done"), "{}", world.story());
}

#[test]
fn a_burst_in_an_incident_hurries_nothing() {
    let policy = Policy { steps: vec![dump(), after(120, restart(3, secs(3_600)))], ..bare() };
    let mut world = World::new(policy, |_| Model { leak_up_to: 206 * MIB, ..Model::leaking(20.0) });
    world.until(|world| world.says("dump done"));
    let before = world.service.as_ref().unwrap().usage();
    world.tell(Input::Usage(before));
    world.run(millis(10));
    let grown = 4 * MIB;
    let (current, anon, head) = (before.current + grown, before.anon + grown, before.head - grown);
    world.tell(Input::Usage(Usage { current, anon, head, ..before }));
    world.run(secs(5));
    assert!(!world.says("cut short"), "{}", world.story());
}

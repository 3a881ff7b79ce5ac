//! Somebody asks highwater to end, whatever is going on.

use highwater_core::record::Evidence;

use crate::prelude::*;

fn stop(world: &mut World) {
    world.tell(Input::Stop { reason: "SIGTERM".into() });
}

fn stopped_at(what: &str, model: Model) -> World {
    let mut world = World::new(documented(), move |_| model.clone());
    world.until(|world| world.says(what));
    stop(&mut world);
    world.run(secs(60));
    assert!(world.ended.is_some(), "{}", world.story());
    assert_eq!(last_write_of_high(&world), Some(&Command::Raise(Limit::Max)), "{}", world.story());
    assert_eq!(world.count("service started"), 1);
    world
}

#[test]
fn during_a_dump() {
    let world = stopped_at("dump started", Model { on_dump: OnDump::NeverEnds, ..Model::leaking(1.0) });
    assert!(world.says("dump timed out"), "{}", world.story());
    assert!(world.commands.iter().any(|(_, command)| matches!(command, Command::Cancel(_))));
    assert_eq!(world.ended, Some(Ending::Service(Exit::Code(0))));
}

#[test]
fn during_a_dump_it_waits_and_a_second_one_does_not() {
    let slow = |_| Model { on_dump: OnDump::NeverEnds, ..Model::leaking(1.0) };
    let mut world = World::new(documented(), slow);
    world.until(|world| world.says("dump started"));
    stop(&mut world);
    let asked = |world: &World| world.commands.iter().any(|(_, c)| *c == Command::Stop(Signal::TERM));
    world.run(secs(5));
    assert!(!asked(&world), "{}", world.story());
    stop(&mut world);
    assert!(asked(&world) && world.says("dump cancelled"), "{}", world.story());
}

#[test]
fn a_dump_that_is_complete_lets_the_stop_through() {
    let world = stopped_at("dump started", Model::leaking(1.0));
    assert!(world.says("dump done"), "{}", world.story());
    assert_eq!(world.ended, Some(Ending::Service(Exit::Code(0))));
}

#[test]
fn a_dump_that_is_complete_but_still_copied_is_done() {
    let slow = |_| Model { on_dump: OnDump::NeverEnds, ..Model::leaking(1.0) };
    let mut world = World::new(documented(), slow);
    world.until(|world| world.says("dump started"));
    stop(&mut world);
    let dump = |(_, command): &(_, Command)| match command {
        Command::Begin { task, work: Work::Dump { .. }, .. } => Some(*task),
        _ => None,
    };
    let evidence = Evidence { path: "heap".into(), bytes: 1, took_ms: 1 };
    let task = world.commands.iter().find_map(dump).expect("a dump");
    world.tell(Input::Closed { task, evidence, in_doubt: false });
    world.run(secs(60));
    assert!(world.says("dump done") && !world.says("dump cancelled"), "{}", world.story());
    assert_eq!(world.ended, Some(Ending::Service(Exit::Code(0))));
}

#[test]
fn during_a_hold() {
    let model = Model { lowering: millis(30), ..Model::leaking(200.0) };
    let mut world = World::new(documented(), move |_| model.clone());
    world.until(|world| world.says("dump started  [hold"));
    stop(&mut world);
    let asked = |world: &World| world.commands.iter().any(|(_, c)| *c == Command::Stop(Signal::TERM));
    assert!(!asked(&world), "the lowering write is still under way");
    world.run(secs(3));
    assert!(asked(&world) && world.says("dump cancelled"), "{}", world.story());
    assert_eq!(world.ended, Some(Ending::Service(Exit::Code(0))), "{}", world.story());
}

#[test]
fn during_a_throttle() {
    let world = stopped_at("throttle started", Model::leaking(1.0));
    assert!(world.says("throttle lifted: highwater was asked to end"), "{}", world.story());
    assert!(world.says("throttle done"));
}

#[test]
fn during_a_restart_there_is_no_next_generation() {
    let mut world = World::new(documented(), |_| Model { stops_in: Some(secs(2)), ..Model::leaking(1.0) });
    world.until(|world| world.says("restart started"));
    stop(&mut world);
    world.run(secs(60));
    assert_eq!(world.ended, Some(Ending::Service(Exit::Code(0))), "{}", world.story());
    assert!(world.says("restart cancelled"));
}

#[test]
fn during_the_backoff() {
    let world = stopped_at("backoff", Model { ends: Some((secs(1), Exit::Code(9))), ..Model::calm() });
    assert_eq!(world.ended, Some(Ending::Service(Exit::Code(0))));
}

#[test]
fn during_the_backoff_while_a_command_runs() {
    let policy = Policy { steps: vec![command("slow", secs(30))], ..bare() };
    let mut world = World::new(policy, |_| Model { ends: Some((secs(16), Exit::Code(9))), ..Model::leaking(10.0) });
    world.work_takes = secs(20);
    world.until(|world| world.says("backoff"));
    assert!(world.says("slow started") && !world.says("slow done"), "{}", world.story());
    stop(&mut world);
    assert!(world.ended.is_some() && world.says("slow cancelled"), "{}", world.story());
    assert!(world.says("incident resolved"), "{}", world.story());
}

#[test]
fn before_the_service_runs() {
    let mut world = World::new(bare(), |_| Model::calm());
    let mut core = highwater_core::supervisor::Supervisor::new(bare(), config());
    core.start(world.now);
    core.handle(world.now, Input::Stop { reason: "TERM".into() });
    core.handle(world.now, Input::Spawned { pid: 5, cgroup: None });
    let commands: Vec<_> = std::iter::from_fn(|| core.poll_command()).collect();
    assert!(commands.contains(&Command::Stop(Signal::TERM)), "{commands:?}");
    stop(&mut world);
}

#[test]
fn a_second_one_kills() {
    let mut world = World::new(bare(), |_| Model { stops_in: None, ..Model::calm() });
    world.run(secs(1));
    stop(&mut world);
    world.run(secs(1));
    stop(&mut world);
    world.run(secs(1));
    assert_eq!(world.ended, Some(Ending::Service(Exit::Signal(9))), "{}", world.story());
}

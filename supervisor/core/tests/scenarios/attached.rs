//! A service that is somebody else's: looked after, but left alone in the end.

use crate::prelude::*;

fn attached(policy: Policy, attached: Attached, models: impl Fn(u32) -> Model + 'static) -> World {
    World::with(policy, Config { attached: Some(attached), ..config() }, models)
}

fn soon_restarted() -> Policy {
    Policy { steps: vec![after(1, restart(1, secs(3_600)))], ..documented() }
}

fn asked(world: &World) -> bool {
    world.commands.iter().any(|(_, command)| matches!(command, Command::Stop(_) | Command::Kill))
}

#[test]
fn the_end_of_highwater_is_not_the_end_of_the_service() {
    let mut world = attached(documented(), Attached::Follow, |_| Model { lowering: millis(30), ..Model::leaking(1.0) });
    world.until(|world| world.says("throttle started"));
    world.run(secs(1));
    world.tell(Input::Stop { reason: "SIGTERM".into() });
    world.run(secs(20));
    assert_eq!(world.ended, Some(Ending::Service(Exit::Code(0))), "{}", world.story());
    assert!(world.says("throttle lifted"), "{}", world.story());
    assert_eq!(last_write_of_high(&world), Some(&Command::Raise(Limit::Max)), "{:?}", world.commands);
    assert!(!asked(&world), "{}", world.story());
    assert!(!world.service.as_ref().unwrap().is_throttled());
}

#[test]
fn a_lowering_write_under_way_is_not_the_last_one() {
    let slow = |_| Model { lowering: secs(2), ..Model::calm() };
    let mut world = attached(documented(), Attached::Follow, slow);
    world.run(millis(10));
    world.tell(Input::Stop { reason: "SIGTERM".into() });
    assert!(world.ended.is_none(), "the tripwire is still being written");
    world.run(secs(20));
    assert!(world.ended.is_some() && !world.service.as_ref().unwrap().is_throttled(), "{:?}", world.commands);
}

#[test]
fn leaking_threads_of_others_are_not_held() {
    let mut world = attached(documented(), Attached::Follow, |_| Model::leaking(200.0));
    world.until(|world| world.says("dump started") || world.says("dump skipped"));
    assert!(!world.says("dump started  [hold"), "{}", world.story());
}

#[test]
fn the_next_generation_is_followed_whoever_starts_it() {
    let mut world = attached(soon_restarted(), Attached::Follow, |generation| match generation {
        1 => Model::leaking(10.0),
        _ => Model::calm(),
    });
    world.until(|world| world.says("restart done"));
    assert_eq!((world.count("service started"), world.count("backoff")), (2, 0), "{}", world.story());
    world.service.as_mut().unwrap().end_in(secs(1), Exit::Code(1));
    world.until(|world| world.count("service started") == 3);
    assert!(world.ended.is_none(), "{}", world.story());
}

#[test]
fn without_a_budget_the_service_is_left_alone() {
    let mut world = attached(soon_restarted(), Attached::Follow, |_| Model::leaking(10.0));
    world.until(|world| world.says("restart failed"));
    assert_eq!((world.count("service started"), world.ended), (2, None), "{}", world.story());
    assert!(world.says("the budget of 1 restarts"), "{}", world.story());
}

#[test]
fn a_process_that_is_known_by_its_number_has_no_next_generation() {
    let mut world = attached(soon_restarted(), Attached::Once, |_| Model::leaking(10.0));
    world.until(|world| world.ended.is_some());
    assert_eq!((world.ended, world.count("service started")), (Some(Ending::Service(Exit::Code(0))), 1));
}

#[test]
fn or_whoever_runs_it_is_told_by_our_status() {
    let mut world = attached(soon_restarted(), Attached::Leave(76), |_| Model::leaking(10.0));
    world.until(|world| world.ended.is_some());
    assert_eq!(world.ended, Some(Ending::Handover(76)), "{}", world.story());
    assert!(ended_gracefully(&world), "{}", world.story());
}

#[test]
fn its_runner_knows_best_how_it_ended() {
    let told = |exit, verdict| Some(Told { exit, verdict });
    for (told, says) in [
        (told(Exit::Code(3), Verdict::Failed), "service exited Some(3) None oom=false Crash"),
        (told(Exit::Signal(15), Verdict::Right), "service exited None Some(15) oom=false Finished"),
        (told(Exit::Signal(15), Verdict::OomKilled), "service exited None Some(15) oom=true OuterLimit"),
        (None, "service exited None None oom=false Unknown"),
    ] {
        let mut world = attached(documented(), Attached::Follow, |_| Model::calm());
        world.run(secs(1));
        world.tell(Input::Lost { counters: None, peak: None, told });
        assert!(world.says(says), "{}", world.story());
        world.run(secs(1));
        assert_eq!((world.count("service started"), world.ended), (2, None), "{}", world.story());
    }
}

//! The service ends: by itself, killed, restarted, given up.

use crate::prelude::*;

fn crashing(after: Duration) -> impl Fn(u32) -> Model {
    move |_| Model { ends: Some((after, Exit::Code(3))), ..Model::calm() }
}

#[test]
fn a_crash_loop_backs_off_and_ends_with_the_budget() {
    let policy = Policy { steps: vec![restart(4, secs(3_600))], ..bare() };
    let mut world = World::new(policy, crashing(millis(100)));
    world.run(secs(3_600));
    assert_eq!(world.ended, Some(Ending::BudgetSpent), "{}", world.story());
    assert_eq!(world.count("service started"), 5);
    let wait = |record: &highwater_core::record::Record| match record.event {
        highwater_core::record::Event::ServiceBackoff { wait_ms, .. } => Some(wait_ms),
        _ => None,
    };
    let waits: Vec<u64> = world.journal.iter().filter_map(wait).collect();
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
    assert_eq!(waits[0], 1_000);
}

#[test]
fn a_stable_generation_resets_the_backoff() {
    let mut policy = Policy { steps: vec![restart(100, secs(3_600))], ..bare() };
    policy.resolve_after = secs(1);
    let ages = |generation| Model {
        ends: Some((if generation == 4 { secs(700) } else { millis(10) }, Exit::Signal(11))),
        ..Model::calm()
    };
    let mut world = World::new(policy, ages);
    world.until(|world| world.count("service started") == 5);
    assert_eq!(world.count("backoff 1000 ms"), 2, "{}", world.story());
}

#[test]
fn a_spent_budget_ends_highwater_after_a_graceful_stop() {
    let policy = Policy { steps: vec![restart(1, secs(3_600))], ..bare() };
    let mut world = World::new(policy, |_| Model::leaking(5.0));
    world.run(secs(3_600));
    assert_eq!(world.ended, Some(Ending::BudgetSpent), "{}", world.story());
    assert!(ended_gracefully(&world), "{}", world.story());
    assert!(world.says("restart failed"), "{}", world.story());
    assert_eq!(last_write_of_high(&world), Some(&Command::Raise(Limit::Max)));
}

#[test]
fn an_oom_kill_is_recognised_and_the_service_comes_back() {
    let mut policy = bare();
    policy.memory.tripwire = None;
    let leaky = |generation| if generation == 1 { Model::leaking(100.0) } else { Model::calm() };
    let mut world = World::new(policy, leaky);
    world.until(|world| world.count("service started") == 2);
    assert!(world.says("service exited None Some(9) oom=true OwnLimit"), "{}", world.story());
}

#[test]
fn the_policy_says_what_follows_an_end() {
    let cases = [
        (RestartOn::Never, Exit::Code(3), Some(Ending::Service(Exit::Code(3)))),
        (RestartOn::Failure, Exit::Code(0), Some(Ending::Service(Exit::Code(0)))),
        (RestartOn::Failure, Exit::Signal(11), None),
        (RestartOn::Always, Exit::Code(0), None),
    ];
    for (rule, exit, expected) in cases {
        let mut policy = bare();
        policy.service.restart = rule;
        let once = move |generation| Model { ends: (generation == 1).then_some((secs(1), exit)), ..Model::calm() };
        let mut world = World::new(policy, once);
        world.run(secs(60));
        assert_eq!(world.ended, expected, "{rule:?} {exit:?}");
    }
}

#[test]
fn a_command_that_cannot_be_started_ends_highwater_the_first_time_only() {
    let never = |_| Model { does_not_start: Some(127), ..Model::calm() };
    assert_eq!(World::new(bare(), never).ended, Some(Ending::NotStarted(127)));
    let later = |generation| Model {
        does_not_start: (generation == 2).then_some(126),
        ends: Some((secs(1), Exit::Code(1))),
        ..Model::calm()
    };
    let mut world = World::new(bare(), later);
    world.until(|world| world.count("service started") == 2);
    assert_eq!(world.count("backoff"), 2, "{}", world.story());
}

#[test]
fn a_daemon_left_behind_is_the_service() {
    let forks = |_| Model { leaves_a_daemon: true, ends: Some((secs(1), Exit::Code(0))), ..Model::calm() };
    let mut world = World::new(bare(), forks);
    world.run(secs(10));
    assert_eq!(world.ended, None);
    assert!(world.says("left process 4711 behind"), "{}", world.story());
    world.tell(Input::Stop { reason: "TERM".into() });
    world.run(secs(1));
    assert_eq!(world.ended, Some(Ending::Service(Exit::Code(0))));
}

#[test]
fn a_service_that_ignores_the_signal_is_killed_at_the_stop_timeout() {
    let deaf = |_| Model { stops_in: None, ..Model::leaking(1.0) };
    let mut world = World::new(bare(), |_| Model { stops_in: None, ..Model::calm() });
    world.run(secs(5));
    world.tell(Input::Stop { reason: "TERM".into() });
    world.until(|world| world.ended.is_some());
    assert!(near(world.when("is killed"), 25.0), "{}", world.story());
    assert_eq!(world.ended, Some(Ending::Service(Exit::Signal(9))));

    let steps = vec![throttle("75", secs(300)), after(10, restart(3, secs(3_600)))];
    let mut world = World::new(Policy { steps, ..bare() }, deaf);
    world.until(|world| world.says("restart done"));
    let asked = world.when("restart started");
    assert!(near(world.when("is killed"), asked + 22.0), "2 s more when throttled:\n{}", world.story());
}

#[test]
fn a_kill_step_kills_and_the_policy_says_what_follows() {
    let policy = Policy { steps: vec![step("kill", Action::Kill)], ..bare() };
    let mut world = World::new(policy, |_| Model::leaking(5.0));
    world.until(|world| world.count("service started") == 2);
    assert!(world.says("kill done"), "{}", world.story());
    assert!(world.says("Asked") && world.says("backoff 1000 ms"));
}

#[test]
fn a_spawn_that_fails_after_a_restart_step_fails_the_step() {
    let steps = vec![restart(5, secs(3_600))];
    let later = |generation| Model { does_not_start: (generation == 2).then_some(126), ..Model::leaking(20.0) };
    let mut world = World::new(Policy { steps, ..bare() }, later);
    world.until(|world| world.says("g3 i-1 service started"));
    assert!(world.says("restart failed"), "{}", world.story());
}

#[test]
fn a_command_goes_on_while_the_next_generation_starts() {
    let policy = Policy { steps: vec![command("tell", secs(30))], ..bare() };
    let dies = |generation| match generation {
        1 => Model { ends: Some((secs(16), Exit::Code(9))), ..Model::leaking(10.0) },
        _ => Model::calm(),
    };
    let mut world = World::new(policy, dies);
    world.work_takes = secs(5);
    world.until(|world| world.says("tell done"));
    assert!(world.says("tell done after 5000 ms"), "{}", world.story());
    assert!(world.says("g2 i-1 service started"), "{}", world.story());
}

#[test]
fn the_budget_of_the_step_that_restarts_counts() {
    let second = highwater_core::policy::Step { name: "second".into(), ..restart(9, secs(3_600)) };
    let mut policy = bare();
    policy.triggers.push(near_limit(99, secs(600)));
    policy.steps = vec![highwater_core::policy::Step { on: vec![1], ..restart(1, secs(3_600)) }, second];
    let mut world = World::new(policy, |_| Model::leaking(20.0));
    world.until(|world| world.count("second done") == 4);
    assert_eq!(world.ended, None, "{}", world.story());
}

//! Dumps: refused, blamed, late, learnt from.

use crate::prelude::*;

#[test]
fn a_signal_that_is_not_handled_is_not_sent() {
    let deaf = |_| Model { inspection: Inspection { threads: 4, ..Inspection::default() }, ..Model::leaking(1.0) };
    let mut world = World::new(documented(), deaf);
    world.until(|world| world.says("throttle started"));
    assert!(world.says("dump skipped: the process does not handle SIGUSR1"), "{}", world.story());
    assert_eq!(dumps(&world), 0);
    assert!(near(world.when("throttle started"), world.when("dump skipped") + 10.0));
}

#[test]
fn a_dump_that_kills_the_service_is_not_repeated_in_that_incident() {
    let policy = Policy { resolve_after: secs(600), ..documented() };
    let mut world = World::new(policy, |_| Model { on_dump: OnDump::Dies, ..Model::leaking(1.0) });
    world.until(|world| world.says("g2 i-1 throttle started"));
    assert_eq!(dumps(&world), 1, "{}", world.story());
    assert!(
        world.says("dump failed")
            && world.says("g2 i-1 dump skipped: SIGUSR1 into /var/tmp/heap: the service died during it")
    );
}

#[test]
fn a_dump_blamed_before_highwater_itself_was_restarted_is_not_repeated() {
    let blamed = ["dump: SIGUSR1 into /var/tmp/heap".to_owned()].into();
    let config = Config { unfinished: Some("old-1".into()), blamed, ..config() };
    let mut world = World::with(documented(), config, |_| Model::leaking(5.0));
    world.until(|world| world.says("throttle started"));
    assert!(world.says("g1 old-1 dump skipped"), "{}", world.story());
}

#[test]
fn a_dump_without_end_ends_at_its_deadline() {
    let endless = |_| Model { on_dump: OnDump::NeverEnds, ..Model::leaking(0.1) };
    let mut world = World::new(documented(), endless);
    world.until(|world| world.says("dump timed out"));
    assert!(world.says("dump timed out after 20000 ms"), "{}", world.story());
}

#[test]
fn a_dump_without_end_is_given_up_for_a_stop_that_cannot_wait() {
    let endless = |_| Model { on_dump: OnDump::NeverEnds, ..Model::leaking(8.0) };
    let mut world = World::new(documented(), endless);
    world.until(|world| world.says("service exited"));
    assert!(world.says("dump timed out"), "{}", world.story());
    assert!(ended_gracefully(&world), "{}", world.story());
}

#[test]
fn a_dump_that_waits_for_its_turn_does_not_cost_the_service_its_stop() {
    let policy = Policy { steps: vec![after(30, dump()), after(120, restart(3, secs(3_600)))], ..bare() };
    let mut world = World::new(policy, |_| Model::leaking(10.0));
    world.until(|world| world.says("service exited"));
    assert!(world.says("dump skipped: a later step cannot wait"), "{}", world.story());
    assert!(ended_gracefully(&world), "{}", world.story());
}

#[test]
fn a_step_nobody_answers_is_given_up() {
    let mut world = World::new(documented(), |_| Model::calm());
    let usage = world.service.as_ref().unwrap().usage();
    let touched = highwater_core::reading::Usage { current: 206 * MIB, anon: 206 * MIB, head: 50 * MIB, ..usage };
    let mut core = world.core.clone();
    let counters = highwater_core::reading::Counters { high: 1, ..Default::default() };
    core.handle(world.now, Input::Counters(counters));
    core.handle(world.now, Input::Usage(touched));
    let mut raised = false;
    for _ in 0..100 {
        let Some((at, _)) = core.poll_timeout() else { break };
        core.handle_timeout(at);
        while let Some(command) = core.poll_command() {
            raised |= command == Command::Raise(Limit::Max);
            if let Command::Record(record) = command {
                world.journal.push(record);
            }
        }
    }
    assert!(world.says("dump skipped: the main process could not be looked at"), "{}", world.story());
    assert!(raised);
}

#[test]
fn what_a_dump_taught_is_kept() {
    let mut world = World::new(documented(), |_| Model::leaking(1.0));
    world.until(|world| world.says("dump done"));
    world.run(secs(1));
    assert_eq!(world.core.learnt()["dump"].bytes, 16 * MIB);
}

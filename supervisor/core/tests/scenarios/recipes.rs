//! Which recipe a dump follows when the one that is wanted does not fit, is not for this process, or has killed it.

use highwater_core::policy::{Dump, DumpSource, JvmDump, Recipe, Step};

use crate::prelude::*;

fn cooking(recipes: impl IntoIterator<Item = (DumpSource, u64)>) -> Policy {
    let recipe = |(source, mib): (DumpSource, u64)| Recipe { source, within: secs(20), needs: Some(mib * MIB) };
    let recipes = recipes.into_iter().map(recipe).collect();
    let dump = Step { action: Action::Dump(Dump { recipes, keep: 5 }), ..dump() };
    Policy { steps: vec![dump, after(120, restart(3, secs(3_600)))], ..documented() }
}

fn by(signal: Signal) -> DumpSource {
    DumpSource::Signal { signal, file: format!("/var/tmp/{signal}") }
}

fn of(runtime: Runtime) -> impl Fn(u32) -> Model {
    let caught = Signal::USR1.bit() | Signal::USR2.bit() | Signal::TERM.bit();
    let inspection = Inspection { caught, threads: 4, runtime, ..Inspection::default() };
    move |_| Model { inspection, ..Model::leaking(1.0) }
}

#[test]
fn what_does_not_fit_gives_way_to_what_is_cheaper() {
    let policy = cooking([(by(Signal::USR2), 400), (by(Signal::USR1), 8)]);
    let mut world = World::new(policy, of(Runtime::Node));
    world.until(|world| world.says("dump done"));
    let chosen = |work: &Work| matches!(work, Work::Dump { recipe, .. } if recipe.source == by(Signal::USR1));
    assert_eq!((dumps(&world), begun(&world, chosen)), (1, 1), "{}", world.story());
    assert!(world.says("SIGUSR2 into /var/tmp/SIGUSR2 does not fit: 417"), "{}", world.story());
}

#[test]
fn what_is_not_for_this_process_is_passed_over() {
    let policy = cooking([(DumpSource::Jvm(JvmDump::Histogram), 1), (by(Signal::HUP), 1), (by(Signal::USR1), 8)]);
    let mut world = World::new(policy, of(Runtime::Python));
    world.until(|world| world.says("dump done"));
    assert!(world.says("the process is not a JVM; the process does not handle SIGHUP"), "{}", world.story());
}

#[test]
fn a_capture_from_outside_needs_no_room_and_a_service_that_stands_still() {
    let policy = cooking([(DumpSource::Http { url: "http://localhost/".into() }, 400), (DumpSource::GoHeap, 0)]);
    let mut world = World::new(policy, of(Runtime::Go));
    world.until(|world| world.says("dump done"));
    let frozen = |on| world.commands.iter().position(|(_, command)| *command == Command::Freeze(on));
    let begun = world.commands.iter().position(|(_, command)| matches!(command, Command::Begin { .. }));
    assert!(frozen(true) < begun && begun < frozen(false), "{}", world.story());
}

#[test]
fn a_recipe_that_killed_the_service_is_left_to_the_next_one() {
    let policy = cooking([(by(Signal::USR1), 8), (DumpSource::GoHeap, 0)]);
    let dies = of(Runtime::Go);
    let mut world = World::new(policy, move |number| Model { on_dump: OnDump::Dies, ..dies(number) });
    world.until(|world| world.says("dump done"));
    assert!(world.says("g1 i-1 dump failed"), "{}", world.story());
    assert!(world.says("SIGUSR1 into /var/tmp/SIGUSR1: the service died during it"), "{}", world.story());
    assert_eq!(world.core.blamed().len(), 1);
}

#[test]
fn a_reload_forgives() {
    let policy = cooking([(by(Signal::USR1), 8)]);
    let dies = of(Runtime::Native);
    let mut world = World::new(policy.clone(), move |number| Model { on_dump: OnDump::Dies, ..dies(number) });
    world.until(|world| world.says("dump skipped: SIGUSR1"));
    world.tell(Input::Reload { policy: Box::new(policy), file: "web.toml".into() });
    assert!(world.core.blamed().is_empty());
}

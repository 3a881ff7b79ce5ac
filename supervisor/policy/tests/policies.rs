//! The ready-made policies are sound, and mean what they say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_core::amount::Amount;
use highwater_core::policy::{Action, Dump, DumpSource, Memory, Policy, Recipe, Restart, Service};
use highwater_core::signal::Signal;
use highwater_policy::{DEFAULT, Source, load, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
}

fn policy(text: &str) -> Policy {
    let source = Source { name: "test.toml".to_owned(), text: text.to_owned() };
    parse(&source).unwrap_or_else(|report| panic!("{report}")).policy
}

#[test]
fn all_are_there_and_sound_without_a_warning() {
    for name in ["default", "edge", "go", "jvm", "kubernetes", "node", "python", "three-tiers"] {
        let path = folder().join(name).with_extension("toml");
        let checked = load(&path).unwrap_or_else(|report| panic!("{report}"));
        assert!(checked.warnings.is_empty(), "{}", checked.warnings);
        assert!(!checked.policy.steps.is_empty(), "{name} does something");
    }
}

#[test]
fn each_begins_with_its_schema() {
    for entry in std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|end| end == "toml") {
            let text = std::fs::read_to_string(&entry).unwrap();
            assert!(text.starts_with("#:schema policy.schema.json\n"), "{}", entry.display());
        }
    }
}

#[test]
fn the_default_harms_no_unknown_service() {
    let policy = policy(DEFAULT);
    assert_eq!(policy.service.stop_signal, Signal::TERM);
    for step in &policy.steps {
        assert!(matches!(step.action, Action::Restart(_)), "{}", step.name);
    }
}

#[test]
fn what_is_not_said_has_its_default() {
    let empty = policy("");
    assert_eq!(empty.service, Service::default());
    assert_eq!(empty.memory, Memory { max: None, reserve: None, tripwire: Some(Amount::Share(8_000)), hold: true });
    assert_eq!(empty.resolve_after, Duration::from_mins(1));
    assert!(empty.triggers.is_empty() && empty.steps.is_empty());
}

#[test]
fn actions_have_their_defaults() {
    let text = "
        trigger.b.memory-event.counter = 'max'
        trigger.a.usage.above = '1.5GiB'
        [[step]]
        name = 'dump'
        dump = { signal = 'usr1', file = '/x-*' }
        [[step]]
        name = 'restart'
        on = ['a']
        restart = {}
    ";
    let policy = policy(text);
    let names: Vec<&str> = policy.triggers.iter().map(|trigger| trigger.name.as_str()).collect();
    assert_eq!(names, ["b", "a"], "triggers keep the order of the file");
    let recipe = Recipe {
        source: DumpSource::Signal { signal: Signal::USR1, file: "/x-*".to_owned() },
        within: Duration::from_secs(20),
        needs: None,
    };
    let dump = Dump { recipes: vec![recipe], keep: 5 };
    assert_eq!(policy.steps[0].action, Action::Dump(dump));
    assert_eq!((policy.steps[0].after, policy.steps[0].on.as_slice()), (Duration::ZERO, [0, 1].as_slice()));
    assert_eq!(policy.steps[1].action, Action::Restart(Restart::default()));
    assert_eq!(policy.steps[1].on, [1]);
}

//! Small profiles over time: taken from a real service, kept as deltas, compared with each other.

use std::process::Command;

use highwater_tests::{Highwater, program, wait_until};

use crate::contract;
use crate::incident::Place;
use crate::runtimes::{line, output_of};

/// No trigger that fires, and a profile from outside every second.
const POLICY: &str = r#"
[memory]
max = "256MiB"
tripwire = "off"
[evidence]
series = { every = "1s", keep = 6 }
[trigger.never]
usage = { above = "95%", for = "1h" }
[[step]]
name = "heap"
dump = { go = "heap" }
"#;

fn profile(highwater: &Highwater, arguments: &[&str]) -> String {
    let mut command = Command::new(program("highwater"));
    output_of(command.arg("profile").args(arguments).arg("--state-dir").arg(highwater.state_dir()))
}

/// The numbers of the profiles that are kept, the oldest first.
fn kept(highwater: &Highwater) -> Vec<String> {
    let is_there = highwater.state_dir().join("healthy/series").is_dir();
    let list = if is_there { profile(highwater, &["list"]) } else { String::new() };
    let numbers = list.lines().filter_map(|line| line.split_whitespace().next());
    numbers.filter(|word| word.parse::<u64>().is_ok()).map(str::to_owned).collect()
}

#[test]
fn any_two_profiles_of_a_series_say_what_grew() {
    let place = Place::on_disk("series");
    let mut highwater = place.start(POLICY, line(program("go-sessions"), "-self-load 4"));
    // What a Go program knows of its heap is as of its last collection, of which there are few.
    wait_until("a series that has forgotten its first profile and shows the leak", || {
        let kept = kept(&highwater);
        assert!(kept.len() <= 7, "{kept:?}");
        let (oldest, newest) = (kept.first()?, kept.last()?);
        let has_forgotten = kept.len() >= 6 && !["0", "1"].contains(&oldest.as_str());
        (has_forgotten && profile(&highwater, &["diff", oldest, newest]).contains("rememberSessionForever"))
            .then_some(())
    });
    let taken = highwater.journal().events("profile.taken");
    assert!(taken.iter().all(|line| line["purpose"] == "series"), "{taken:?}");
    highwater.stop();
    contract::check(highwater.journal());
}

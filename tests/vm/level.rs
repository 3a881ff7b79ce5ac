//! Steps that answer a level of usage at which the service stands still.

use highwater_tests::Highwater;

use crate::contract;
use crate::incident::{Place, done};

/// A policy of these steps and a last one, above 24 MiB of 128.
pub fn steps(steps: &str) -> String {
    let last = "[[step]]\nname = \"last\"\ncommand = { run = [\"true\"], within = \"10s\" }\n";
    policy("max = \"128MiB\"", "24MiB", &format!("{steps}\n{last}"))
}

/// A policy of one dump and nothing else, above a level of 192 MiB.
pub fn dump(level: &str, fields: &str) -> String {
    let step = format!("[[step]]\nname = \"dump\"\ndump = {{ {fields}, within = \"2m\" }}\n");
    policy("max = \"192MiB\"", level, &step)
}

/// A policy of steps above a level of usage, without a tripwire.
pub fn policy(limit: &str, level: &str, steps: &str) -> String {
    format!(
        r#"
[memory]
{limit}
tripwire = "off"
[trigger.level]
usage = {{ of = "current", above = "{level}" }}
{steps}
"#
    )
}

/// Lets the ladder come to its last step, ends highwater and checks the journal.
#[track_caller]
pub fn to_the_last_step(highwater: &mut Highwater) {
    done(highwater.journal(), "last");
    highwater.stop();
    contract::check(highwater.journal());
}

/// Runs the leaker with these options, whatever becomes of its dump.
#[track_caller]
pub fn with_leaker(place: &Place, policy: &str, options: &str) -> Highwater {
    let mut highwater = place.start(policy, place.leaker(&format!("--base 32 {options}")));
    to_the_last_step(&mut highwater);
    assert_eq!(highwater.journal().events("service.started").len(), 1, "the service must live on");
    highwater
}

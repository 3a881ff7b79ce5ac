//! Word of pressure, as a service gets it.

use crate::stage::Plan;

/// A trigger that fires when the service has been there for long enough to watch, and a step that asks for memory back.
const SHRINKING: &str = r#"
trigger.always.usage = { above = "1B", for = "4s" }
[[step]]
name = "less"
shrink = {}
"#;

#[test]
fn a_service_that_watches_is_told_by_the_trigger_and_by_the_step() {
    let mut plan = Plan::new(SHRINKING, "shrinker").env("MEMORY_PRESSURE_WRITE", "c29tZSAyMDAwMDAgMjAwMDAwMAA=");
    let mut highwater = plan.start();
    let done = r#""event":"step.finished","step":"less","action":"shrink","outcome":"done""#;
    highwater.until_all(["let go of what can be spared: 1", done]);
}

#[test]
fn a_service_that_does_not_watch_makes_the_step_fail() {
    let mut plan = Plan::new(SHRINKING, "deaf");
    let mut highwater = plan.start();
    highwater.until(r#""step":"less","action":"shrink","outcome":"failed","reason":"the service does not read"#);
}

#[test]
fn who_turned_it_off_or_watches_elsewhere_is_left_alone() {
    for (given, wanted) in
        [("/dev/null", "/dev/null"), ("/run/own", "/run/own"), ("/x/memory.pressure", "run/pressure")]
    {
        let mut plan = Plan::new("", "deaf").env("MEMORY_PRESSURE_WATCH", given);
        let mut highwater = plan.start();
        let line = highwater.until("watches ");
        assert!(line.ends_with(wanted), "{line}");
    }
    let mut plan = Plan::new("service.env = { MEMORY_PRESSURE_WATCH = '/mine' }", "deaf");
    plan.start().until("watches /mine");
}

//! What every line of every journal promises.

use highwater_tests::Journal;
use serde_json::Value;

/// Checks a whole journal against the contract: the fields of each line, and the order of steps.
#[track_caller]
pub fn check(journal: &Journal) {
    let lines = journal.lines();
    let mut open: Option<String> = None;
    let mut last = 0;
    for line in &lines {
        check_fields(line);
        let moment = line["mono_ns"].as_u64().unwrap_or_else(|| panic!("mono_ns: {line}"));
        assert!(moment >= last, "time runs backwards: {line}");
        last = moment;
        check_order(&mut open, line);
    }
    assert_eq!(open, None, "a step that was started has no end");
}

/// One step at a time, and an end for every beginning.
#[track_caller]
fn check_order(open: &mut Option<String>, line: &Value) {
    let step = line["step"].as_str().map(str::to_owned);
    match line["event"].as_str() {
        Some("step.started") => {
            assert_eq!(*open, None, "two steps at once: {line}");
            *open = step;
        }
        Some("step.finished") => assert_eq!(open.take(), step, "it was not started: {line}"),
        // A dump that is captured from outside was started, but ends as one that was left out.
        Some("step.skipped") if *open == step => *open = None,
        Some("incident.resolved") => assert_eq!(*open, None, "a step outlived its incident: {line}"),
        _ => {}
    }
}

#[track_caller]
fn check_fields(line: &Value) {
    let time = line["time"].as_str().unwrap_or_default();
    assert!(is_utc_with_microseconds(time), "time: {line}");
    assert!(line["name"].is_string() && line["generation"].is_u64(), "{line}");
    let event = line["event"].as_str().unwrap_or_else(|| panic!("event: {line}"));
    let is_in_incident = ["step.", "trigger.", "incident."].iter().any(|kind| event.starts_with(kind));
    assert!(!is_in_incident || line["incident"].is_string() || event == "trigger.cleared", "{line}");
    for field in fields_of(event) {
        assert!(line.get(field).is_some(), "{field} is missing: {line}");
    }
    if event.starts_with("step.") || event == "service.exited" {
        check_memory(line);
    }
    if event == "step.finished" {
        let outcomes = ["done", "failed", "timed-out", "cancelled"];
        assert!(outcomes.iter().any(|outcome| line["outcome"] == *outcome), "{line}");
        assert!(line["outcome"] == "done" || line["reason"].is_string(), "no reason: {line}");
        check_evidence(line);
    }
}

fn fields_of(event: &str) -> &'static [&'static str] {
    match event {
        "supervisor.started" => &["abilities", "policy"],
        "policy.reloaded" => &["policy"],
        "supervisor.stopping" | "supervisor.notice" => &["reason"],
        "service.started" => &["pid", "cgroup"],
        "service.exited" => &["oom_killed", "cause", "memory"],
        "trigger.fired" | "trigger.cleared" => &["trigger", "reading"],
        "incident.opened" => &["trigger"],
        "incident.resolved" => &["took_ms"],
        "step.started" => &["step", "action", "memory"],
        "step.finished" => &["step", "action", "outcome", "took_ms", "memory", "evidence"],
        "step.skipped" => &["step", "action", "reason", "memory"],
        _ => &[],
    }
}

#[track_caller]
fn check_memory(line: &Value) {
    let memory = &line["memory"];
    if memory.is_null() {
        return;
    }
    assert!(memory["current"].is_u64() && memory["anon"].is_u64(), "{line}");
    for limit in ["high", "max"] {
        assert!(memory[limit].is_u64() || memory[limit].is_null(), "{limit}: {line}");
    }
}

#[track_caller]
fn check_evidence(line: &Value) {
    let evidence = line["evidence"].as_array().unwrap_or_else(|| panic!("evidence: {line}"));
    for piece in evidence {
        assert!(piece["path"].is_string() && piece["took_ms"].is_u64(), "{line}");
        assert!(piece["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "empty evidence: {line}");
    }
}

/// `2026-01-02T03:04:05.000006Z`
fn is_utc_with_microseconds(time: &str) -> bool {
    let pattern = "0000-00-00T00:00:00.000000Z";
    let fits = |(is, wanted): (char, char)| if wanted == '0' { is.is_ascii_digit() } else { is == wanted };
    time.len() == pattern.len() && time.chars().zip(pattern.chars()).all(fits)
}

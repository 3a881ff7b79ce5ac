//! `highwater status` and `highwater trigger`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::Signal;

use crate::supervised::{Supervised, program};

/// Asks in that place, of nobody else.
fn highwater(place: &Path, arguments: &[&str]) -> Output {
    command(place, arguments).output().unwrap()
}

fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = program(place);
    command.args(arguments).env("XDG_RUNTIME_DIR", place).stdin(Stdio::null());
    command
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

#[test]
fn one_that_runs_is_shown_by_its_name_and_by_its_directory() {
    let supervised = Supervised::start(&[]);
    let state_dir = supervised.state_dir();
    for of in [["--name", "web"], ["--state-dir", state_dir.to_str().unwrap()]] {
        let shown = highwater(supervised.place.path(), &["status", of[0], of[1]]);
        let screen = text(&shown.stdout);
        assert!(shown.status.success() && screen.starts_with("web        running, generation 1"), "{shown:?}");
        assert!(
            screen.contains("1 dump") && !screen.contains('\x1b'),
            "no colours where there is no terminal: {screen}"
        );
        let json = highwater(supervised.place.path(), &["status", of[0], of[1], "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!((&json["running"], &json["name"]), (&true.into(), &"web".into()));
    }
}

#[test]
fn one_that_is_gone_is_told_by_its_journal() {
    let mut supervised = Supervised::start(&[]);
    supervised.signal(Signal::SIGTERM);
    supervised.wait();
    let state_dir = supervised.state_dir();
    let of = ["--state-dir", state_dir.to_str().unwrap()];
    let shown = highwater(supervised.place.path(), &["status", of[0], of[1]]);
    let said = text(&shown.stdout);
    assert_eq!(shown.status.code(), Some(1));
    assert!(said.starts_with("web does not run.") && said.contains("service.exited  signal 15, asked"), "{said}");
    let json = highwater(supervised.place.path(), &["status", of[0], of[1], "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["running"], &json["name"]), (&false.into(), &"web".into()));
    let trigger = highwater(supervised.place.path(), &["trigger", "dump", of[0], of[1]]);
    assert_eq!(trigger.status.code(), Some(1));
    assert!(text(&trigger.stderr).contains("does not run"), "{trigger:?}");
}

#[test]
fn a_step_begins_or_the_reason_is_said() {
    let supervised = Supervised::start(&[]);
    let trigger = |arguments: &[&str]| {
        let output = highwater(supervised.place.path(), &[&["trigger", "--name", "web"], arguments].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (status, _, reason) = trigger(&["throttle"]);
    assert_eq!((status, reason.as_str()), (Some(1), "highwater: the policy has no step with throttle\n"));
    let (status, json, _) = trigger(&["throttle", "--json"]);
    assert!(status == Some(1) && json.contains("\"reason\""), "{json}");
    assert_eq!(trigger(&["nothing"]).0, Some(2));
    assert_eq!(trigger(&["restart"]), (Some(0), "step again begins\n".into(), String::new()));
}

#[test]
fn two_of_the_same_name_have_a_directory_each() {
    let first = Supervised::start(&[]);
    let state = tempfile::tempdir().unwrap();
    let mut second = command(first.place.path(), &["run", "--name", "web", "--state-dir"]);
    // The places of the machine and of the user are not to be had.
    let file = first.place.path().join("file");
    std::fs::write(&file, "").unwrap();
    second.arg(state.path()).env("XDG_RUNTIME_DIR", &file).args(["--", "sleep", "infinity"]).stderr(Stdio::null());
    let mut second = second.spawn().unwrap();
    let shown = || highwater(first.place.path(), &["status", "--json", "--state-dir", state.path().to_str().unwrap()]);
    first.wait_until("the second can be asked", |_| shown().status.success());
    let json: serde_json::Value = serde_json::from_slice(&shown().stdout).unwrap();
    assert_eq!(json["pid"], second.id());
    assert_ne!(first.get("/status").json()["pid"], second.id());
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(second.id().cast_signed()), Signal::SIGTERM).unwrap();
    second.wait().unwrap();
}

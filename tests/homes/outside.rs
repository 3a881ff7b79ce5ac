//! What is taken from outside, under the hardening of the units: the heap of a Go service, read out of its memory.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use highwater_tests::{call, program, wait_until};

use crate::instance::{Instance, journalctl, write};

const POLICY: &str = r#"
[trigger.never]
usage = { above = "99%" }
[[step]]
name = "dump"
dump = { go = "heap", within = "60s" }
"#;
const ADDRESS: &str = "127.0.0.1:8933";
/// Kept by the service for good; of so large ones every eighth is sampled.
const SESSIONS: usize = 400;
const STRICT: &str = "/usr/share/highwater/strict.conf";

/// The service under the user nobody: by the unit, or by the program that the unit starts.
fn go_service(name: &str, drop_in: &str) -> Instance {
    let place = "/usr/local/bin/go-sessions";
    if !Path::new(place).exists() {
        fs::copy(program("go-sessions"), place).unwrap();
    }
    let script = format!(
        "[ $(id -u) = 0 ] && as_nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'\n\
         exec $as_nobody {place} -addr {ADDRESS}\n"
    );
    Instance::new(name, POLICY, &script, &format!("[Service]\nMemoryMax=256M\n{drop_in}"))
}

/// Opens sessions through one connection, and has the heap collected often enough to show them.
#[track_caller]
fn log_in() {
    let mut stream = wait_until("the service", || TcpStream::connect(ADDRESS).ok());
    let one = "POST /login HTTP/1.1\r\nHost: service\r\nContent-Length: 0\r\n\r\n";
    let last = one.replace("Content-Length", "Connection: close\r\nContent-Length");
    stream.write_all((one.repeat(SESSIONS - 1) + &last).as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("200 OK").count(), SESSIONS, "{answers}");
}

#[track_caller]
fn names_the_leak(instance: &Instance, name: &str) {
    instance.systemctl("start");
    log_in();
    call(["highwater", "trigger", "dump", "--name", name]);
    let end = instance.journal().wait_for("step.finished");
    assert_eq!(end["outcome"], "done", "{end}");
    let profile = end["evidence"][0]["path"].as_str().unwrap();
    call(["sh", "-c", &format!("zcat {profile} | grep --quiet --text rememberSessionForever")]);
    instance.systemctl("stop");
}

/// How strict the security module Yama is; put back when this is gone.
struct Yama(String);

impl Yama {
    const SCOPE: &str = "/proc/sys/kernel/yama/ptrace_scope";

    #[track_caller]
    fn set(scope: u32) -> Self {
        let before = fs::read_to_string(Self::SCOPE).unwrap();
        fs::write(Self::SCOPE, scope.to_string()).unwrap();
        Self(before)
    }
}

impl Drop for Yama {
    fn drop(&mut self) {
        let _ = fs::write(Self::SCOPE, &self.0);
    }
}

#[test]
fn a_go_heap_is_read_from_outside_whatever_the_units_forbid() {
    // As many distributions have it.
    let yama = Yama::set(1);
    for (name, user) in [("go-root", ""), ("go-nobody", "User=nobody\n")] {
        names_the_leak(&go_service(name, user), name);
        let name = &format!("{name}-strict");
        let instance = go_service(name, user);
        instance.drop_in("strict.conf", &fs::read_to_string(STRICT).unwrap());
        names_the_leak(&instance, name);
    }
    drop(yama);
}

/// It says so without an incident, and names the rule.
#[track_caller]
fn says_that_nothing_can_be_read(name: &str, drop_in: &str, rule: &str) {
    let instance = go_service(name, drop_in);
    instance.systemctl("start");
    wait_until("the service", || TcpStream::connect(ADDRESS).ok());
    // Old enough to be looked at by that policy.
    let soon = format!("{POLICY}[evidence]\nbaseline = {{ after = \"1ms\", every = \"1d\" }}\n");
    write(&Path::new("/etc/highwater").join(name).with_extension("toml"), &soon);
    instance.systemctl("reload");
    let journal = instance.journal();
    journal.wait_for_line("a notice of what cannot be captured", |line| {
        let reason = line["reason"].to_string();
        line["event"] == "supervisor.notice"
            && ["nothing can be captured from outside", rule].iter().all(|part| reason.contains(part))
    });
    assert!(journal.events("incident.opened").is_empty());
    let told = journalctl(["--output=cat", "--unit", &instance.unit()]);
    assert!(told.contains(rule), "{told}");
    instance.systemctl("stop");
}

#[test]
fn what_cannot_be_read_from_outside_is_said_while_all_is_well() {
    let without = "CapabilityBoundingSet=~CAP_SYS_PTRACE\n";
    let rule = "of user 65534; highwater, of user 0, does not have CAP_SYS_PTRACE";
    says_that_nothing_can_be_read("go-other-user", without, rule);
    let yama = Yama::set(2);
    let rule = "kernel.yama.ptrace_scope is 2";
    says_that_nothing_can_be_read("go-yama", "User=nobody\n", rule);
    let doctor = call(["setpriv", "--reuid=65534", "--clear-groups", "highwater", "doctor"]);
    assert!(doctor.contains(rule), "{doctor}");
    assert!(!call(["highwater", "doctor"]).contains(rule), "root may");
    // What the how-to says to do about it.
    let able = "go-able";
    names_the_leak(&go_service(able, "User=nobody\nAmbientCapabilities=CAP_SYS_PTRACE\n"), able);
    drop(yama);
}

//! The steps besides dump, throttle and restart, and that one which fails does not stop the ladder.

use std::fs;

use highwater_tests::wait_until;
use serde_json::Value;

use crate::contract;
use crate::incident::{MIB, Place, cgroup_of, done, end_of, limit, not_done, number, start_of};
use crate::level::{steps, with_leaker};
use crate::web::answer_once;

#[test]
fn a_signal_a_command_and_a_post_are_steps_of_their_own() {
    let (port, server) = answer_once("HTTP/1.1 204 No Content\r\n\r\n");
    let place = Place::on_disk("steps");
    let actions = format!(
        r#"
[[step]]
name = "shed"
signal = {{ send = "SIGUSR2" }}
[[step]]
name = "call"
command = {{ run = ["sh", "-c", 'echo "$HIGHWATER_NAME $HIGHWATER_STEP $HIGHWATER_PID" >DIR/called'], within = "10s" }}
[[step]]
name = "tell"
http = {{ post = "http://127.0.0.1:{port}/hook", within = "10s" }}
"#
    );
    let highwater = with_leaker(&place, &steps(&actions), "--dump-signal USR2 --dump-size 1");
    let told = done(highwater.journal(), "tell");
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&body["incident"], &body["step"]), (&told["incident"], &"tell".into()), "{body}");
    done(highwater.journal(), "shed");
    done(highwater.journal(), "call");
    let called = fs::read_to_string(place.file("called")).unwrap();
    assert_eq!(called.trim(), format!("leaker call {}", highwater.service()));
    wait_until("what the signal is for", || {
        place.leaker_log().iter().any(|line| line.starts_with("dump ")).then_some(())
    });
}

#[test]
fn a_post_that_is_refused_and_a_command_that_fails_do_not_stop_the_ladder() {
    let (port, server) = answer_once("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    let place = Place::on_disk("steps-fail");
    let actions = format!(
        r#"
[[step]]
name = "tell"
http = {{ post = "http://127.0.0.1:{port}/hook", within = "10s" }}
[[step]]
name = "call"
command = {{ run = ["sh", "-c", "exit 4"], within = "10s" }}
[[step]]
name = "hang"
command = {{ run = ["sleep", "1000"], within = "1s" }}
"#
    );
    let highwater = with_leaker(&place, &steps(&actions), "");
    server.join().unwrap();
    assert!(not_done(highwater.journal(), "tell", "failed").contains("500"));
    assert!(not_done(highwater.journal(), "call", "failed").contains("status 4"));
    not_done(highwater.journal(), "hang", "timed-out");
}

#[test]
fn page_cache_is_reclaimed() {
    let place = Place::on_disk("reclaim");
    let writes = r#"open my $file, ">", "$ARGV[0]/cached"; print $file "x" x 65536 for 1 .. 768; close $file;
        system "sync"; sleep 1 while 1"#;
    let service = vec!["perl".into(), "-e".into(), writes.into(), place.directory().into()];
    let policy = r#"
[memory]
max = "128MiB"
tripwire = "off"
[trigger.cached]
usage = { of = "current", above = "40MiB", for = "8s" }
[[step]]
name = "reclaim"
reclaim = { amount = "32MiB" }
"#;
    let mut highwater = place.start(policy, service);
    let cgroup = cgroup_of(&highwater.started(1));
    let end = done(highwater.journal(), "reclaim");
    let left = limit(&cgroup, "memory.current").expect("usage");
    let started = start_of(highwater.journal(), "reclaim");
    assert!(left + 30 * MIB < number(&started["memory"]["current"]), "{left} left: {started} {end}");
    highwater.stop();
    contract::check(highwater.journal());
}

#[test]
fn there_is_nothing_to_reclaim_from_a_leak() {
    let place = Place::on_disk("reclaim-anon");
    let actions = "[[step]]\nname = \"reclaim\"\nreclaim = { amount = \"64MiB\" }";
    let highwater = with_leaker(&place, &steps(actions), "");
    let end = end_of(highwater.journal(), "reclaim");
    assert_ne!(end["outcome"], "done", "{end}");
}

#[test]
fn a_kill_is_a_step_and_the_policy_says_what_follows() {
    let place = Place::on_disk("kill");
    let policy = r#"
[memory]
max = "128MiB"
tripwire = "off"
[trigger.level]
usage = { of = "current", above = "24MiB" }
[[step]]
name = "kill"
kill = {}
"#;
    let mut highwater = place.start(policy, place.cured_by_a_restart(place.leaker("--base 32")));
    done(highwater.journal(), "kill");
    let exited = highwater.journal().wait_for("service.exited");
    assert_eq!((&exited["signal"], &exited["cause"]), (&9.into(), &"asked".into()), "{exited}");
    assert_eq!(exited["oom_killed"], false, "{exited}");
    highwater.started(2);
    highwater.stop();
    assert!(!place.leaker_log().iter().any(|line| line.starts_with("graceful")), "it must not be asked");
    contract::check(highwater.journal());
}

//! A service under systemd: the template unit, and the drop-in for a unit that is there already.

use std::fs;
use std::path::Path;

use highwater_tests::{Ladder, Process, Signal, call, wait_until};
use serde_json::Value;

use crate::instance::{Instance, journalctl, leaker, main_pid, write};
use crate::package;

/// Percentages are of the unit's limit.
const LIMIT: &str = "[Service]\nMemoryMax=256M\n";
const LADDER: Ladder<'_> = Ladder::new("/tmp/heap-*.bin");

#[test]
fn systemd_is_pid_1_and_runs_units() {
    assert_eq!(fs::read_to_string("/proc/1/comm").unwrap(), "systemd\n");
    let cgroup = call(["systemd-run", "--wait", "--pipe", "--quiet", "--unit=probe", "cat", "/proc/self/cgroup"]);
    assert_eq!(cgroup, "0::/system.slice/probe.service");
}

/// A service of another user than root, which leaks in its first generation only.
fn leaking(log: &str) -> String {
    format!(
        "log={log}
        [ -e $log ] && calm=yes
        : >>$log && chmod 666 $log
        [ $(id -u) = 0 ] && as_nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
        [ $calm ] && exec $as_nobody {leaker} --base 8 --log $log
        exec $as_nobody {leaker} --base 190 --rate 4 --leak-after 0.5 --dump-file '/tmp/heap-%p-%n.bin' --log $log
        ",
        leaker = leaker()
    )
}

#[test]
fn the_template_takes_a_leaking_service_through_the_whole_ladder() {
    let instance = Instance::new("ladder", &LADDER.policy(), &leaking("/run/ladder.log"), LIMIT);
    whole_ladder(&instance, "/run/ladder.log");
    let log = fs::read_to_string("/run/ladder.log").unwrap();
    assert_eq!(log.lines().filter(|line| line.starts_with("graceful ")).count(), 2, "{log}");
}

/// Without root, highwater may do as much to a service of the same user.
#[test]
fn the_ladder_is_climbed_without_root_too() {
    let log = "/var/lib/highwater/nobody/log";
    let instance = Instance::new("nobody", &LADDER.policy(), &leaking(log), &format!("{LIMIT}User=nobody\n"));
    whole_ladder(&instance, log);
}

#[track_caller]
fn whole_ladder(instance: &Instance, log: &str) {
    instance.systemctl("start");
    let journal = instance.journal();
    let missing = &journal.wait_for("supervisor.started")["missing"];
    assert_eq!(missing, &serde_json::json!([]), "the unit's hardening takes abilities away");
    journal.wait_for("incident.resolved");
    let outcomes: Vec<_> = journal.events("step.finished").into_iter().map(|end| end["outcome"].clone()).collect();
    assert_eq!(outcomes, ["done", "done", "done"]);
    assert_eq!(instance.show("ActiveState,NRestarts"), ["NRestarts=0", "ActiveState=active"]);
    // Before, a signal to stop would just end it.
    wait_until("a second service that is ready", || {
        (fs::read_to_string(log).ok()?.lines().filter(|line| line.starts_with("ready ")).count() == 2).then_some(())
    });
    instance.systemctl("stop");
    assert_eq!(instance.show("Result,ExecMainStatus"), ["Result=success", "ExecMainStatus=0"]);
    ladder_in_systemds_journal(instance);
    let told = journalctl(["--output=cat", "--unit", &instance.unit()]);
    assert!(!told.contains("memory is not locked"), "{told}");
}

/// Every step is found by its fields, with a message for people, and so is all of an incident by its id.
#[track_caller]
fn ladder_in_systemds_journal(instance: &Instance) {
    let entries = |field: &str| -> Vec<Value> {
        let unit = format!("_SYSTEMD_UNIT={}", instance.unit());
        let text = journalctl(["--output=json", field, &unit]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let ends = entries("HIGHWATER_EVENT=step.finished");
    let steps: Vec<_> = ends.iter().map(|end| (&end["HIGHWATER_STEP"], &end["HIGHWATER_OUTCOME"])).collect();
    let done = &Value::from("done");
    assert_eq!(steps, [(&"dump".into(), done), (&"throttle".into(), done), (&"restart".into(), done)]);
    for end in &ends {
        assert!(end["MESSAGE"].as_str().unwrap().contains(" done in "), "{end}");
        assert_eq!(end["PRIORITY"], "5", "{end}");
    }
    let opened = &instance.journal().events("incident.opened")[0];
    let of_incident = entries(&format!("HIGHWATER_INCIDENT={}", opened["incident"].as_str().unwrap()));
    let lines = instance.journal().lines();
    let told = lines.iter().filter(|line| line["incident"] == opened["incident"]).count();
    assert_eq!(of_incident.len(), told, "{of_incident:?}");
}

#[test]
fn systemd_does_not_start_again_what_has_spent_its_budget() {
    let policy = r#"
[trigger.full]
usage = { above = "60%" }
[[step]]
name = "restart"
restart = { budget = { times = 1, within = "1h" }, backoff = "1ms..2ms" }
"#;
    let script = format!("exec {} --base 100 --rate 2", leaker());
    let instance = Instance::new("spent", policy, &script, "[Service]\nMemoryMax=128M\n");
    instance.systemctl("start");
    instance.wait_for("failed");
    assert_eq!(
        instance.show("Result,NRestarts,ExecMainStatus"),
        ["Result=exit-code", "NRestarts=0", "ExecMainStatus=75"]
    );
    assert_eq!(instance.journal().events("service.started").len(), 2);
    instance.systemctl("reset-failed");
}

#[test]
fn a_highwater_that_was_killed_is_started_again_and_finds_no_leftovers_alive() {
    let instance = Instance::new("killed", &LADDER.policy(), &format!("exec {} --base 8", leaker()), LIMIT);
    instance.systemctl("start");
    let (supervisor, service) = (instance.main_pid(), instance.service(1));
    Process(supervisor).signal(Signal::KILL);
    wait_until("the next highwater", || (instance.journal().events("service.started").len() == 2).then_some(()));
    assert_eq!(instance.show("NRestarts"), ["NRestarts=1"]);
    assert!(!Process(service).is_alive());
}

/// What front.conf tells an administrator to do, word by word.
#[test]
fn a_unit_gets_highwater_in_front_by_what_the_drop_in_says() {
    package::installed();
    let unit = Path::new("/etc/systemd/system/web.service");
    write(unit, "[Service]\nExecStart=/usr/bin/web --its --arguments\nProtectControlGroups=yes\nMemoryMax=256M\n");
    write(Path::new("/usr/bin/web"), "#!/bin/sh\nexec sleep 100000\n");
    call(["chmod", "755", "/usr/bin/web"]);
    call(["cp", "/usr/share/highwater/policies/default.toml", "/etc/highwater/web.toml"]);
    call(["systemctl", "start", "web.service"]);
    let before = main_pid("web.service");

    let manual = fs::read_to_string("/usr/share/highwater/front.conf").unwrap();
    let said = |line: &&str| line.starts_with("#   ");
    let lines: Vec<&str> = manual.lines().filter(said).map(|line| &line[4..]).collect();
    let (commands, drop_in): (Vec<&str>, Vec<&str>) =
        lines.iter().partition(|line| ["mkdir ", "ln "].iter().any(|word| line.starts_with(word)));
    let drop_in: Vec<&str> = drop_in.into_iter().filter(|line| !line.starts_with("systemctl edit ")).collect();
    call(["sh", "-ec", &commands.join("\n")]);
    write(Path::new("/etc/systemd/system/web.service.d/override.conf"), &drop_in.join("\n"));
    call(["systemctl", "daemon-reload"]);
    call(["systemctl", "restart", "web.service"]);

    let supervisor = main_pid("web.service");
    assert!(!Process(before).is_alive());
    let journal = highwater_tests::Journal::in_state_dir(Path::new("/var/lib/highwater/web"));
    assert_eq!(journal.wait_for("supervisor.started")["missing"], serde_json::json!([]));
    let service = Process(journal.wait_for("service.started")["pid"].as_u64().unwrap().try_into().unwrap());
    assert_eq!(service.parent(), supervisor);
    assert_eq!(service.read("cgroup"), "0::/system.slice/web.service/service.1");
    assert_eq!(Process(supervisor).read("cgroup"), "0::/system.slice/web.service/supervisor");
    call(["systemctl", "stop", "web.service"]);
    assert_eq!(call(["systemctl", "show", "--property=Result", "web.service"]), "Result=success");
}

/// For another user than root, the kernel counts how much may be locked.
#[test]
fn in_front_of_a_unit_of_another_user_highwater_stays_in_memory_too() {
    package::installed();
    let unit = "modest.service";
    let place = Path::new("/etc/systemd/system").join(unit);
    write(&place, "[Service]\nExecStart=highwater run --name modest -- sleep 100000\nUser=nobody\nMemoryMax=128M\n");
    let drop_ins = place.with_extension("service.d");
    fs::create_dir_all(&drop_ins).unwrap();
    call(["ln", "-sf", "/usr/share/highwater/front.conf", drop_ins.join("highwater.conf").to_str().unwrap()]);
    call(["systemctl", "daemon-reload"]);
    call(["systemctl", "start", unit]);
    let journal = highwater_tests::Journal::in_state_dir(Path::new("/var/lib/highwater/modest"));
    journal.wait_for("service.started");
    assert_eq!(journal.wait_for("supervisor.started")["missing"], serde_json::json!([]));
    let supervisor = Process(main_pid(unit));
    // Locked by pages as they are touched, of which there are some by now.
    let locked = supervisor.status("VmLck");
    call(["systemctl", "stop", unit]);
    let told = journalctl(["--output=cat", "--unit", unit]);
    assert!(!told.contains("memory is not locked") && locked != "0 kB", "{locked}\n{told}");
}

/// systemd before 254 does not know one setting; there must be nothing else that it has to say.
#[test]
fn systemd_has_nothing_to_say_against_the_unit() {
    let instance = Instance::new("verified", &LADDER.policy(), "exec sleep 1000", "");
    let said = call(["sh", "-c", &format!("systemd-analyze verify {} 2>&1", instance.unit())]);
    let others: Vec<&str> = said.lines().filter(|line| line.contains("highwater")).collect();
    assert!(others.iter().all(|line| line.contains("'DelegateSubgroup'")), "{said}");
}

/// The highest exposure that is all right, in tenths: more is a mistake, less is to be written down here and in the README.
#[test]
fn the_unit_is_as_little_exposed_as_is_said() {
    let instance = Instance::new("exposed", &LADDER.policy(), "exec sleep 1000", "");
    exposure(&instance, 57);
    let strict = fs::read_to_string("/usr/share/highwater/strict.conf").unwrap();
    instance.drop_in("strict.conf", &strict);
    exposure(&instance, 40);
}

#[track_caller]
fn exposure(instance: &Instance, most: u32) {
    call(["systemd-analyze", "security", "--no-pager", &format!("--threshold={most}"), &instance.unit()]);
    println!("{}", call(["systemd-analyze", "security", "--no-pager", &instance.unit()]).lines().last().unwrap());
}

#[test]
fn the_ladder_is_climbed_under_the_strict_drop_in_too() {
    let limit = format!("{LIMIT}ReadWritePaths=/run\n");
    let instance = Instance::new("strict", &LADDER.policy(), &leaking("/run/strict.log"), &limit);
    instance.drop_in("strict.conf", &fs::read_to_string("/usr/share/highwater/strict.conf").unwrap());
    whole_ladder(&instance, "/run/strict.log");
}

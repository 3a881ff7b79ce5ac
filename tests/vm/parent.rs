//! highwater as the parent of a service: what it hands down, what it takes in, how it ends.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use highwater_tests::{Highwater, Process, Scratch, Signal, joining, program, wait_until};

/// The end of the service is the end of highwater.
const ONCE: &str = "[service]\nrestart = \"never\"\nstop-timeout = \"5m\"\n";

/// A service that runs shell code and then sleeps until it is killed.
fn shell(script: &str) -> [String; 3] {
    ["/bin/sh".into(), "-c".into(), script.into()]
}

/// The content of a file that something else is about to write, as soon as there is a line of it.
#[track_caller]
fn line_of(file: &Path) -> String {
    let what = format!("a line in {}", file.display());
    wait_until(&what, || Some(fs::read_to_string(file).ok()?.strip_suffix('\n')?.to_owned()))
}

#[track_caller]
fn wait_for_handler(service: u32, signal: Signal) {
    let bit = 1 << (signal.as_raw() - 1);
    wait_until("the handlers of the service", || (Process(service).signals("SigCgt") & bit != 0).then_some(()));
}

#[test]
fn the_status_of_the_service_becomes_its_own() {
    let scratch = Scratch::new("status");
    let policy = format!("{ONCE}env = {{ STATUS = \"42\" }}");
    let mut highwater = Highwater::inside(&scratch).policy(policy).run(shell("exit $STATUS"));
    assert_eq!(highwater.wait().code(), Some(42));
    let exited = highwater.journal().events("service.exited");
    assert_eq!(exited.len(), 1);
    assert_eq!(exited[0]["code"], 42);
}

#[test]
fn the_signal_that_ended_the_service_ends_it() {
    for signal in [Signal::TERM, Signal::KILL, Signal::SEGV] {
        let scratch = Scratch::new("signal");
        let script = format!("kill -{} $$", signal.as_raw());
        let mut highwater = Highwater::inside(&scratch).policy(ONCE).run(shell(&script));
        assert_eq!(highwater.wait().signal(), Some(signal.as_raw()));
        assert_eq!(highwater.journal().events("supervisor.lost").len(), 0, "an orderly end is no loss");
    }
}

#[test]
fn a_command_that_is_not_there_is_127() {
    for command in ["highwater-tests-no-such-command", "/no/such/command"] {
        let scratch = Scratch::new("missing");
        let mut highwater = Highwater::inside(&scratch).run([command]);
        assert_eq!(highwater.wait().code(), Some(127), "{command}");
        assert!(highwater.stderr().contains(command), "it must be named");
        assert_eq!(highwater.journal().events("service.started").len(), 0);
        assert!(!scratch.file("service.1").exists(), "the cgroup of nobody stays behind");
    }
}

#[test]
fn a_command_that_cannot_be_executed_is_126() {
    let scratch = Scratch::new("not-executable");
    let launcher = Highwater::inside(&scratch);
    let text = launcher.directory().join("text");
    fs::write(&text, "no program").unwrap();
    let mut highwater = launcher.run([&text]);
    assert_eq!(highwater.wait().code(), Some(126));
    assert!(highwater.stderr().contains(text.to_str().unwrap()));
}

#[test]
fn a_state_directory_that_cannot_be_is_125_before_the_service_starts() {
    let scratch = Scratch::new("state-dir");
    let launcher = Highwater::inside(&scratch);
    let witness = launcher.directory().join("witness");
    let file = launcher.directory().join("file");
    fs::write(&file, "in the way").unwrap();
    let state_dir = file.join("state");
    let mut highwater = launcher.state_dir(&state_dir).run([Path::new("touch"), &witness]);
    assert_eq!(highwater.wait().code(), Some(125));
    let said = highwater.stderr();
    assert!(said.contains(state_dir.to_str().unwrap()) && said.contains("--state-dir"), "{said}");
    assert!(!witness.exists());
}

#[test]
fn a_policy_that_does_not_check_is_2_with_every_error_and_its_place() {
    let scratch = Scratch::new("bad-policy");
    let launcher = Highwater::inside(&scratch);
    let witness = launcher.directory().join("witness");
    let policy = "[service]\nrestrat = \"never\"\n\n[memory]\nmax = \"512\"\n";
    let mut highwater = launcher.policy(policy).run([Path::new("touch"), &witness]);
    assert_eq!(highwater.wait().code(), Some(2));
    let said = highwater.stderr();
    let file = highwater.policy_file();
    for place in ["2:1", "5:7"] {
        assert!(said.contains(&format!("{}:{place}", file.display())), "{place} is not in: {said}");
    }
    assert!(said.contains("`restart`"), "the nearest key is not in: {said}");
    assert!(!witness.exists());
}

#[test]
fn a_policy_that_cannot_be_read_is_2() {
    let scratch = Scratch::new("no-policy");
    for file in ["/no/such/policy.toml", "/dev", "/bin/sh"] {
        let mut highwater = Highwater::inside(&scratch).policy_file(file).run(["true"]);
        assert_eq!(highwater.wait().code(), Some(2), "{file}");
        assert!(highwater.stderr().contains(file), "{}", highwater.stderr());
    }
}

#[test]
fn a_required_ability_that_is_missing_names_the_way_out() {
    let scratch = Scratch::new("require");
    let launcher = Highwater::inside(&scratch).under(["unshare", "--mount", "/bin/sh", "-c"]);
    let witness = launcher.directory().join("witness");
    let mut highwater = launcher
        .under(["mount -o remount,bind,ro /sys/fs/cgroup && exec \"$@\"", "sh"])
        .option("--require=throttle,inotify")
        .run([Path::new("touch"), &witness]);
    assert_eq!(highwater.wait().code(), Some(125));
    let said = highwater.stderr();
    assert!(said.contains("throttle is missing") && said.contains("read-only"), "{said}");
    assert!(said.contains("way out"), "{said}");
    assert!(!said.contains("inotify is missing"), "{said}");
    assert!(!witness.exists());
}

#[test]
fn required_abilities_that_are_there_change_nothing() {
    let scratch = Scratch::new("require");
    let abilities = "--require=cgroup,throttle,psi-trigger,cgroup-kill,freeze,reclaim,spawn-into-cgroup";
    let mut highwater = Highwater::inside(&scratch).policy(ONCE).option(abilities).run(["true"]);
    assert_eq!(highwater.wait().code(), Some(0));
}

#[test]
fn the_service_inherits_no_signal_state_and_no_protection() {
    let scratch = Scratch::new("clean");
    let highwater = Highwater::inside(&scratch)
        .under(["choom", "-n", "-500", "--", "env", "--ignore-signal=ALRM", "--block-signal=VTALRM"])
        .policy(ONCE)
        .run(["sleep", "1000"]);
    let service = Process(highwater.service());
    let own = Process(highwater.pid());
    assert_eq!(own.read("oom_score_adj"), "-500", "the test gives nothing to inherit");
    assert_ne!(own.signals("SigIgn"), 0, "the test gives nothing to inherit");
    assert_ne!(own.signals("SigBlk"), 0, "the test gives nothing to inherit");
    assert_eq!(service.read("oom_score_adj"), "0");
    for set in ["SigIgn", "SigBlk", "SigCgt"] {
        assert_eq!(service.signals(set), 0, "{set}");
    }
    assert_eq!(service.session(), service.0, "the service has no session of its own");
}

#[test]
fn the_service_gets_the_descriptors_it_was_given_and_no_other() {
    let scratch = Scratch::new("descriptors");
    let launcher = Highwater::inside(&scratch);
    let copy = launcher.directory().join("copy");
    let mut highwater = launcher
        .policy(ONCE)
        .stdin(Stdio::piped())
        .stdout(File::create(&copy).unwrap())
        // Like a socket that an init system passes on.
        .under(["/bin/sh", "-c", "exec 7</dev/zero && exec \"$@\"", "sh"])
        .run(["cat"]);
    let descriptors = format!("/proc/{}/fd", highwater.service());
    // While it is loaded, it has its libraries open as well.
    wait_until("a service with the descriptors 0, 1, 2 and 7 only", || {
        let entries = fs::read_dir(&descriptors).unwrap();
        let mut numbers: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        numbers.sort();
        (numbers == ["0", "1", "2", "7"]).then_some(())
    });
    highwater.child().stdin.take().unwrap().write_all(b"through and through").unwrap();
    assert_eq!(highwater.wait().code(), Some(0));
    assert_eq!(fs::read_to_string(copy).unwrap(), "through and through");
}

/// Starts an orphan that waits for somebody to open a pipe, says its number, and goes on as something else.
const ORPHAN: &str = "mkfifo pipe; (sh -c 'echo $$ >orphan; read line <pipe' &); exec sleep 1000";

#[test]
fn orphans_of_the_service_become_its_children_and_are_reaped() {
    let scratch = Scratch::new("orphan");
    let launcher = Highwater::inside(&scratch).policy(ONCE);
    let directory = launcher.directory().to_owned();
    let highwater = launcher.run(shell(&format!("cd {} && {ORPHAN}", directory.display())));
    let orphan = Process(line_of(&directory.join("orphan")).parse().unwrap());
    wait_until("the adoption of the orphan", || (orphan.parent() == highwater.pid()).then_some(()));
    assert_eq!(orphan.cgroup(), scratch.path().join("service.1"));
    drop(OpenOptions::new().write(true).open(directory.join("pipe")).unwrap());
    let entry = format!("/proc/{}", orphan.0);
    wait_until("the burial of the orphan", || (!Path::new(&entry).exists()).then_some(()));
    assert!(Process(highwater.service()).is_alive());
}

#[test]
fn a_daemon_is_adopted_and_stopped_gracefully() {
    let scratch = Scratch::new("daemon");
    let launcher = Highwater::inside(&scratch).policy(ONCE);
    let log = launcher.directory().join("log");
    let mut highwater =
        launcher.run([program("leaker").as_os_str(), "--double-fork".as_ref(), "--log".as_ref(), log.as_os_str()]);
    let first = highwater.service();
    let ready = line_of(&log);
    let daemon = Process(ready.strip_prefix("ready ").unwrap().parse().unwrap());
    assert_ne!(daemon.0, first);
    highwater.journal().wait_for_line("the adoption", |line| {
        line["event"] == "supervisor.notice" && line["reason"].to_string().contains(&daemon.0.to_string())
    });
    assert_eq!(highwater.ended(), None, "the end of what was started is not that of the service");
    assert_eq!(highwater.stop().code(), Some(0));
    assert!(fs::read_to_string(&log).unwrap().contains("graceful"), "the daemon was not asked to stop");
}

#[test]
fn the_end_of_an_adopted_daemon_is_that_of_the_service() {
    let scratch = Scratch::new("daemon");
    let launcher = Highwater::inside(&scratch).policy(ONCE);
    let log = launcher.directory().join("log");
    let mut highwater =
        launcher.run([program("leaker").as_os_str(), "--double-fork".as_ref(), "--log".as_ref(), log.as_os_str()]);
    let daemon = Process(line_of(&log).strip_prefix("ready ").unwrap().parse().unwrap());
    highwater.journal().wait_for_line("the adoption", |line| line["reason"].to_string().contains("left process"));
    daemon.signal(Signal::KILL);
    assert_eq!(highwater.wait().signal(), Some(9));
}

#[test]
fn asked_to_end_it_stops_the_service_gracefully() {
    for signal in [Signal::TERM, Signal::INT] {
        let scratch = Scratch::new("graceful");
        let launcher = Highwater::inside(&scratch).policy(ONCE);
        let log = launcher.directory().join("log");
        let mut highwater = launcher.run([program("leaker").as_os_str(), "--log".as_ref(), log.as_os_str()]);
        line_of(&log);
        highwater.signal(signal);
        assert_eq!(highwater.wait().code(), Some(0));
        assert!(fs::read_to_string(&log).unwrap().contains("graceful"));
        let stopping = highwater.journal().wait_for("supervisor.stopping");
        let reason = stopping["reason"].to_string();
        assert!(reason.contains(&std::process::id().to_string()), "{reason} does not say who asked");
        let exited = highwater.journal().wait_for("service.exited");
        assert_eq!((&exited["code"], &exited["cause"]), (&0.into(), &"asked".into()));
        assert!(!scratch.file("service.1").exists());
    }
}

#[test]
fn asked_a_second_time_it_ends_the_service_at_once() {
    let scratch = Scratch::new("at-once");
    let launcher = Highwater::inside(&scratch).policy(ONCE);
    let log = launcher.directory().join("log");
    let mut highwater =
        launcher.run([program("leaker").as_os_str(), "--stop=ignore".as_ref(), "--log".as_ref(), log.as_os_str()]);
    line_of(&log);
    highwater.signal(Signal::TERM);
    highwater.journal().wait_for("supervisor.stopping");
    assert_eq!(highwater.ended(), None);
    highwater.signal(Signal::TERM);
    // The stop timeout of five minutes is longer than the patience of a test.
    assert_eq!(highwater.wait().signal(), Some(9));
}

/// Says by its status which signal ended it.
const TELLING: &str = "trap 'exit 7' USR1; trap 'exit 8' TERM; while :; do sleep 1000 & wait; done";

#[test]
fn a_reloaded_policy_is_in_force() {
    let scratch = Scratch::new("reload");
    let mut highwater = Highwater::inside(&scratch).policy(ONCE).run(shell(TELLING));
    wait_for_handler(highwater.service(), Signal::TERM);
    fs::write(highwater.policy_file(), format!("{ONCE}stop-signal = \"SIGUSR1\"\n")).unwrap();
    highwater.signal(Signal::HUP);
    highwater.journal().wait_for("policy.reloaded");
    assert_eq!(highwater.stop().code(), Some(7));
}

#[test]
fn a_bad_policy_is_refused_with_every_error_and_the_old_one_stays_in_force() {
    let scratch = Scratch::new("reload");
    let mut highwater = Highwater::inside(&scratch).policy(ONCE).run(shell(TELLING));
    wait_for_handler(highwater.service(), Signal::TERM);
    let bad = "[service]\nrestart = \"never\"\nstop-signal = \"SIGUSR1\"\nstop-timeout = \"5\"\ncolour = 1\n";
    fs::write(highwater.policy_file(), bad).unwrap();
    highwater.signal(Signal::HUP);
    let reason = highwater.journal().wait_for("policy.rejected")["reason"].to_string();
    for part in ["4:16", "5:1", "colour"] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
    fs::remove_file(highwater.policy_file()).unwrap();
    highwater.signal(Signal::HUP);
    wait_until("the second refusal", || (highwater.journal().events("policy.rejected").len() == 2).then_some(()));
    assert_eq!(highwater.stop().code(), Some(8));
}

#[test]
fn a_signal_the_service_handles_is_passed_on() {
    let scratch = Scratch::new("forward");
    let mut highwater =
        Highwater::inside(&scratch).policy(ONCE).run(shell("trap 'exit 9' USR2; while :; do sleep 1000 & wait; done"));
    wait_for_handler(highwater.service(), Signal::USR2);
    highwater.signal(Signal::USR2);
    assert_eq!(highwater.wait().code(), Some(9));
}

#[test]
fn a_signal_the_service_does_not_handle_is_kept_from_it() {
    let scratch = Scratch::new("forward");
    let mut highwater = Highwater::inside(&scratch).policy(ONCE).run(["sleep", "1000"]);
    let service = Process(highwater.service());
    for signal in [Signal::USR1, Signal::USR2, Signal::QUIT] {
        highwater.signal(signal);
    }
    wait_until("three refusals", || (highwater.stderr().matches("not passed on").count() == 3).then_some(()));
    assert!(service.is_alive());
    // By its default action, to which the stop signal is not kept from it.
    assert_eq!(highwater.stop().signal(), Some(15));
}

/// A command line prefix under which highwater is PID 1. Only it joins the cgroup: a process of another PID namespace
/// could not be moved out of its way.
fn first_of_all(scratch: &Scratch) -> Vec<std::ffi::OsString> {
    let namespace = ["unshare", "--pid", "--fork", "--mount-proc"].map(Into::into);
    namespace.into_iter().chain(joining(scratch.path())).collect()
}

#[test]
fn as_pid_1_it_reaps_everybody() {
    let scratch = Scratch::new("init");
    // Ends when its grandchild is gone, zombies included.
    let script = "p=$(sh -c 'sleep 0 >/dev/null & echo $!'); while [ -d /proc/$p ]; do sleep 0.1; done; exit 5";
    let mut highwater = Highwater::here().under(first_of_all(&scratch)).policy(ONCE).run(shell(script));
    assert_eq!(highwater.wait().code(), Some(5));
}

#[test]
fn as_pid_1_a_signal_becomes_a_status() {
    let scratch = Scratch::new("init");
    let mut highwater = Highwater::here().under(first_of_all(&scratch)).policy(ONCE).run(shell("kill -TERM $$"));
    assert_eq!(highwater.wait().code(), Some(128 + 15));
}

#[test]
fn as_pid_1_it_stops_gracefully() {
    let scratch = Scratch::new("init");
    let mut highwater = Highwater::here().under(first_of_all(&scratch)).policy(ONCE).run(shell(TELLING));
    let started = highwater.started(1);
    let cgroup = Path::new(started["cgroup"].as_str().unwrap());
    let service = line_of(&cgroup.join("cgroup.procs")).lines().next().unwrap().parse().unwrap();
    wait_for_handler(service, Signal::TERM);
    // The guard is in the leaf too, but not the parent of the service.
    Process(Process(service).parent()).signal(Signal::TERM);
    assert_eq!(highwater.wait().code(), Some(8));
}

#[test]
fn a_state_directory_of_a_stranger_is_refused_by_name() {
    let scratch = Scratch::new("stranger");
    let owned = highwater_tests::disk().join(format!("stranger-{}", std::process::id()));
    fs::create_dir(&owned).unwrap();
    fs::set_permissions(&owned, fs::Permissions::from_mode(0o700)).unwrap();
    let mut highwater = Highwater::inside(&scratch).as_nobody().state_dir(&owned).run(["true"]);
    assert_eq!(highwater.wait().code(), Some(125));
    assert!(highwater.stderr().contains(owned.to_str().unwrap()), "{}", highwater.stderr());
    fs::remove_dir(owned).unwrap();
}

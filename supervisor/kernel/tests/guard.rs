//! The guard over a directory that stands in for a service cgroup.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::Path;

use highwater_kernel::cgroup::Limit;
use highwater_kernel::guard::{Errand, Guard, Watch};
use highwater_kernel::pidfd::Pidfd;
use highwater_kernel::reap::become_subreaper;
use highwater_kernel::spawn::{Child, Spawn};
use highwater_kernel::{Pid, process};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

const DIRECTORY: &str = "TEST_GUARD_DIRECTORY";

fn service(directory: &Path) {
    for (name, text) in [("memory.high", "4096\n"), ("cgroup.freeze", "1\n"), ("cgroup.procs", "11\n22\n")] {
        fs::write(directory.join(name), text).unwrap();
    }
}

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap_or_default()
}

fn wait_for_end(pidfd: &Pidfd) {
    poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
}

/// A supervisor in a process of its own, and the number of its guard.
fn supervisor(role: &str, directory: &Path, stderr: &File) -> (Child, Pid) {
    let (heard, told) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let this = std::env::current_exe().unwrap();
    let argv = [this.as_os_str(), "--exact".as_ref(), role.as_ref(), "--ignored".as_ref(), "--nocapture".as_ref()];
    let spawn = Spawn::new(argv).env(DIRECTORY, directory).stdout(told.as_fd()).stderr(stderr.as_fd());
    let child = spawn.start().unwrap();
    drop(told);
    let mut lines = BufReader::new(File::from(heard)).lines().map(Result::unwrap);
    let guard = lines.find_map(|line| line.split_once("guard ")?.1.parse().ok());
    (child, guard.expect("the supervisor says who its guard is"))
}

fn started(directory: &Path) -> Guard {
    Guard::start("we\"b", &directory.join("journal.jsonl")).unwrap()
}

fn say_ready(guard: &Guard) {
    println!("guard {}", guard.pid());
}

#[test]
#[ignore = "a role in the other tests of this file"]
fn role_of_a_watching_supervisor() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    let directory = Path::new(&directory);
    let guard = started(directory);
    let first =
        Watch { generation: 1, cgroup: Some(Path::new("/nonexistent")), pid: None, high: Limit::Max, errand: None };
    guard.watch(&first).unwrap();
    let second = Watch { generation: 2, cgroup: Some(directory), pid: Some(11), high: Limit::Max, errand: None };
    guard.watch(&second).unwrap();
    say_ready(&guard);
    loop {
        std::thread::park();
    }
}

#[test]
#[ignore = "a role in the other tests of this file"]
fn role_of_a_resting_supervisor() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    let guard = started(Path::new(&directory));
    let watch = Watch { generation: 1, cgroup: Some(Path::new(&directory)), pid: None, high: Limit::Max, errand: None };
    guard.watch(&watch).unwrap();
    guard.rest().unwrap();
    say_ready(&guard);
    loop {
        std::thread::park();
    }
}

#[test]
#[ignore = "a role in the other tests of this file"]
fn role_of_a_supervisor_that_asks_others() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    let directory = Path::new(&directory);
    let script = format!("rm {0}/asked && echo 4097 >{0}/memory.high", directory.display());
    let errand = Errand::new(&["sh", "-c", &script], &directory.join("left")).unwrap();
    let guard = started(directory);
    let watch =
        Watch { generation: 1, cgroup: Some(directory), pid: None, high: Limit::Bytes(1), errand: Some(&errand) };
    guard.watch(&watch).unwrap();
    say_ready(&guard);
    loop {
        std::thread::park();
    }
}

#[test]
fn what_others_set_they_are_asked_to_give_back() {
    become_subreaper().unwrap();
    let directory = tempfile::tempdir().unwrap();
    service(directory.path());
    for name in ["asked", "left"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let said = tempfile::NamedTempFile::new().unwrap();
    let (supervisor, guard) = supervisor("role_of_a_supervisor_that_asks_others", directory.path(), said.as_file());
    let guard = Pidfd::open(guard).unwrap();
    supervisor.pidfd.send_signal(nix::libc::SIGKILL).unwrap();
    wait_for_end(&guard);
    assert_eq!(read(directory.path(), "memory.high"), "4097\n", "by them, not by us");
    assert_eq!(read(directory.path(), "cgroup.freeze"), "1\n", "nor anything else");
    assert!(!directory.path().join("asked").exists() && !directory.path().join("left").exists());
    let line: serde_json::Value = serde_json::from_str(&read(directory.path(), "journal.jsonl")).unwrap();
    assert_eq!((&line["lifted"], &line["pids"]), (&true.into(), &serde_json::json!([11, 22])));
}

#[test]
fn a_killed_supervisor_leaves_the_service_unthrottled_and_on_record() {
    become_subreaper().unwrap();
    let directory = tempfile::tempdir().unwrap();
    service(directory.path());
    let said = tempfile::NamedTempFile::new().unwrap();
    let (supervisor, guard) = supervisor("role_of_a_watching_supervisor", directory.path(), said.as_file());
    let guard = Pidfd::open(guard).unwrap();
    // What a group kill sends along with it.
    for signal in [nix::libc::SIGTERM, nix::libc::SIGINT, nix::libc::SIGHUP] {
        guard.send_signal(signal).unwrap();
    }
    assert_eq!(read(directory.path(), "memory.high"), "4096\n", "not yet");
    supervisor.pidfd.send_signal(nix::libc::SIGKILL).unwrap();
    wait_for_end(&supervisor.pidfd);
    wait_for_end(&guard);

    assert_eq!(read(directory.path(), "memory.high"), "max\n");
    assert_eq!(read(directory.path(), "cgroup.freeze"), "0\n");
    let journal = read(directory.path(), "journal.jsonl");
    let line: serde_json::Value = serde_json::from_str(&journal).unwrap();
    assert_eq!(line["event"], "supervisor.lost");
    assert_eq!(line["name"], "we\"b");
    assert_eq!(line["generation"], 2);
    assert_eq!(line["pids"], serde_json::json!([11, 22]));
    assert_eq!(line["cgroup"], directory.path().to_str().unwrap());
    assert_eq!(line["lifted"], true);
    assert!(line["mono_ns"].as_u64().unwrap() > 0);
    let said = fs::read_to_string(said.path()).unwrap();
    assert!(said.contains("generation 2 of the service (pids 11 22) was left running unsupervised"), "{said}");
}

#[test]
fn a_supervisor_killed_between_generations_leaves_nothing_to_say() {
    become_subreaper().unwrap();
    let directory = tempfile::tempdir().unwrap();
    service(directory.path());
    let said = tempfile::NamedTempFile::new().unwrap();
    let (supervisor, guard) = supervisor("role_of_a_resting_supervisor", directory.path(), said.as_file());
    let guard = Pidfd::open(guard).unwrap();
    supervisor.pidfd.send_signal(nix::libc::SIGKILL).unwrap();
    wait_for_end(&guard);
    assert_eq!(read(directory.path(), "memory.high"), "4096\n");
    assert!(!directory.path().join("journal.jsonl").exists());
}

#[test]
fn an_orderly_end_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    service(directory.path());
    let guard = started(directory.path());
    let watch = Watch { generation: 1, cgroup: Some(directory.path()), pid: Some(1), high: Limit::Max, errand: None };
    guard.watch(&watch).unwrap();
    let pid = guard.pid();
    guard.release().unwrap();
    assert!(process::start_time(pid).is_err(), "it has ended and was waited for");
    assert_eq!(read(directory.path(), "memory.high"), "4096\n");
    assert!(!directory.path().join("journal.jsonl").exists());
}

#[test]
fn the_guard_is_deaf_named_and_holds_nothing_open() {
    let directory = tempfile::tempdir().unwrap();
    let _inherited = File::open("/dev/null").unwrap();
    let guard = started(directory.path());
    let entry = format!("/proc/{}", guard.pid());
    // The first message is read only after the guard has settled; a second one shows that the first was read.
    while fs::read_to_string(format!("{entry}/comm")).unwrap() != "highwater-guard\n" {
        std::thread::yield_now();
    }
    while fs::read_dir(format!("{entry}/fd")).unwrap().count() != 4 {
        std::thread::yield_now();
    }
    let status = fs::read_to_string(format!("{entry}/status")).unwrap();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap();
    // All but SIGKILL, SIGSTOP and the two that belong to the C library.
    assert_eq!(blocked, "fffffffe7ffbfeff");
    guard.release().unwrap();
}

//! The leaker does what its options say: tests of other programs stand on it.

mod service;

use std::fs;
use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;
use service::{Service, await_that};

const MEBIBYTE: u64 = 1024 * 1024;

#[test]
fn the_dump_is_whole_when_the_log_says_so_and_each_has_its_own_name() {
    let mut service = Service::start("--dump-size 3 --rate 5");
    for number in 1..=2 {
        service.signal(Signal::SIGUSR1);
        let line = service.line();
        let path = service.dump(number);
        assert_eq!(line, format!("dump {} {}", path.display(), 3 * MEBIBYTE));
        assert_eq!(fs::metadata(path).unwrap().len(), 3 * MEBIBYTE);
    }
}

#[test]
fn sigterm_is_answered_with_a_graceful_line_and_status_0() {
    for arguments in ["--rate 50", "--stop slow=0.01", "--threads 3 --rate 1"] {
        let mut service = Service::start(arguments);
        service.signal(Signal::SIGTERM);
        assert!(service.line().starts_with("graceful "), "{arguments}");
        assert_eq!(service.wait().code(), Some(0), "{arguments}");
    }
}

#[test]
fn sigterm_can_be_ignored() {
    let mut service = Service::start("--stop ignore --dump-empty");
    service.signal(Signal::SIGTERM);
    service.signal(Signal::SIGUSR1);
    assert!(service.line().starts_with("dump "));
    service.signal(Signal::SIGKILL);
    assert_eq!(service.wait().signal(), Some(9));
}

#[test]
fn the_exit_code_is_the_one_asked_for() {
    assert_eq!(Service::spawn("--exit 7").wait().code(), Some(7));
    assert_eq!(Service::spawn("--exit 3 --exit-after 0.01").wait().code(), Some(3));
    assert_eq!(Service::spawn("--rate nonsense").wait().code(), Some(2));
}

#[test]
fn a_double_fork_leaves_a_grandchild_that_is_the_service() {
    let mut service = Service::start("--double-fork");
    assert_ne!(service.pid(), service.started_pid());
    assert_eq!(service.wait().code(), Some(0));
    service.signal(Signal::SIGTERM);
    assert!(service.line().starts_with("graceful "));
}

#[test]
fn a_dump_can_be_empty() {
    let mut service = Service::start("--dump-empty");
    service.signal(Signal::SIGUSR1);
    service.line();
    assert_eq!(fs::metadata(service.dump(1)).unwrap().len(), 0);
}

#[test]
fn a_dump_without_end_keeps_its_file_open() {
    let mut service = Service::start("--dump-size 1 --dump-forever --dump-rate 50");
    service.signal(Signal::SIGUSR1);
    service.await_open(&service.dump(1));
    service.signal(Signal::SIGTERM);
    assert!(service.line().starts_with("graceful "), "no line says that the dump ended");
}

#[test]
fn the_masks_show_who_takes_the_dump_signal() {
    let waits = Service::start("--dump-handler sigwait");
    assert!(waits.has("SigBlk", Signal::SIGUSR1) && !waits.has("SigCgt", Signal::SIGUSR1));
    let handles = Service::start("--dump-handler handler");
    assert!(!handles.has("SigBlk", Signal::SIGUSR1) && handles.has("SigCgt", Signal::SIGUSR1));
    // With leaking threads it is one of them that takes the signal: the main thread blocks what the process handles.
    let in_leak = Service::start("--dump-handler handler --rate 1");
    assert!(in_leak.has("SigBlk", Signal::SIGUSR1) && in_leak.has("SigCgt", Signal::SIGUSR1));
    let mut nothing = Service::start("--dump-handler none");
    assert!(!nothing.has("SigBlk", Signal::SIGUSR1) && !nothing.has("SigCgt", Signal::SIGUSR1));
    nothing.signal(Signal::SIGUSR1);
    assert_eq!(nothing.wait().signal(), Some(Signal::SIGUSR1 as i32));
}

#[test]
fn a_classic_handler_dumps_with_and_without_leaking_threads() {
    for arguments in ["--rate 20 --threads 2", "--rate 0"] {
        let mut service = Service::start(&format!("--dump-handler handler --dump-size 1 {arguments}"));
        service.signal(Signal::SIGUSR1);
        service.line();
        assert_eq!(fs::metadata(service.dump(1)).unwrap().len(), MEBIBYTE, "{arguments}");
    }
}

#[test]
fn a_plateau_and_the_base_are_what_stays_resident() {
    let mut service = Service::start("--base 8 --rate full --stop-leak-at 16 --threads 2");
    assert_eq!(service.line(), format!("plateau {}", 16 * MEBIBYTE));
    assert!(service.resident() >= 24 * MEBIBYTE);
    service.signal(Signal::SIGTERM);
    assert_eq!(service.line(), format!("graceful {}", 16 * MEBIBYTE));
}

#[test]
fn a_dump_gets_its_turn_behind_the_gates() {
    for gate in ["--pause-while-dumping", "--shared-lock"] {
        let mut service = Service::start(&format!("{gate} --rate 100 --threads 2 --dump-size 1"));
        service.signal(Signal::SIGUSR1);
        service.line();
        assert_eq!(fs::metadata(service.dump(1)).unwrap().len(), MEBIBYTE, "{gate}");
    }
}

#[test]
fn the_cache_file_has_its_size_and_the_ready_file_the_pid() {
    let directory = tempfile::tempdir().unwrap();
    let (file, ready) = (directory.path().join("cache"), directory.path().join("ready"));
    let mut service = Service::start(&format!(
        "--cache full --cache-size 2 --cache-file {} --ready-file {}",
        file.display(),
        ready.display()
    ));
    await_that(|| fs::metadata(&file).is_ok_and(|file| file.len() == 2 * MEBIBYTE));
    await_that(|| ready.exists());
    assert_eq!(fs::read_to_string(ready).unwrap().trim(), service.pid().to_string());
    service.signal(Signal::SIGTERM);
    assert!(service.line().starts_with("graceful "));
}

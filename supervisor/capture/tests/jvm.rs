//! A real JVM, asked from outside. Needs a JDK, to compile the service.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::io::{Read, sink};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Java, soon};
use highwater_capture::jvm::{Answer, Command, Error, Finished, Jvm, Stage};

const MOST: u64 = 16 << 20;

fn asked(jvm: &Jvm, command: &Command) -> Result<(Answer, String), Error> {
    let mut text = Vec::new();
    let answer = jvm.ask(command, soon(), MOST, &mut text)?;
    Ok((answer, String::from_utf8(text).unwrap()))
}

fn dump(path: impl Into<PathBuf>) -> Command {
    Command::HeapDump { path: path.into(), live: true, gzip: None }
}

#[test]
fn a_histogram_names_the_leak() {
    let java = Java::with(&[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    for all in [false, true] {
        let (answer, text) = asked_until_it_leaks(&jvm, &Command::Histogram { all });
        assert!(matches!(answer.finished, Finished::Histogram { objects, bytes } if objects > 1000 && bytes > 100_000));
        assert_eq!(answer.bytes, text.len() as u64);
    }
}

/// The service is up a moment before its first session.
fn asked_until_it_leaks(jvm: &Jvm, command: &Command) -> (Answer, String) {
    let deadline = soon();
    loop {
        let (answer, text) = asked(jvm, command).unwrap();
        if text.contains("Sessions$Session\n") {
            return (answer, text);
        }
        assert!(Instant::now() < deadline, "{text}");
    }
}

#[test]
fn the_socket_is_opened_once_and_nothing_else_is_left_behind() {
    let java = Java::with(&[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    jvm.listen(soon()).unwrap();
    let socket = PathBuf::from(format!("/tmp/.java_pid{}", java.pid()));
    let first = fs::metadata(&socket).unwrap();
    asked(&jvm, &Command::Threads).unwrap();
    // Also for one who comes anew.
    asked(&Jvm::of(java.pid()).unwrap(), &Command::HeapInfo).unwrap();
    let second = fs::metadata(&socket).unwrap();
    assert_eq!((first.ino(), first.ctime_nsec()), (second.ino(), second.ctime_nsec()));
    assert_eq!(java.triggers(), [] as [PathBuf; 0]);
}

#[test]
fn a_heap_dump_is_found_again_and_a_second_of_the_same_name_is_an_error() {
    let java = Java::with(&[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    let path = jvm.free_name(java.directory.path(), "hprof");
    let (answer, _) = asked(&jvm, &dump(&path)).unwrap();
    let Finished::HeapDump { bytes: Some(bytes), took: Some(_) } = answer.finished else { panic!("{answer:?}") };
    let mut file = jvm.root().file(&path).unwrap();
    assert_eq!(file.metadata().unwrap().len(), bytes);
    let mut magic = [0; 12];
    file.read_exact(&mut magic).unwrap();
    assert_eq!(&magic, b"JAVA PROFILE");
    let again = asked(&jvm, &dump(&path)).unwrap_err();
    assert!(matches!(&again, Error::FileExists { path: there } if *there == path), "{again}");
    assert_eq!(fs::metadata(&path).unwrap().len(), bytes);
}

#[test]
fn a_dump_larger_than_the_disk_has_no_place() {
    let java = Java::with(&[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    assert!(jvm.place_for_dump(1 << 20).unwrap().is_dir());
    let error = jvm.place_for_dump(u64::MAX).unwrap_err();
    assert!(error.to_string().contains("/var/tmp: "), "{error}");
}

#[test]
fn a_dump_that_cannot_be_written_is_an_error() {
    let java = Java::with(&[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    let nowhere = asked(&jvm, &dump("/nowhere/heap.hprof")).unwrap_err();
    assert!(nowhere.to_string().contains("No such file or directory"), "{nowhere}");
    let full = asked(&jvm, &dump("/dev/full")).unwrap_err();
    assert!(matches!(full, Error::Failed { .. } | Error::FileExists { .. }), "{full}");
}

#[test]
fn a_compressed_dump_has_a_name_with_blanks() {
    let java = Java::with(&[]);
    let path = java.directory.path().join("a heap dump.hprof.gz");
    let command = Command::HeapDump { path: path.clone(), live: false, gzip: Some(1) };
    asked(&Jvm::of(java.pid()).unwrap(), &command).unwrap();
    assert_eq!(fs::read(path).unwrap()[..2], [0x1f, 0x8b]);
}

#[test]
fn what_is_not_tracked_is_an_error_and_flags_are_options() {
    use highwater_capture::jvm::Options;
    let java = Java::with(&["-XX:MaxMetaspaceSize=100m"]);
    let jvm = Jvm::of(java.pid()).unwrap();
    let untracked = asked(&jvm, &Command::NativeMemory).unwrap_err();
    assert!(untracked.to_string().contains("not enabled"), "{untracked}");
    let said = Options::from_flags(&asked(&jvm, &Command::Flags).unwrap().1);
    assert_eq!(said.size(&["-XX:MaxHeapSize="]), Some(64 << 20));
    assert_eq!(said.size(&["-XX:MaxMetaspaceSize="]), Some(100 << 20));
    assert_eq!(said.switch("UseSerialGC"), Some(true));
}

#[test]
fn a_jvm_that_would_die_of_the_signal_is_not_asked() {
    let mut java = Java::with(&["-Xrs"]);
    assert!(matches!(Jvm::of(java.pid()), Err(Error::NoSignalHandler)));
    assert!(!java.has_ended());
}

#[test]
fn a_jvm_that_was_told_not_to_answer_is_not_asked() {
    let off = "-XX:+DisableAttachMechanism";
    let by_option = Java::with(&[off]);
    assert!(matches!(Jvm::of(by_option.pid()), Err(Error::Disabled)));
    let by_variable = Java::start(&[], &[], &[("JAVA_TOOL_OPTIONS", off)]);
    assert!(matches!(Jvm::of(by_variable.pid()), Err(Error::Disabled)));
}

#[test]
fn a_jvm_that_never_listens_is_waited_for_until_the_deadline() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("options");
    fs::write(&file, "-XX:+DisableAttachMechanism\n").unwrap();
    let mut java = Java::with(&[&format!("@{}", file.display())]);
    let jvm = Jvm::of(java.pid()).unwrap();
    let error = jvm.listen(Instant::now() + Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, Error::NoListener { .. }), "{error}");
    assert_eq!(java.triggers(), [] as [PathBuf; 0]);
    assert!(!java.has_ended());
}

#[test]
fn a_jvm_that_stands_still_is_given_up_and_answers_later() {
    let java = Java::with(&[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    jvm.listen(soon()).unwrap();
    java.stop();
    let late = jvm.ask(&Command::Threads, Instant::now() + Duration::from_millis(100), MOST, &mut sink()).unwrap_err();
    assert!(matches!(late, Error::TimedOut { stage: Stage::Answering, .. }), "{late}");
    java.signal("CONT");
    asked(&jvm, &Command::Threads).unwrap();
}

#[test]
fn a_jvm_that_is_killed_is_gone() {
    let java = Java::with(&[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    jvm.listen(soon()).unwrap();
    java.stop();
    let asking = std::thread::spawn(move || (jvm.ask(&Command::Threads, soon(), MOST, &mut sink()), jvm));
    java.signal("KILL");
    let (error, jvm) = asking.join().unwrap();
    assert!(matches!(error, Err(Error::Gone)), "{error:?}");
    assert!(matches!(jvm.listen(soon()), Err(Error::Gone)));
}

#[test]
fn a_trigger_of_somebody_who_was_killed_is_used() {
    let java = Java::with(&[]);
    let trigger = java.directory.path().join(format!(".attach_pid{}", java.pid()));
    fs::write(&trigger, "").unwrap();
    Jvm::of(java.pid()).unwrap().listen(soon()).unwrap();
    assert!(trigger.exists(), "it was not ours to remove");
}

#[test]
fn a_working_directory_that_is_gone_is_made_up_for_by_tmp() {
    let java = Java::with(&[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    fs::remove_dir_all(java.directory.path()).unwrap();
    jvm.listen(soon()).unwrap();
    assert_eq!(java.triggers(), [] as [PathBuf; 0]);
}

#[test]
fn the_signal_that_aborts_a_jvm_is_not_one_it_handles() {
    use highwater_kernel::process::{SignalUse, signal_use};
    let java = Java::with(&[]);
    let (quit, usr2) = (3, 12);
    // The kernel says that both are caught.
    assert_eq!(signal_use(java.pid(), quit).unwrap(), SignalUse::Caught);
    assert!(!signal_use(java.pid(), usr2).unwrap().is_handled());
}

//! A real JVM in namespaces of its own, or of another user: needs root, so it is run in the VM.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;

use common::{Java, soon};
use highwater_capture::jvm::{Command, Error, Finished, Jvm};

const MOST: u64 = 16 << 20;
const SCRIPT: &str = "mount -t tmpfs none /tmp && exec \"$@\"";
const INSIDE: [&str; 6] = ["unshare", "-pfm", "--mount-proc", "sh", "-c", SCRIPT];
const AS_NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

#[test]
fn a_jvm_with_its_own_names_and_files_is_asked_there() {
    let java = Java::start(&[&INSIDE[..], &["sh"]].concat(), &[], &[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    let mut text = Vec::new();
    jvm.ask(&Command::Histogram { all: true }, soon(), MOST, &mut text).unwrap();
    assert!(String::from_utf8(text).unwrap().contains("class name"));
    let there = fs::read_dir(format!("/proc/{}/root/tmp", java.pid())).unwrap();
    let names: Vec<_> = there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    // It is number 1 in there; the file that asked it to listen is gone.
    assert!(names.iter().any(|name| name == ".java_pid1"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with(".attach")), "{names:?}");
    assert_eq!(java.triggers().len(), 0);
    its_heap_dump_is_found_by_the_path_it_was_given(&jvm);
}

#[track_caller]
fn its_heap_dump_is_found_by_the_path_it_was_given(jvm: &Jvm) {
    let path = jvm.free_name(Path::new("/tmp"), "hprof");
    let command = Command::HeapDump { path: path.clone(), live: true, gzip: None };
    let answer = jvm.ask(&command, soon(), MOST, &mut std::io::sink()).unwrap();
    let Finished::HeapDump { bytes: Some(bytes), .. } = answer.finished else { panic!("{answer:?}") };
    assert_eq!(jvm.root().file(&path).unwrap().metadata().unwrap().len(), bytes);
    assert!(!path.exists(), "in our own /tmp there is none");
}

#[test]
fn a_place_in_memory_is_none_for_a_dump() {
    const NO_DISK: &str = "mount -t tmpfs none /mnt && cp *.class /mnt && cd /mnt && \
        mount -t tmpfs none /var/tmp && mount -t tmpfs none /tmp && exec \"$@\"";
    let java = Java::start(&["unshare", "-m", "sh", "-c", NO_DISK, "sh"], &[], &[]);
    let error = Jvm::of(java.pid()).unwrap().place_for_dump(1).unwrap_err();
    assert_eq!(error.to_string().matches("it lies in memory").count(), 2, "{error}");
}

#[test]
fn a_jvm_of_another_user_answers_root() {
    let java = Java::start(&AS_NOBODY, &[], &[]);
    let jvm = Jvm::of(java.pid()).unwrap();
    jvm.ask(&Command::Threads, soon(), MOST, &mut std::io::sink()).unwrap();
    assert_eq!(java.triggers().len(), 0);
}

#[test]
fn a_jvm_in_a_user_namespace_without_us_is_not_asked() {
    // It calls itself root, and has no name for the root of the host.
    let wrapper = [&AS_NOBODY[..], &["unshare", "-Ur"]].concat();
    let java = Java::start(&wrapper, &[], &[]);
    let error = Jvm::of(java.pid()).unwrap_err();
    assert!(matches!(error, Error::OtherUser { unknown_there: true, theirs: (65534, 65534), .. }), "{error}");
}

//! The machine the lane promises to every other test.

use std::fs;
use std::path::Path;
use std::process::Command;

use highwater_tests::{disk, kernel};

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn cgroup2_alone_is_mounted_and_hands_down_memory() {
    let mounts = read("/proc/self/mounts");
    assert!(mounts.contains(" /sys/fs/cgroup cgroup2 rw"), "{mounts}");
    assert!(!mounts.contains(" cgroup rw"), "a version 1 hierarchy is mounted: {mounts}");
    let handed_down = read("/sys/fs/cgroup/cgroup.subtree_control");
    for controller in ["memory", "pids", "cpu"] {
        assert!(handed_down.split_whitespace().any(|word| word == controller), "{handed_down}");
    }
}

#[test]
fn the_kernel_is_the_one_asked_for() {
    let Some(asked) = kernel() else { return };
    let release = read("/proc/sys/kernel/osrelease");
    assert!(release.starts_with(&format!("{asked}.")), "{release}");
}

#[test]
fn the_disk_keeps_what_is_synced() {
    let path = disk().join("synced");
    let file = fs::File::create(&path).unwrap();
    file.set_len(1 << 20).unwrap();
    file.sync_all().unwrap();
    fs::remove_file(path).unwrap();
    if kernel().is_some() {
        let mounted = read("/proc/self/mounts");
        assert!(mounted.contains(&format!(" {} ext4 rw", disk().display())), "{mounted}");
    }
}

#[test]
fn temporary_directories_are_writable_for_everyone() {
    for path in ["/tmp", "/var/tmp", "/dev/shm"] {
        let status = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "mktemp", "-p", path])
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{path}");
    }
    assert!(Path::new("/dev/pts/ptmx").exists());
}

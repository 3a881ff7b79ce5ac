//! Where the lane put what the tests use.

use std::env;
use std::path::PathBuf;

/// Path of a program built from this workspace: `program("highwater")`, `program("leaker")`. `tests/run` builds them and
/// says by `HIGHWATER_BIN_DIR` where they are.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let path = directory("HIGHWATER_BIN_DIR").join(name);
    assert!(path.exists(), "{} is not there: tests/run builds it", path.display());
    path
}

/// The Python interpreter itself, not a version manager's wrapper, which costs seconds at each start in the VM.
pub fn python() -> PathBuf {
    env::var_os("HIGHWATER_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

/// A directory on a real disk (ext4 in the VM), shared by all tests of a run.
#[track_caller]
pub fn disk() -> PathBuf {
    directory("HIGHWATER_DISK")
}

/// Version of the kernel the lane was asked to boot, `6.1` or `6.12`; `None` on the host's own kernel.
pub fn kernel() -> Option<String> {
    let in_vm = env::var("HIGHWATER_LANE").is_ok_and(|lane| lane == "vm");
    in_vm.then(|| env::var("HIGHWATER_KERNEL").expect("the lane sets HIGHWATER_KERNEL"))
}

#[track_caller]
fn directory(variable: &str) -> PathBuf {
    match env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} is not set: start these tests by tests/run"),
    }
}

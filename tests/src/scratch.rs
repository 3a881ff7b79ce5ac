//! A cgroup of a test's own.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::wait_until;

const ROOT: &str = "/sys/fs/cgroup";

/// A fresh cgroup below the root with the memory controller. When it is dropped, every process in it and below it is
/// killed and the whole tree removed, also when the test panics.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// `name` is for people who look into the VM; a process may use it more than once.
    #[track_caller]
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(ROOT).join(format!("test-{name}-{}-{count}", std::process::id()));
        must(&path, fs::create_dir(&path));
        let scratch = Self { path };
        assert!(
            scratch.path.join("memory.max").exists(),
            "{ROOT} gives no memory controller: start these tests by `tests/run vm`",
        );
        scratch
    }

    /// A cgroup below this one, which is to hand down what it needs. Drop it first.
    #[track_caller]
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let path = self.path.join(name);
        must(&path, fs::create_dir(&path));
        Self { path }
    }

    /// The directory in cgroupfs.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of one of its files, such as `memory.events`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Content of a file, without the newline at its end.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        let path = self.file(name);
        must(&path, fs::read_to_string(&path)).trim_end().to_owned()
    }

    /// Writes a file, such as `memory.max`.
    #[track_caller]
    pub fn write(&self, name: &str, value: impl std::fmt::Display) -> &Self {
        let path = self.file(name);
        must(&path, fs::write(&path, value.to_string()));
        self
    }

    /// One number of a file of `key number` lines: `counter("memory.events", "high")`.
    #[track_caller]
    pub fn counter(&self, name: &str, key: &str) -> u64 {
        let text = self.read(name);
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        match value.map(str::parse) {
            Some(Ok(number)) => number,
            _ => panic!("{}: no number for {key} in: {text}", self.file(name).display()),
        }
    }

    /// A command that starts inside this cgroup. It goes through a shell, which joins the cgroup and then becomes
    /// `program`, so that the pid stays the same.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo 0 >\"$0\" && exec \"$@\""]).arg(self.file("cgroup.procs")).arg(program);
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A cgroup that the test itself removed is as good.
        let _ = fs::write(self.file("cgroup.kill"), "1");
        if std::thread::panicking() {
            let _ = remove_tree(&self.path);
        } else {
            wait_until("the end of a scratch cgroup", || remove_tree(&self.path).ok());
        }
    }
}

/// Removes the directories from the leaves up; the files in them are the kernel's.
fn remove_tree(path: &Path) -> std::io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

#[track_caller]
fn must<T>(path: &Path, result: std::io::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

//! A real JVM that runs the example service.
#![allow(dead_code, reason = "each of the tests uses its part of this")]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use highwater_kernel::Pid;
use highwater_kernel::process::descendants;
use tempfile::TempDir;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/java-sessions/Sessions.java");

/// A JVM in a working directory of its own; killed on drop with all that was started for it.
pub struct Java {
    pub directory: TempDir,
    child: Child,
}

impl Java {
    /// One with these options, up and running.
    #[track_caller]
    pub fn with(options: &[&str]) -> Self {
        Self::start(&[], options, &[])
    }

    /// One that a wrapper starts, such as `unshare`, with further variables.
    #[track_caller]
    pub fn start(wrapper: &[&str], options: &[&str], variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        copy_classes(directory.path());
        let mut line = wrapper.iter().copied().chain(["java"]).map(OsStr::new);
        let mut command = Command::new(line.next().unwrap());
        command.args(line).args(["-XX:+UseSerialGC", "-Xmx64m"]).args(options);
        command.args(["-cp", ".", "Sessions", "--session-kib", "4", "--leak", "1"]);
        command.current_dir(directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.envs(variables.iter().copied());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        wait_until_up(&mut child);
        Self { directory, child }
    }

    /// The JVM itself: of what was started the last.
    pub fn pid(&self) -> Pid {
        let first = self.child.id().cast_signed();
        descendants(first).unwrap().pop().unwrap_or(first)
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Stops every thread: they stop one after the other.
    #[track_caller]
    pub fn stop(&self) {
        self.signal("STOP");
        let deadline = soon();
        let is_stopped = |thread: fs::DirEntry| {
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        };
        let threads = format!("/proc/{}/task", self.pid());
        while !fs::read_dir(&threads).unwrap().map(Result::unwrap).all(is_stopped) {
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::yield_now();
        }
    }

    #[track_caller]
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Files that a question might leave behind.
    pub fn triggers(&self) -> Vec<PathBuf> {
        let name = format!(".attach_pid{}", self.pid());
        let places = [self.directory.path(), Path::new("/tmp")];
        places.iter().map(|place| place.join(&name)).filter(|path| path.exists()).collect()
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        for pid in descendants(self.child.id().cast_signed()).unwrap_or_default() {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Long enough for an emulated machine; never a measurement.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_mins(3)
}

/// Reads on for as long as the service lives, so that it never waits for its reader.
fn wait_until_up(child: &mut Child) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let up = lines.by_ref().map_while(Result::ok).find(|line| line.contains("listening on"));
    assert!(up.is_some(), "the service did not start");
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
}

/// The example: where the lane put it, or compiled once for each run of the tests.
fn classes() -> &'static Path {
    static CLASSES: OnceLock<PathBuf> = OnceLock::new();
    CLASSES.get_or_init(|| match std::env::var_os("HIGHWATER_BIN_DIR") {
        Some(programs) => Path::new(&programs).join("java-sessions"),
        None => compiled(),
    })
}

fn compiled() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sessions");
    let output = Command::new("javac").arg("-d").arg(&place).arg(SOURCE).output();
    let output = output.unwrap_or_else(|error| panic!("javac, of a JDK: {error}"));
    assert!(output.status.success(), "javac: {output:?}");
    place
}

/// To where every user may read them.
fn copy_classes(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    for class in fs::read_dir(classes()).unwrap() {
        let class = class.unwrap();
        fs::copy(class.path(), directory.join(class.file_name())).unwrap();
    }
}

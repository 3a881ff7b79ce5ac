//! `highwater run` in a test: where it starts, what it is given, and what it leaves behind.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Journal, Scratch, disk, program, wait_until};

/// How a highwater is to be started.
///
/// ```no_run
/// # use highwater_tests::{Highwater, Scratch, program};
/// let scratch = Scratch::new("leak");
/// let highwater = Highwater::inside(&scratch).policy("[memory]\nmax = \"64MiB\"").run([program("leaker")]);
/// let pid = highwater.service();
/// ```
#[derive(Debug)]
#[must_use = "nothing starts before `run`"]
pub struct Launcher {
    directory: PathBuf,
    state_dir: PathBuf,
    program: PathBuf,
    wrapper: Vec<OsString>,
    options: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    stdin: Stdio,
    stdout: Stdio,
    stderr: Option<Stdio>,
}

/// A highwater that was started. Dropping it kills it by SIGKILL; the scratch cgroup it is in kills its service. Of a
/// test that fails, what highwater wrote is shown.
#[derive(Debug)]
pub struct Highwater {
    child: Child,
    ended: Option<ExitStatus>,
    directory: PathBuf,
    state_dir: PathBuf,
    journal: Journal,
}

impl Highwater {
    /// One that starts in this cgroup, which it takes over.
    #[track_caller]
    pub fn inside(scratch: &Scratch) -> Launcher {
        Self::inside_directory(scratch.path())
    }

    /// One that starts in the cgroup with this directory, such as a child of a scratch cgroup.
    #[track_caller]
    pub fn inside_directory(cgroup: &Path) -> Launcher {
        Self::here().under(joining(cgroup))
    }

    /// One that starts in the cgroup of the test itself.
    #[track_caller]
    pub fn here() -> Launcher {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = disk().join(format!("highwater-{}-{count}", std::process::id()));
        fs::create_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        Launcher {
            program: program("highwater"),
            state_dir: directory.join("state"),
            directory,
            wrapper: Vec::new(),
            options: Vec::new(),
            environment: Vec::new(),
            stdin: Stdio::null(),
            stdout: Stdio::null(),
            stderr: None,
        }
    }

    /// Its process; that of the wrapper where there is one that forks.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The end of the tests that goes into its standard input, if it was started with a pipe there.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// What it writes down.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Its `--state-dir`.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Its policy file, whether it was given one or not.
    pub fn policy_file(&self) -> PathBuf {
        self.directory.join("policy.toml")
    }

    /// What it has written to standard error so far; nothing where that was redirected.
    #[track_caller]
    pub fn stderr(&self) -> String {
        let text = fs::read(self.directory.join("stderr")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The `service.started` of that generation, as soon as it is there.
    #[track_caller]
    pub fn started(&self, generation: u64) -> Value {
        self.journal.wait_for_line(&format!("service.started of generation {generation}"), |line| {
            line["event"] == "service.started" && line["generation"] == generation
        })
    }

    /// Main process of the first generation, as soon as it runs.
    #[track_caller]
    pub fn service(&self) -> u32 {
        let pid = &self.started(1)["pid"];
        pid.as_u64().and_then(|pid| pid.try_into().ok()).unwrap_or_else(|| panic!("pid {pid}"))
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap_or_else(|error| panic!("{signal:?}: {error}"));
    }

    /// How it ended, or `None` if it runs.
    #[track_caller]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap_or_else(|error| panic!("waiting for highwater: {error}"));
        }
        self.ended
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        wait_until("the end of highwater", || self.ended())
    }

    /// Asks it to end, as an init system does, and waits until it has.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Kills it by SIGKILL, as the OOM killer does, and waits until it is gone.
    #[track_caller]
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.wait()
    }
}

impl Drop for Highwater {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            self.show();
        } else {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Highwater {
    /// For whoever reads of a failed test. Reads no more than text: this runs while the test panics.
    fn show(&self) {
        let journal = fs::read(self.state_dir.join("journal.jsonl")).unwrap_or_default();
        eprintln!("---- standard error of highwater ({:?})\n{}", self.ended, self.stderr());
        eprintln!("---- its journal\n{}---- end of journal", String::from_utf8_lossy(&journal));
    }
}

/// A wrapper that joins a cgroup and then becomes the command it is given.
pub fn joining(cgroup: &Path) -> [OsString; 4] {
    let procs = cgroup.join("cgroup.procs").into_os_string();
    ["/bin/sh".into(), "-c".into(), "echo 0 >\"$0\" && exec \"$@\"".into(), procs]
}

impl Launcher {
    /// With this policy instead of the built-in one.
    #[track_caller]
    pub fn policy(self, text: impl AsRef<[u8]>) -> Self {
        let file = self.directory.join("policy.toml");
        fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.policy_file(file)
    }

    /// With the policy in this file.
    pub fn policy_file(self, file: impl AsRef<OsStr>) -> Self {
        self.option("--policy").option(file)
    }

    /// With one more argument before the `--`.
    pub fn option(mut self, option: impl AsRef<OsStr>) -> Self {
        self.options.push(option.as_ref().into());
        self
    }

    /// With a state directory of the test's choice, such as that of a predecessor.
    pub fn state_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.state_dir = directory.as_ref().into();
        self
    }

    /// Started by this command, which is given highwater's command line: `unshare`, `env`, `sh -c '... exec "$@"' sh`.
    /// Said again, what was said first runs first.
    pub fn under<A: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = A>) -> Self {
        self.wrapper.extend(wrapper.into_iter().map(|part| part.as_ref().into()));
        self
    }

    /// As user and group 65534, who own the state directory but nothing else.
    #[track_caller]
    pub fn as_nobody(mut self) -> Self {
        const NOBODY: Option<u32> = Some(65534);
        let must = |result: std::io::Result<()>| {
            result.unwrap_or_else(|error| panic!("{}: {error}", self.directory.display()));
        };
        // Where the built program lies, nobody may have no business.
        let copy = self.directory.join("highwater");
        must(fs::copy(&self.program, &copy).map(drop));
        must(chown(&self.directory, NOBODY, NOBODY));
        self.program = copy;
        self.under(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    }

    /// With one more variable of the environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().into(), value.as_ref().into()));
        self
    }

    /// With this standard input instead of none.
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// With this standard output instead of none.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = stdout.into();
        self
    }

    /// With this standard error instead of the file that [`Highwater::stderr`] reads.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// The directory on disk that this highwater's files are in, for further files of the test; removed at the end.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs a service.
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(self, service: impl IntoIterator<Item = A>) -> Highwater {
        let mut arguments: Vec<OsString> = vec!["run".into(), "--state-dir".into(), self.state_dir.clone().into()];
        arguments.extend(self.options.iter().cloned());
        arguments.push("--".into());
        arguments.extend(service.into_iter().map(|part| part.as_ref().into()));
        self.start(&arguments)
    }

    /// Attaches to a service that runs already, named by such an option.
    #[track_caller]
    pub fn attach(self, option: &str, target: impl AsRef<OsStr>) -> Highwater {
        let mut arguments: Vec<OsString> = vec!["attach".into(), "--state-dir".into(), self.state_dir.clone().into()];
        arguments.extend(self.options.iter().cloned());
        arguments.extend([option.into(), target.as_ref().into()]);
        self.start(&arguments)
    }

    /// Runs another command of highwater's to its end, such as `doctor`.
    #[track_caller]
    pub fn call(self, arguments: &[&str]) -> Output {
        let output =
            self.command(arguments).output().unwrap_or_else(|error| panic!("highwater {arguments:?}: {error}"));
        let _ = fs::remove_dir_all(&self.directory);
        output
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut line = self.wrapper.iter().map(OsString::as_os_str).chain([self.program.as_os_str()]);
        let mut command = Command::new(line.next().expect("the program at least"));
        command.args(line).args(arguments).envs(self.environment.iter().cloned());
        command
    }

    #[track_caller]
    fn start(self, arguments: &[OsString]) -> Highwater {
        let mut command = self.command(arguments);
        let log = self.directory.join("stderr");
        let stderr = self
            .stderr
            .unwrap_or_else(|| File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display())).into());
        command.stdin(self.stdin).stdout(self.stdout).stderr(stderr);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Highwater {
            child,
            ended: None,
            journal: Journal::in_state_dir(&self.state_dir),
            directory: self.directory,
            state_dir: self.state_dir,
        }
    }
}

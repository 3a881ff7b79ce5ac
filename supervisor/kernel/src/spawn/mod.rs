//! Starting a process inside a cgroup.
//!
//! `clone3(CLONE_INTO_CGROUP | CLONE_PIDFD)` puts the child into its cgroup at birth: there is no window in which it is
//! charged elsewhere, and no process id that could be mistaken. Where `clone3` is refused (seccomp, old kernels) a fork
//! follows whose child moves itself before `exec`.
//!
//! The child starts clean: own session, every signal disposition at its default (an inherited "ignored" would survive
//! `exec` and make services deaf to SIGTERM), nothing blocked, a negative `oom_score_adj` set back to 0 (a service that
//! inherits -1000 cannot be OOM-killed and spins instead). Descriptors 0, 1, 2 and whatever was opened to be inherited are
//! left as they are. What a service manager told this process alone stays with this process: the child gets sockets and
//! the like only from here.
//!
//! Call it from a thread that lives as long as the process: a parent-death signal set by the child would otherwise fire
//! when the thread ends.

mod born;
mod child;
mod error;
mod passed;
mod prepared;

use std::ffi::{OsStr, OsString};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use passed::MEANT_FOR_US;

pub use error::SpawnError;

use crate::cgroup::Group;
use crate::pidfd::Pidfd;

/// A process to be started.
#[derive(Debug)]
pub struct Spawn<'a> {
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    /// Variables whose value is the pid of the child.
    pid_variables: Vec<OsString>,
    /// Descriptors that become 3 and up.
    passed: Vec<BorrowedFd<'a>>,
    cgroup: Option<&'a Group>,
    directory: Option<PathBuf>,
    ends_with_us: bool,
    stdio: [Option<BorrowedFd<'a>>; 3],
}

/// A process that has been started: its `exec` has succeeded.
#[derive(Debug)]
pub struct Child {
    /// The process, held open.
    pub pidfd: Pidfd,
    /// How it came into its cgroup.
    pub entered: Entered,
}

/// How a child came into its cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It was born there.
    AtBirth,
    /// It moved there before `exec`, as `clone3` is refused on this host.
    BeforeExec,
    /// No cgroup was asked for.
    NotAsked,
}

impl<'a> Spawn<'a> {
    /// A command with its arguments (`argv[0]` is looked up like a shell does) and the environment of this process, but
    /// for what a service manager told this process alone.
    pub fn new<S: AsRef<OsStr>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            env: std::env::vars_os().filter(|(name, _)| !MEANT_FOR_US.iter().any(|ours| name == ours)).collect(),
            pid_variables: Vec::new(),
            passed: Vec::new(),
            cgroup: None,
            directory: None,
            ends_with_us: false,
            stdio: [None, None, None],
        }
    }

    /// Adds a variable to the environment, or changes it. The `PATH` of the result is what the command is looked up in.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self = self.env_remove(name.as_ref());
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Takes a variable out of the environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != name.as_ref());
        self.pid_variables.retain(|known| known != name.as_ref());
        self
    }

    /// Adds a variable to the environment whose value is the pid of the child, which only the child knows.
    #[must_use]
    pub fn env_pid(mut self, name: impl AsRef<OsStr>) -> Self {
        self = self.env_remove(name.as_ref());
        self.pid_variables.push(name.as_ref().to_owned());
        self
    }

    /// Hands descriptors over by the protocol of socket activation: as 3 and up in this order, each under its name.
    #[must_use]
    pub fn sockets(mut self, sockets: impl IntoIterator<Item = (BorrowedFd<'a>, &'a str)>) -> Self {
        let (sockets, names): (Vec<_>, Vec<&str>) = sockets.into_iter().unzip();
        self.passed = sockets;
        let (count, names) = (self.passed.len().to_string(), names.join(":"));
        self.env("LISTEN_FDS", count).env("LISTEN_FDNAMES", names).env_pid("LISTEN_PID")
    }

    /// The cgroup to be born into.
    #[must_use]
    pub fn cgroup(mut self, group: &'a Group) -> Self {
        self.cgroup = Some(group);
        self
    }

    /// The working directory; that of this process if not set.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The kernel kills it when the thread ends that starts it: for orders that a successor of ours may want to undo.
    #[must_use]
    pub fn ends_with_us(mut self) -> Self {
        self.ends_with_us = true;
        self
    }

    /// Standard input instead of the inherited one.
    #[must_use]
    pub fn stdin(mut self, fd: BorrowedFd<'a>) -> Self {
        self.stdio[0] = Some(fd);
        self
    }

    /// Standard output instead of the inherited one. For commands of our own, never a pipe for a service: a full
    /// pipe blocks it.
    #[must_use]
    pub fn stdout(mut self, fd: BorrowedFd<'a>) -> Self {
        self.stdio[1] = Some(fd);
        self
    }

    /// Standard error instead of the inherited one.
    #[must_use]
    pub fn stderr(mut self, fd: BorrowedFd<'a>) -> Self {
        self.stdio[2] = Some(fd);
        self
    }

    /// Starts it and returns when its `exec` has succeeded or failed. Into a frozen cgroup it would not return before
    /// the thaw.
    pub fn start(&self) -> Result<Child, SpawnError> {
        let prepared = prepared::Prepared::new(self)?;
        born::start(&prepared)
    }
}

impl Child {
    /// Its process id.
    pub fn pid(&self) -> crate::Pid {
        self.pidfd.pid()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::pidfd::Exit;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;

    pub(crate) fn sh(script: &str) -> Child {
        Spawn::new(["sh", "-c", script]).start().unwrap()
    }

    pub(crate) fn wait(child: &Child) -> Exit {
        poll(&mut [PollFd::new(child.pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
        child.pidfd.wait().unwrap().expect("it has ended")
    }

    fn output(spawn: Spawn<'_>) -> String {
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let child = spawn.stdout(write.as_fd()).start().unwrap();
        drop(write);
        let mut text = String::new();
        File::from(read).read_to_string(&mut text).unwrap();
        assert_eq!(wait(&child), Exit::Code(0));
        text
    }

    fn field<'a>(status: &'a str, name: &str) -> &'a str {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap()
    }

    #[test]
    fn the_child_starts_with_clean_signals() {
        // What a careless parent leaves: the test runner itself has SIGPIPE ignored.
        let status = output(Spawn::new(["cat", "/proc/self/status"]));
        assert_eq!(field(&status, "SigIgn:"), "0000000000000000");
        assert_eq!(field(&status, "SigBlk:"), "0000000000000000");
        assert_eq!(field(&status, "SigCgt:"), "0000000000000000");
    }

    #[test]
    fn the_child_has_a_session_of_its_own() {
        let stat = output(Spawn::new(["cat", "/proc/self/stat"]));
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let pid = stat.split(' ').next().unwrap();
        assert_eq!((fields[2], fields[3]), (pid, pid), "process group and session");
    }

    #[test]
    fn environment_directory_and_arguments_arrive() {
        let spawn = Spawn::new(["sh", "-c", "echo \"$A-$B-$1\"; pwd", "sh", "x y"]);
        let text = output(spawn.env("A", "1").env("A", "2").env_remove("B").directory("/usr"));
        assert_eq!(text, "2--x y\n/usr\n");
    }

    #[test]
    fn a_missing_command_is_127_and_one_that_may_not_run_126() {
        let missing = Spawn::new(["no-such-command-anywhere"]).start().unwrap_err();
        assert!(matches!(missing, SpawnError::NotFound { .. }), "{missing}");
        assert_eq!(missing.exit_code(), 127);
        let directory = Spawn::new(["/etc"]).start().unwrap_err();
        assert!(matches!(directory, SpawnError::NotExecutable { .. }), "{directory}");
        assert_eq!(directory.exit_code(), 126);
    }

    #[test]
    fn the_path_is_searched_as_execvp_does() {
        let (refusing, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(refusing.path().join("tool"), "#!/bin/sh\n").unwrap();
        let path = format!("/nonexistent:{}:{}", refusing.path().display(), right.path().display());
        let spawn = || Spawn::new(["tool"]).env("PATH", &path);
        assert_eq!(spawn().start().unwrap_err().exit_code(), 126, "found, but not executable");
        // No copy: a fork of another test could hold it open for writing just now, and it would be busy.
        std::os::unix::fs::symlink("/bin/true", right.path().join("tool")).unwrap();
        assert_eq!(wait(&spawn().start().unwrap()), Exit::Code(0));
    }

    #[test]
    fn what_is_to_end_with_us_does_not_outlive_the_thread() {
        let child =
            std::thread::spawn(|| Spawn::new(["sleep", "1000"]).ends_with_us().start().unwrap()).join().unwrap();
        assert!(matches!(wait(&child), Exit::Signal { number: 9, .. }));
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = Spawn::new(["true"]).directory("/nonexistent").start().unwrap_err();
        assert!(error.to_string().contains("/nonexistent"), "{error}");
        assert_eq!(error.exit_code(), 125);
    }

    #[test]
    fn nonsense_is_refused_before_anything_is_started() {
        assert!(Spawn::new(["a\0b"]).start().is_err());
        assert!(Spawn::new(Vec::<&str>::new()).start().is_err());
        assert_eq!(Spawn::new([""]).start().unwrap_err().exit_code(), 127);
    }

    #[test]
    fn what_the_parent_blocks_is_not_blocked_in_the_child() {
        use nix::sys::signal::{SigSet, Signal};
        let mut held = SigSet::empty();
        held.add(Signal::SIGTERM);
        held.thread_block().unwrap();
        let status = output(Spawn::new(["cat", "/proc/self/status"]));
        held.thread_unblock().unwrap();
        assert_eq!(field(&status, "SigBlk:"), "0000000000000000");
    }

    #[test]
    fn the_fallback_moves_itself_before_exec() {
        let (dir, group) = crate::cgroup::tests::fake_group(&[("cgroup.procs", "")]);
        let spawn = Spawn::new(["sh", "-c", "exit 3"]).cgroup(&group);
        let child = born::start_by_fork(&prepared::Prepared::new(&spawn).unwrap()).unwrap();
        assert_eq!((wait(&child), child.entered), (Exit::Code(3), Entered::BeforeExec));
        assert_eq!(std::fs::read(dir.path().join("cgroup.procs")).unwrap(), b"0");
    }

    #[test]
    fn the_fallback_starts_as_well() {
        let prepared = prepared::Prepared::new(&Spawn::new(["sh", "-c", "exit 3"])).unwrap();
        let child = born::start_by_fork(&prepared).unwrap();
        assert_eq!(wait(&child), Exit::Code(3));
    }

    #[test]
    fn sockets_arrive_from_3_on_with_the_pid_of_the_child() {
        let (one, two) = (std::fs::File::open("/dev/null").unwrap(), std::fs::File::open("/etc/passwd").unwrap());
        let script = "[ $$ = $LISTEN_PID ] && echo $LISTEN_FDS $LISTEN_FDNAMES; readlink /proc/$$/fd/3 /proc/$$/fd/4";
        let sockets = [(two.as_fd(), "b"), (one.as_fd(), "a"), (two.as_fd(), "b")];
        let text = output(Spawn::new(["sh", "-c", script]).sockets(sockets));
        assert_eq!(text, "3 b:a:b\n/etc/passwd\n/dev/null\n");
        let text = output(Spawn::new(["sh", "-c", script]).sockets(sockets).env_pid("P").env("P", "1"));
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn a_failure_is_told_past_the_sockets() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let many: Vec<_> = (0..64).map(|_| (null.as_fd(), "x")).collect();
        let error = Spawn::new(["no-such-command-anywhere"]).sockets(many.clone()).start().unwrap_err();
        assert_eq!(error.exit_code(), 127, "{error}");
        let spawn = Spawn::new(["sh", "-c", "exit $((LISTEN_FDS - 60))"]).sockets(many);
        let child = born::start_by_fork(&prepared::Prepared::new(&spawn).unwrap()).unwrap();
        assert_eq!(wait(&child), Exit::Code(4));
    }
}

//! A cgroup for a test, processes in it, and waiting.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use highwater_kernel::cgroup::{Group, Limit};
use highwater_kernel::leftovers::wait_empty;
use highwater_kernel::mount::Mount;
use highwater_kernel::pidfd::{Exit, Pidfd};
use highwater_kernel::spawn::{Child, Spawn};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Long enough for an emulated machine; no test waits for it to end.
pub const PATIENCE: Duration = Duration::from_mins(3);
pub const MIB: u64 = 1 << 20;

/// A cgroup of a test's own, which is emptied and removed at the end, also that of a failed test.
pub struct Scratch {
    pub group: Group,
    parent: Group,
}

impl Scratch {
    pub fn new(name: &str) -> Self {
        let parent = Group::open(mount().point).unwrap();
        parent.enable(&["memory"]).unwrap();
        let group = parent.create_child(&format!("kernel-{name}-{}", std::process::id())).unwrap();
        assert!(group.has("memory.high"), "no memory controller here");
        Self { group, parent }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.group.set_high(Limit::Max);
        let _ = self.group.freeze(false);
        let _ = self.group.kill();
        let _ = wait_empty(&self.group, PATIENCE);
        let _ = self.group.remove();
        let _ = self.parent.remove_child(self.group.name());
    }
}

pub fn mount() -> Mount {
    Mount::find().unwrap().expect("cgroup v2 is mounted")
}

/// In the environment of a role: the cgroup it was started in.
pub const CGROUP: &str = "TEST_SERVICE_CGROUP";

/// Starts this program in a role, after a shell that first runs `before`, and reads the first line the role says.
pub fn role(name: &str, group: Option<&Group>, before: &str) -> (Child, String) {
    let (heard, told) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    let this = std::env::current_exe().unwrap();
    let script = format!("{before}\nexec \"$0\" --exact {name} --ignored --nocapture");
    let spawn = Spawn::new(["sh".as_ref(), "-c".as_ref(), script.as_ref(), this.as_os_str()]).stdout(told.as_fd());
    let spawn = match group {
        Some(group) => spawn.cgroup(group).env(CGROUP, group.path()),
        None => spawn,
    };
    let child = spawn.start().unwrap();
    drop(told);
    let mut lines = BufReader::new(File::from(heard)).lines().map(Result::unwrap);
    let said = lines.find_map(|line| Some(line.split_once("said ")?.1.to_owned()));
    (child, said.expect("the role says something"))
}

pub fn sh(group: &Group, script: &str) -> Child {
    Spawn::new(["sh", "-c", script]).cgroup(group).start().unwrap()
}

const FILL: &str = "TEST_FILL_BYTES";

/// A process that fills this much anonymous memory and then sleeps.
pub fn filler(group: &Group, bytes: u64) -> Child {
    let this = std::env::current_exe().unwrap();
    let argv = [this.as_os_str(), "--exact".as_ref(), "common::role_of_a_filler".as_ref(), "--ignored".as_ref()];
    let nowhere = File::options().write(true).open("/dev/null").unwrap();
    let spawn = Spawn::new(argv).env(FILL, bytes.to_string()).stdout(nowhere.as_fd());
    spawn.cgroup(group).start().unwrap()
}

#[test]
#[ignore = "a role in the other tests"]
fn role_of_a_filler() {
    let bytes: usize = std::env::var(FILL).unwrap().parse().unwrap();
    let memory = std::hint::black_box(vec![1_u8; bytes]);
    loop {
        std::thread::park();
        std::hint::black_box(&memory);
    }
}

/// Waits for a condition that no descriptor tells of.
#[track_caller]
pub fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !reached() {
        assert!(std::time::Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[track_caller]
pub fn wait_ready(fd: BorrowedFd<'_>, flags: PollFlags) -> PollFlags {
    let mut fds = [PollFd::new(fd, flags)];
    let ready = poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap()).unwrap();
    assert_eq!(ready, 1, "nothing happened in {PATIENCE:?}");
    fds[0].revents().unwrap()
}

#[track_caller]
pub fn wait_end(pidfd: &Pidfd) -> Exit {
    wait_ready(pidfd.as_fd(), PollFlags::POLLIN);
    pidfd.wait().unwrap().expect("it has ended")
}

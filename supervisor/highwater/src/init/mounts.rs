//! The file systems that every program expects, as far as nobody has mounted them yet.

use std::path::Path;

use highwater_kernel::cgroup::Group;
use highwater_kernel::mount::Mount;
use nix::mount::{MsFlags, mount};

use super::say;

/// Where something is to be mounted, what, and with which options.
struct Wanted(&'static str, &'static str, MsFlags, &'static str);

const PLAIN: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);
const DEVICES: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC);
const FILES: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// In this order: each place is below one that is there already. What lies in memory is bounded: on a board it would
/// take the memory of the service.
const WANTED: [Wanted; 8] = [
    Wanted("/proc", "proc", PLAIN, ""),
    Wanted("/sys", "sysfs", PLAIN, ""),
    Wanted("/dev", "devtmpfs", MsFlags::MS_NOSUID, "mode=755"),
    Wanted("/dev/pts", "devpts", DEVICES, "gid=5,mode=620,ptmxmode=666"),
    Wanted("/dev/shm", "tmpfs", FILES, "mode=1777,size=25%"),
    Wanted("/run", "tmpfs", FILES, "mode=755,size=10%"),
    Wanted("/tmp", "tmpfs", FILES, "mode=1777,size=25%"),
    Wanted(CGROUPS, "cgroup2", PLAIN, ""),
];
const CGROUPS: &str = "/sys/fs/cgroup";
/// What services are bounded by. Others cost something when they are on, and nothing here needs them.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];

/// Mounts `/proc`, which tells what is mounted.
pub fn mount_proc() {
    WANTED[0].mount_or_say();
}

/// Mounts what is missing. What cannot be mounted is said: the service may well run without it.
pub fn mount_missing() {
    WANTED[1..].iter().for_each(Wanted::mount_or_say);
    if let Ok(Some(mount)) = Mount::find() {
        enable(&mount);
    }
}

impl Wanted {
    fn mount_or_say(&self) {
        if let Err(error) = self.mount_if_missing() {
            say(format_args!("{} on {}: {error}", self.1, self.0));
        }
    }

    fn mount_if_missing(&self) -> nix::Result<()> {
        let Self(place, kind, flags, options) = *self;
        if points().iter().any(|point| point == place) || (place == CGROUPS && is_somewhere_else()) {
            return Ok(());
        }
        // On a read-only root the place must be there already: mount says so if it is not.
        let _ = std::fs::create_dir(place);
        mount(Some(kind), place, Some(kind), flags, Some(options))
    }
}

/// Where file systems are mounted; nothing before `/proc` is.
pub fn points() -> Vec<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().filter_map(|line| line.split(' ').nth(4)).map(String::from).collect()
}

fn is_somewhere_else() -> bool {
    Mount::find().is_ok_and(|mount| mount.is_some())
}

/// One by one: a kernel may lack one of them.
fn enable(mount: &Mount) {
    let Ok(root) = Group::open(Path::new(&mount.point)) else { return };
    let there = root.controllers().unwrap_or_default();
    for controller in CONTROLLERS {
        let is_there = there.iter().any(|name| name == controller);
        match root.enable(&[controller]) {
            Ok(()) if is_there => {}
            Ok(()) => say(format_args!("this kernel has no controller for {controller}")),
            Err(error) => say(format_args!("{error}")),
        }
    }
}

//! What is looked after without having been started by highwater: named on the command line, found among the processes.

use std::path::{Path, PathBuf};

use highwater_kernel::cgroup::Group;
use highwater_kernel::mount::{Membership, Mount};
use highwater_kernel::{Pid, process};

use super::said::{self, Properties};

/// A variable by which a container of a pod can be named: the kernel knows containers only by cgroups without names.
const CONTAINER: &str = "HIGHWATER_CONTAINER=";

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This process; when it has ended all is over.
    Pid(Pid),
    /// The first process of this cgroup.
    Cgroup(PathBuf),
    /// The main process of this unit of systemd.
    Unit(String),
    /// The first process whose command line contains this.
    Command(String),
    /// The first process of this user.
    Uid(u32),
    /// The first process of the container that carries this in `HIGHWATER_CONTAINER`, or in the name of its cgroup.
    Container(String),
}

/// A service that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its main process.
    pub main: Pid,
    /// When that was started, in ticks: with its number that is its identity.
    pub started: u64,
    /// Its cgroup, as we see it.
    pub cgroup: Option<PathBuf>,
    /// Where the cgroups above it end for us.
    pub mount_point: PathBuf,
    /// What systemd says of it, if it is a unit.
    pub unit: Option<Properties>,
}

impl Target {
    /// In words, for people.
    pub fn text(&self) -> String {
        match self {
            Self::Pid(pid) => format!("process {pid}"),
            Self::Cgroup(path) => format!("cgroup {}", path.display()),
            Self::Unit(name) => format!("unit {name}"),
            Self::Command(text) => format!("the process with \"{text}\" in its command line"),
            Self::Uid(uid) => format!("the process of user {uid}"),
            Self::Container(name) => format!("container {name}"),
        }
    }

    /// A name for its supervisor.
    pub fn name(&self) -> String {
        match self {
            Self::Pid(pid) => process::name(*pid).unwrap_or_else(|_| format!("pid-{pid}")),
            Self::Cgroup(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Unit(name) => name.strip_suffix(".service").unwrap_or(name).to_owned(),
            Self::Command(text) => Path::new(text).file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Uid(uid) => format!("user-{uid}"),
            Self::Container(name) => name.clone(),
        }
    }

    /// Looks for it among the processes; a unit is for systemd to tell. Nothing if it is not there now.
    pub fn find(&self) -> Option<Found> {
        let main = match self {
            Self::Pid(pid) => Some(*pid),
            Self::Cgroup(path) => first(&Group::open(path).ok()?.procs_below().ok()?),
            Self::Command(text) => first(&all(|pid| command_line(pid).is_some_and(|line| line.contains(text)))),
            Self::Uid(uid) => first(&all(|pid| process::Identity::of(pid).is_ok_and(|found| found.uid == *uid))),
            Self::Container(name) => first(&all(|pid| is_of_container(pid, name))),
            Self::Unit(_) => None,
        }?;
        Found::of(main)
    }
}

impl Found {
    /// What is known of a process.
    pub fn of(main: Pid) -> Option<Self> {
        let started = process::start_time(main).ok().filter(|_| !process::is_ending(main))?;
        let (cgroup, mount_point) = place_of(main).unzip();
        Some(Self { main, started, cgroup, mount_point: mount_point.unwrap_or_default(), unit: None })
    }

    /// What systemd said of a unit, if its service runs.
    pub fn of_unit(properties: Properties) -> Option<Self> {
        let found = Self::of(properties.main)?;
        Some(Self { unit: Some(properties), ..found })
    }

    /// The unit whose cgroup it is in: on a machine with systemd that is not ours to write to.
    pub fn owning_unit(&self) -> Option<String> {
        let cgroup = self.cgroup.as_ref().filter(|_| said::is_systemd_here())?;
        let name = cgroup.file_name()?.to_str()?;
        let is_unit = [".service", ".scope"].iter().any(|suffix| name.ends_with(suffix));
        is_unit.then(|| name.to_owned())
    }

    /// Processes of its cgroup that are not below its main process.
    pub fn strangers(&self) -> Vec<Pid> {
        let Some(group) = self.cgroup.as_ref().and_then(|path| Group::open(path).ok()) else { return Vec::new() };
        let family = process::descendants(self.main).unwrap_or_default();
        let is_strange = |pid: &Pid| *pid != self.main && !family.contains(pid);
        group.procs_below().unwrap_or_default().into_iter().filter(is_strange).collect()
    }

    /// Whether highwater itself is in its cgroup, so that what is done to that is done to us.
    pub fn includes_us(&self) -> bool {
        self.strangers().contains(&process::own())
    }
}

/// The cgroup of a process as we see it: below our own mount, or in the process's where the namespaces differ.
fn place_of(pid: Pid) -> Option<(PathBuf, PathBuf)> {
    let cgroup = Membership::of(pid).ok()?.unified?;
    let mount = Mount::find().ok().flatten();
    let here = mount.and_then(|mount| Some((mount.directory(&cgroup)?, mount.point)));
    let there = || {
        let point = PathBuf::from(format!("/proc/{pid}/root/sys/fs/cgroup"));
        Group::open(&point).ok().map(|_| (point.clone(), point))
    };
    here.filter(|(directory, _)| directory.exists()).or_else(there)
}

/// The process that the others descend from, or the oldest.
fn first(pids: &[Pid]) -> Option<Pid> {
    let is_top = |pid: &&Pid| process::parent(**pid).map_or(true, |parent| !pids.contains(&parent));
    let age = |pid: &&Pid| process::start_time(**pid).unwrap_or(u64::MAX);
    pids.iter().filter(is_top).min_by_key(age).copied()
}

/// Processes for which that holds; neither we nor what we started, nor anything of the kernel.
fn all(wanted: impl Fn(Pid) -> bool) -> Vec<Pid> {
    let us = process::own();
    let ours = process::descendants(us).unwrap_or_default();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<Pid>().ok());
    let is_program = |pid: &Pid| *pid != us && !ours.contains(pid) && command_line(*pid).is_some();
    pids.filter(is_program).filter(|pid| !process::is_ending(*pid) && wanted(*pid)).collect()
}

fn command_line(pid: Pid) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|bytes| !bytes.is_empty())?;
    let words: Vec<_> = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    Some(words.join(" ").trim_end().to_owned())
}

fn is_of_container(pid: Pid, name: &str) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let says = |entry: &[u8]| entry.strip_prefix(CONTAINER.as_bytes()) == Some(name.as_bytes());
    let cgroup = || Membership::of(pid).ok().and_then(|membership| membership.unified);
    let is_named = |cgroup: PathBuf| cgroup.file_name().is_some_and(|last| last.to_string_lossy().contains(name));
    environment.split(|byte| *byte == 0).any(says) || cgroup().is_some_and(is_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_by_what_it_is() {
        let mut child = std::process::Command::new("sleep").arg("61.4711").spawn().unwrap();
        let pid = child.id().cast_signed();
        // A child of ours is not looked for: only by its number is it found.
        assert!(Target::Command("sleep 61.4711".into()).find().is_none());
        assert_eq!(Target::Pid(pid).find().map(|found| found.main), Some(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Target::Pid(pid).find().is_none());
    }

    #[test]
    fn the_top_of_a_tree_is_its_main_process() {
        let me = process::own();
        assert_eq!(first(&[me, process::parent(me).unwrap()]), Some(process::parent(me).unwrap()));
        assert_eq!(first(&[]), None);
    }
}

//! The `cgroup.*` files: who is in it, what it gives to its children, stopping and killing.

use std::os::fd::AsFd;

use super::{CgroupEvents, Group, control};
use crate::{Kind, Pid, Result};

impl Group {
    /// The processes in it; 0 stands for one that is outside of our pid namespace.
    pub fn procs(&self) -> Result<Vec<Pid>> {
        let text = self.read("cgroup.procs")?;
        Ok(text.lines().filter_map(|line| line.trim().parse().ok()).collect())
    }

    /// The processes in it and in all cgroups below it.
    pub fn procs_below(&self) -> Result<Vec<Pid>> {
        let mut pids = self.procs()?;
        for name in self.children()? {
            match self.open_child(&name).and_then(|child| child.procs_below()) {
                Ok(more) => pids.extend(more),
                Err(e) if matches!(e.kind(), Kind::NotFound | Kind::Gone) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(pids)
    }

    /// Moves a process into it. What the process has been charged so far stays charged where it was.
    pub fn add_proc(&self, pid: Pid) -> Result<()> {
        self.write("cgroup.procs", &pid.to_string())
    }

    /// The controllers that may be enabled for its children.
    pub fn controllers(&self) -> Result<Vec<String>> {
        Ok(words(&self.read("cgroup.controllers")?))
    }

    /// The controllers that are enabled for its children.
    pub fn subtree_control(&self) -> Result<Vec<String>> {
        Ok(words(&self.read("cgroup.subtree_control")?))
    }

    /// Enables controllers for its children. [`Kind::Busy`] while a process is in this cgroup itself,
    /// [`Kind::NotFound`] if the parent does not give the controller.
    pub fn enable(&self, controllers: &[&str]) -> Result<()> {
        let wanted: Vec<_> = controllers.iter().map(|name| format!("+{name}")).collect();
        self.write("cgroup.subtree_control", &wanted.join(" "))
    }

    /// SIGKILL to every process in it and below, those being born included. Asynchronous: it is over when
    /// [`events`](Self::state) say it is no longer populated.
    pub fn kill(&self) -> Result<()> {
        control::kill(self.as_fd(), self.path())
    }

    /// Asks for a stop (or the end of the stop) of every process. Takes 1 to 2 ms, up to 2 s if one is in a
    /// `memory.high` sleep; [`state`](Self::state) tells when it is reached.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        control::freeze(self.as_fd(), self.path(), frozen)
    }

    /// Whether it is populated and frozen.
    pub fn state(&self) -> Result<CgroupEvents> {
        Ok(CgroupEvents::parse(self.read("cgroup.events")?.as_bytes()))
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::cgroup::tests::fake_group;

    #[test]
    fn processes_below_are_gathered() {
        let (_dir, group) = fake_group(&[("cgroup.procs", "1\n")]);
        let child = group.create_child("child").unwrap();
        std::fs::write(child.path().join("cgroup.procs"), "2\n3\n").unwrap();
        assert_eq!(group.procs_below().unwrap(), [1, 2, 3]);
    }
}

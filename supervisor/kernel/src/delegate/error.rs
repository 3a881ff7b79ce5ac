//! Why a cgroup could not be taken over: each has one cause and one way out.

use std::fmt;
use std::path::PathBuf;

use crate::cgroup::Group;
use crate::{Error, Kind, Pid};

/// Why a cgroup could not be taken over. The text says the cause and the way out.
#[derive(Debug)]
pub enum DelegateError {
    /// No cgroup v2 file system is mounted.
    NotV2,
    /// cgroup v1 has the memory controller (hybrid or legacy layout).
    Hybrid,
    /// The own cgroup lies outside of what is mounted here.
    Hidden {
        /// As `/proc/self/cgroup` says.
        cgroup: PathBuf,
    },
    /// ENOENT: the parent does not give the memory controller.
    NotDelegated {
        /// The cgroup in question.
        path: PathBuf,
    },
    /// EBUSY: processes are in the cgroup that cannot be moved out.
    Busy {
        /// The cgroup in question.
        path: PathBuf,
        /// Who stays; 0 is one outside of our pid namespace.
        staying: Vec<Pid>,
    },
    /// A living supervisor has this base already.
    Taken {
        /// The cgroup in question.
        path: PathBuf,
    },
    /// EACCES: it belongs to another user.
    Access {
        /// The file in question.
        path: PathBuf,
    },
    /// EPERM: forbidden whoever asks.
    Permission {
        /// The file in question.
        path: PathBuf,
    },
    /// EROFS: mounted read-only.
    ReadOnly {
        /// The file in question.
        path: PathBuf,
    },
    /// Everything else.
    Other(Error),
}

impl DelegateError {
    /// What an error means that came of work on that cgroup.
    pub fn of(base: &Group, error: Error) -> Self {
        let path = error.path.clone();
        match error.kind() {
            Kind::NotFound if path.ends_with("cgroup.subtree_control") => {
                Self::NotDelegated { path: base.path().into() }
            }
            Kind::Busy => Self::Busy { path: base.path().into(), staying: base.procs().unwrap_or_default() },
            Kind::Access => Self::Access { path },
            Kind::Permission => Self::Permission { path },
            Kind::ReadOnly => Self::ReadOnly { path },
            _ => Self::Other(error),
        }
    }
}

impl fmt::Display for DelegateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotV2 => f.write_str("no cgroup v2 is mounted: mount it (mount -t cgroup2 none /sys/fs/cgroup)"),
            Self::Hybrid => f.write_str(
                "cgroup v1 has the memory controller: boot with systemd.unified_cgroup_hierarchy=1, \
                 or cgroup_no_v1=memory without systemd",
            ),
            Self::Hidden { cgroup } => write!(
                f,
                "the own cgroup {} is not visible under the cgroup mount: start with a private cgroup namespace \
                 (docker: --cgroupns=private)",
                cgroup.display()
            ),
            Self::NotDelegated { path } => write!(
                f,
                "{} has no memory controller, as its parent does not give it: with systemd set Delegate=memory pids in \
                 the unit (systemd-run -p Delegate=yes); without, echo +memory > cgroup.subtree_control in every ancestor",
                path.display()
            ),
            Self::Busy { path, staying } => write!(
                f,
                "processes {staying:?} stay in {} and no cgroup beside them may have limits: give highwater a cgroup of \
                 its own (systemd-run --scope -p Delegate=yes)",
                path.display()
            ),
            Self::Taken { path } => write!(
                f,
                "another highwater looks after {}: stop it, or give this one a cgroup or a --name of its own",
                path.display()
            ),
            Self::Access { path } => write!(
                f,
                "{} belongs to another user: with systemd set Delegate=memory pids together with User=, or run as root",
                path.display()
            ),
            Self::Permission { path } => write!(
                f,
                "{} may not be written from inside its cgroup namespace, whoever asks: what is wanted must be set from \
                 outside, on the container",
                path.display()
            ),
            Self::ReadOnly { path } => write!(
                f,
                "{} is mounted read-only, as containers get it by default: podman and docker give a writable one with \
                 --security-opt unmask=/sys/fs/cgroup or --privileged, containerd with cgroup_writable = true",
                path.display()
            ),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DelegateError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_of_the_kernel_has_its_own_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let base = Group::open_unchecked(dir.path()).unwrap();
        let of = |errno| {
            let source = std::io::Error::from_raw_os_error(errno);
            DelegateError::of(&base, Error::new("write", dir.path().join("cgroup.subtree_control"), source)).to_string()
        };
        assert!(of(libc::ENOENT).contains("Delegate=memory pids"));
        assert!(of(libc::EBUSY).contains("a cgroup of its own"));
        assert!(of(libc::EACCES).contains("another user"));
        assert!(of(libc::EPERM).contains("namespace"));
        assert!(of(libc::EROFS).contains("read-only"));
        assert!(of(libc::EIO).contains("cannot write"));
    }
}

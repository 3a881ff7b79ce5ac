//! Everything a child needs, made ready before it is born: after the fork nothing may be allocated.

use std::ffi::{CString, OsStr, OsString, c_char};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use nix::fcntl::OFlag;

use super::passed::{Passed, PidVariable};
use super::{Spawn, SpawnError};
use crate::cgroup::Group;
use crate::file::KernelFile;

/// What `execvp` searches when there is no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command in the form in which a child just born can use it.
pub(super) struct Prepared<'a> {
    /// The command as it was given, for errors.
    pub(super) program: PathBuf,
    /// The paths to try, in this order.
    pub(super) candidates: Vec<CString>,
    pub(super) directory: Option<CString>,
    pub(super) stdio: [Option<RawFd>; 3],
    pub(super) cgroup: Option<&'a Group>,
    /// Ours is negative; the child sets its own back to 0.
    pub(super) reset_oom_score: bool,
    pub(super) ends_with_us: bool,
    /// Descriptors that become 3 and up.
    pub(super) passed: Passed,
    /// Variables of `envp` that the child completes.
    pub(super) pid_variables: Vec<PidVariable>,
    argv: Strings,
    envp: Strings,
}

/// Strings and the null-terminated array of pointers to them.
struct Strings {
    /// Owns what the pointers point to.
    _strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(spawn: &Spawn<'a>) -> Result<Self, SpawnError> {
        let program = spawn.argv.first().ok_or_else(|| refused("start a command without a name"))?;
        let environment = spawn.env.iter().map(|(name, value)| [name.as_os_str(), value].join(OsStr::new("=")));
        let directory = spawn.directory.as_ref().map(|path| text(path.as_os_str())).transpose()?;
        let pid_variables: Vec<_> = spawn.pid_variables.iter().map(|name| PidVariable::new(name)).collect();
        let completed = pid_variables.iter().map(PidVariable::as_ptr);
        Ok(Self {
            program: PathBuf::from(program),
            candidates: candidates(program, search_path(&spawn.env))?,
            directory,
            stdio: spawn.stdio.map(|fd| fd.map(|fd| fd.as_raw_fd())),
            cgroup: spawn.cgroup,
            reset_oom_score: own_oom_score_is_negative(),
            ends_with_us: spawn.ends_with_us,
            passed: Passed::new(&spawn.passed)?,
            argv: Strings::new(spawn.argv.iter().map(|word| text(word)), std::iter::empty())?,
            envp: Strings::new(environment.map(|pair| text(&pair)), completed)?,
            pid_variables,
        })
    }

    pub(super) fn argv(&self) -> *const *const c_char {
        self.argv.pointers.as_ptr()
    }

    pub(super) fn envp(&self) -> *const *const c_char {
        self.envp.pointers.as_ptr()
    }

    pub(super) fn cgroup_dir(&self) -> Option<BorrowedFd<'a>> {
        self.cgroup.map(AsFd::as_fd)
    }

    /// `cgroup.procs`, opened for a child that has to move itself.
    pub(super) fn cgroup_procs(&self) -> Result<Option<KernelFile>, SpawnError> {
        let open = |group: &Group| {
            let file = group.file("cgroup.procs", OFlag::O_WRONLY);
            file.map_err(|e| SpawnError::Cgroup { path: group.path().into(), source: e.source })
        };
        self.cgroup.map(open).transpose()
    }
}

impl Strings {
    fn new(
        strings: impl Iterator<Item = Result<CString, SpawnError>>,
        owned_elsewhere: impl Iterator<Item = *const c_char>,
    ) -> Result<Self, SpawnError> {
        let strings = strings.collect::<Result<Vec<_>, _>>()?;
        let ends = std::iter::once(std::ptr::null());
        let pointers = strings.iter().map(|string| string.as_ptr()).chain(owned_elsewhere).chain(ends).collect();
        Ok(Self { _strings: strings, pointers })
    }
}

/// A name with a slash is meant as it is; any other is looked for in each directory of the search path, of which an empty
/// one means the working directory.
fn candidates(program: &OsStr, search_path: &OsStr) -> Result<Vec<CString>, SpawnError> {
    let name = program.as_bytes();
    if name.is_empty() || name.contains(&b'/') {
        return Ok(vec![text(program)?]);
    }
    let directories = search_path.as_bytes().split(|&byte| byte == b':');
    let path = |directory: &[u8]| match directory {
        b"" => name.to_vec(),
        _ => [directory, name].join(&b'/'),
    };
    directories.map(|directory| text(&OsString::from_vec(path(directory)))).collect()
}

fn search_path(env: &[(OsString, OsString)]) -> &OsStr {
    let path = env.iter().find(|(name, _)| name == "PATH");
    path.map_or(OsStr::new(DEFAULT_PATH), |(_, value)| value)
}

fn own_oom_score_is_negative() -> bool {
    std::fs::read("/proc/self/oom_score_adj").is_ok_and(|text| text.starts_with(b"-"))
}

fn text(word: &OsStr) -> Result<CString, SpawnError> {
    CString::new(word.as_bytes()).map_err(|_| refused("pass a NUL byte in a command or its environment"))
}

fn refused(op: &str) -> SpawnError {
    SpawnError::Other { op: op.into(), source: io::Error::from_raw_os_error(libc::EINVAL) }
}

/// A pipe that closes at `exec`: what comes through it is a failure before that. No descriptor that is handed over takes
/// its place in the child.
pub(super) fn failure_pipe(passed: &Passed) -> Result<(OwnedFd, OwnedFd), SpawnError> {
    let failed = |source| SpawnError::Other { op: "make a pipe".into(), source };
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(|e| failed(e.into()))?;
    Ok((read, passed.out_of_the_way(write).map_err(failed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(program: &str, path: &str) -> Vec<String> {
        let candidates = candidates(OsStr::new(program), OsStr::new(path)).unwrap();
        candidates.into_iter().map(|c| c.into_string().unwrap()).collect()
    }

    #[test]
    fn a_slash_turns_the_search_off() {
        assert_eq!(found("./x", "/a:/b"), ["./x"]);
        assert_eq!(found("x", "/a::/b"), ["/a/x", "x", "/b/x"]);
        assert_eq!(found("", "/a"), [""]);
    }
}

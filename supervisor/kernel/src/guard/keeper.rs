//! The life of the guard. Nothing here allocates: when it is needed, memory is what is missing.

use std::ffi::{CStr, CString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{fsync, read, write};

use super::message::{Heard, MOST_PATH, Watched};
use crate::Pid;
use crate::clock::{Rfc3339, monotonic_ns, wall};
use crate::text::Fixed;

/// So many process ids are named in the journal.
const MOST_PIDS: usize = 64;

/// What the guard was born with.
pub(super) struct Keeper {
    name: String,
    journal: CString,
}

/// What it found when the supervisor was gone.
struct Found {
    pids: [Pid; MOST_PIDS],
    count: usize,
    /// Throttle and freezer were given back.
    lifted: bool,
}

impl Keeper {
    pub(super) fn new(name: &str, journal: &Path) -> io::Result<Self> {
        let journal = CString::new(journal.as_os_str().as_bytes())?;
        Ok(Self { name: name.to_owned(), journal })
    }

    /// Listens until the end of the supervisor.
    pub(super) fn keep(&self, socket: &UnixStream) {
        let mut watched = None;
        loop {
            match Heard::read(socket) {
                Ok(Heard::Watch(watch)) => watched = Some(watch),
                Ok(Heard::Rest) => watched = None,
                Ok(Heard::Farewell) => return,
                Err(_) => break,
            }
        }
        if let Some(watched) = watched {
            self.supervisor_lost(&watched);
        }
    }

    fn supervisor_lost(&self, watched: &Watched) {
        let found = Found::after_lifting(watched);
        self.append(line(&self.name, watched, &found).as_bytes());
        say(sentence(&self.name, watched, &found).as_bytes());
    }

    fn append(&self, line: &[u8]) {
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let written = open(self.journal.as_c_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR).and_then(|file| {
            write(&file, line)?;
            fsync(&file)
        });
        if written.is_err() {
            say(b"highwater-guard: the journal cannot be written\n");
        }
    }
}

impl Found {
    fn after_lifting(watched: &Watched) -> Self {
        let mut found = Self { pids: [0; MOST_PIDS], count: 0, lifted: false };
        found.lifted = match watched.errand() {
            Some(errand) => errand.run(),
            None => !watched.path().is_empty() && lift(watched),
        };
        match watched.path() {
            b"" => found.add(watched.pid.filter(|pid| is_alive(*pid))),
            cgroup => found.read_procs(cgroup),
        }
        found
    }

    fn read_procs(&mut self, cgroup: &[u8]) {
        let mut buffer = [0_u8; 4096];
        let read = file(cgroup, "cgroup.procs", OFlag::O_RDONLY, |file| read(file, &mut buffer));
        let text = &buffer[..read.unwrap_or(0)];
        for number in text.split(|&byte| byte == b'\n').filter_map(crate::text::number) {
            self.add(Pid::try_from(number).ok());
        }
    }

    fn add(&mut self, pid: Option<Pid>) {
        if let (Some(pid), Some(slot)) = (pid, self.pids.get_mut(self.count)) {
            *slot = pid;
            self.count += 1;
        }
    }

    fn pids(&self) -> &[Pid] {
        &self.pids[..self.count]
    }
}

/// Gives back what the supervisor wrote itself.
fn lift(watched: &Watched) -> bool {
    let high = Fixed::<24>::of(format_args!("{}\n", watched.high));
    let lifted = overwrite(watched.path(), "memory.high", high.as_bytes());
    let thawed = overwrite(watched.path(), "cgroup.freeze", b"0\n");
    lifted && thawed
}

fn line(name: &str, watched: &Watched, found: &Found) -> Fixed<12_288> {
    let mut line = Fixed::new();
    let (time, mono_ns) = (Rfc3339(wall()), monotonic_ns());
    line.push(format_args!(
        r#"{{"time":"{time}","mono_ns":{mono_ns},"event":"supervisor.lost","name":{},"generation":{},"cgroup":{},"pids":[{}],"lifted":{}}}"#,
        Quoted(name.as_bytes()),
        watched.generation,
        Quoted(watched.path()),
        Joined(found.pids(), ","),
        found.lifted,
    ));
    line.push_bytes(b"\n");
    line
}

fn sentence(name: &str, watched: &Watched, found: &Found) -> Fixed<8192> {
    let generation = watched.generation;
    let mut text = Fixed::of(format_args!("highwater-guard: highwater for {name} has died"));
    match found.pids() {
        [] => text.push(format_args!("; of generation {generation} nothing runs any more\n")),
        pids => text.push(format_args!(
            "; generation {generation} of the service (pids {}) was left running unsupervised{}\n",
            Joined(pids, " "),
            if found.lifted { ", its throttle lifted" } else { "" },
        )),
    }
    text
}

fn say(text: &[u8]) {
    // That nobody reads is no reason to fail.
    let _ = write(io::stderr(), text);
}

fn overwrite(cgroup: &[u8], name: &str, text: &[u8]) -> bool {
    file(cgroup, name, OFlag::O_WRONLY | OFlag::O_TRUNC, |file| write(file, text)).is_ok()
}

fn file<T>(
    cgroup: &[u8],
    name: &str,
    flags: OFlag,
    mut use_it: impl FnMut(&std::os::fd::OwnedFd) -> nix::Result<T>,
) -> nix::Result<T> {
    let mut path = Fixed::<{ MOST_PATH + 32 }>::new();
    path.push_bytes(cgroup);
    path.push(format_args!("/{name}\0"));
    let path = CStr::from_bytes_with_nul(path.as_bytes()).map_err(|_| nix::Error::EINVAL)?;
    let file = open(path, flags | OFlag::O_CLOEXEC, Mode::empty())?;
    use_it(&file)
}

fn is_alive(pid: Pid) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) != Err(nix::Error::ESRCH)
}

/// Text as a JSON string; bytes that are no UTF-8 become question marks.
struct Quoted<'a>(&'a [u8]);

/// Numbers with something between them.
struct Joined<'a>(&'a [Pid], &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '"' | '\\' => write!(f, "\\{character}")?,
                    control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
                    plain => write!(f, "{plain}")?,
                }
            }
            if !chunk.invalid().is_empty() {
                f.write_str("?")?;
            }
        }
        f.write_str("\"")
    }
}

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if index == 0 { "" } else { self.1 })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_json() {
        assert_eq!(Quoted(b"we\"b\\\n").to_string(), r#""we\"b\\\u000a""#);
        assert_eq!(Quoted(b"a\xffb").to_string(), r#""a?b""#);
        assert_eq!(Joined(&[1, 22, 3], ",").to_string(), "1,22,3");
        assert_eq!(Joined(&[], ",").to_string(), "");
    }
}

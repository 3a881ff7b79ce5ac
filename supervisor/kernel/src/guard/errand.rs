//! A program that the guard runs once, when the supervisor is gone: kept as bytes until then, and run without allocating.
#![allow(unsafe_code, reason = "fork and execvp have no form that allocates nothing; the guard has one thread only")]

use std::ffi::c_char;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::Pid;
use crate::text::Fixed;

/// So many words at most, the last one a null pointer.
const MOST_WORDS: usize = 16;

/// A command, and a file that is removed after it.
pub struct Errand(Fixed<{ Errand::MOST }>);

impl Errand {
    /// Bytes of all words together.
    pub(super) const MOST: usize = 2048;

    /// A command, looked up in `PATH`, after which that file is removed.
    pub fn new(command: &[&str], remove: &Path) -> io::Result<Self> {
        let words = || [remove.as_os_str().as_bytes()].into_iter().chain(command.iter().map(|word| word.as_bytes()));
        let length: usize = words().map(|word| word.len() + 1).sum();
        if command.is_empty()
            || command.len() >= MOST_WORDS
            || length > Self::MOST
            || words().any(|word| word.contains(&0))
        {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Fixed::new();
        for word in words() {
            bytes.push_bytes(word);
            bytes.push_bytes(b"\0");
        }
        Ok(Self(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// What the supervisor has sent; nothing if there is no errand.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let is_whole = bytes.len() <= Self::MOST && bytes.split(|byte| *byte == 0).count() <= MOST_WORDS + 1;
        let mut errand = Self(Fixed::new());
        errand.0.push_bytes(bytes);
        (is_whole && bytes.ends_with(b"\0")).then_some(errand)
    }

    /// Runs the command to its end, then removes the file. Whether it ended with status 0.
    pub(super) fn run(&self) -> bool {
        let mut words = [std::ptr::null::<c_char>(); MOST_WORDS + 1];
        let strings = self.as_bytes().split_inclusive(|byte| *byte == 0);
        for (slot, string) in words.iter_mut().zip(strings) {
            *slot = string.as_ptr().cast();
        }
        let (remove, command) = (words[0], &words[1..]);
        let is_done = ends_well(start(command));
        // SAFETY: a string that ends with its NUL.
        unsafe { libc::unlink(remove) };
        is_done
    }
}

/// Forks the command. It stays deaf to signals, as the guard is: whoever ends the supervisor's unit asks it to end as well.
fn start(command: &[*const c_char]) -> Pid {
    // SAFETY: there is one thread; the child calls nothing but the three below, with an array that a null ends.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0);
            libc::execvp(command[0], command.as_ptr());
            libc::_exit(127);
        }
        pid
    }
}

fn ends_well(pid: Pid) -> bool {
    let mut status = 0;
    // SAFETY: `status` lives across the call; no signal interrupts it, since all are blocked.
    pid > 0 && unsafe { libc::waitpid(pid, &raw mut status, 0) } == pid && status == 0
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Errand").field(&String::from_utf8_lossy(self.as_bytes())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_run_and_the_file_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (file, proof) = (directory.path().join("file"), directory.path().join("proof"));
        let script = format!("test -e {} && echo \"$1\" >{}", file.display(), proof.display());
        for (last, ends_well) in [("", true), ("; exit 3", false)] {
            std::fs::write(&file, "").unwrap();
            let errand = Errand::new(&["sh", "-c", &format!("{script}{last}"), "sh", "x y"], &file).unwrap();
            let errand = Errand::of_bytes(errand.as_bytes()).unwrap();
            assert_eq!(errand.run(), ends_well);
            assert_eq!(std::fs::read_to_string(&proof).unwrap(), "x y\n");
            assert!(!file.exists());
        }
    }

    #[test]
    fn what_cannot_be_run_is_refused_or_fails() {
        let file = Path::new("/nonexistent/file");
        assert!(Errand::new(&[], file).is_err());
        assert!(Errand::new(&["x"; MOST_WORDS], file).is_err());
        assert!(Errand::new(&["a\0b"], file).is_err());
        assert!(Errand::new(&[&"x".repeat(Errand::MOST)], file).is_err());
        assert!(!Errand::new(&["no-such-command-anywhere"], file).unwrap().run());
        assert!(Errand::of_bytes(b"").is_none());
        assert!(Errand::of_bytes(b"/file\0cut off").is_none());
    }
}

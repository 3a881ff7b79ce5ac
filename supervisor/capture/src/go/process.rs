//! A process as what can be read of it: its executable, its memory and where the one lies in the other.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use super::bytes::{Blocks, u64_in};
use super::elf::Elf;
use super::error::GoError;
use super::version::SUPPORTED;

/// The entry of the auxiliary vector with the address at which the program starts.
const AT_ENTRY: u64 = 9;

/// The auxiliary vector has about 20 entries.
const MOST_AUXILIARY: u64 = 4096;

/// An open process. All its files are those of one process, even if its number goes to another in the meantime.
pub(super) struct Process {
    pid: u32,
    /// Where the executable is, for the process.
    pub(super) path: PathBuf,
    pub(super) exe: Blocks,
    pub(super) elf: Elf,
    pub(super) memory: Blocks,
    /// What the loader added to each address of the executable: 0 unless it can lie anywhere.
    pub(super) base: u64,
}

impl Process {
    pub(super) fn open(pid: u32) -> Result<Self, GoError> {
        let entry = Entry::open(pid)?;
        let memory = entry.file("mem")?;
        let path = entry.link("exe")?;
        let exe = Blocks::new(entry.file("exe")?);
        let elf = Elf::read(&exe).map_err(|source| entry.error("read", "exe", source))?;
        let elf = elf.ok_or_else(|| unknown_form(&path))?;
        let start = entry.start()?;
        Ok(Self { pid, path, base: start.wrapping_sub(elf.entry), exe, elf, memory: Blocks::new(memory) })
    }

    /// A word of its memory, where there must be one.
    pub(super) fn word(&self, address: u64) -> Result<u64, GoError> {
        let path = || PathBuf::from(format!("/proc/{}/mem", self.pid));
        self.memory.u64(address).map_err(|source| GoError::Io { op: "read", path: path(), source })
    }
}

fn unknown_form(path: &Path) -> GoError {
    GoError::Unsupported { found: format!("the executable {}", path.display()), supported: SUPPORTED }
}

/// The entry of a process in `/proc`, held open.
struct Entry {
    pid: u32,
    place: File,
}

impl Entry {
    fn open(pid: u32) -> Result<Self, GoError> {
        let path = PathBuf::from(format!("/proc/{pid}"));
        let place = File::open(&path).map_err(|source| GoError::Io { op: "open", path, source })?;
        Ok(Self { pid, place })
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.place.as_raw_fd()))
    }

    fn file(&self, name: &str) -> Result<File, GoError> {
        File::open(self.path(name)).map_err(|source| self.error("open", name, source))
    }

    fn link(&self, name: &str) -> Result<PathBuf, GoError> {
        let target = std::fs::read_link(self.path(name)).map_err(|source| self.error("follow", name, source))?;
        let text = target.to_string_lossy();
        Ok(text.strip_suffix(" (deleted)").map_or_else(|| target.clone(), PathBuf::from))
    }

    /// The address at which the program was started.
    fn start(&self) -> Result<u64, GoError> {
        let mut entries = Vec::new();
        let read = self.file("auxv")?.take(MOST_AUXILIARY).read_to_end(&mut entries);
        read.map_err(|source| self.error("read", "auxv", source))?;
        let start = entries.chunks_exact(16).find(|entry| u64_in(entry, 0) == AT_ENTRY);
        // A process that is about to end has none.
        start.map(|entry| u64_in(entry, 8)).ok_or_else(|| self.error("read", "auxv", io::ErrorKind::NotFound.into()))
    }

    fn error(&self, op: &'static str, name: &str, source: io::Error) -> GoError {
        GoError::Io { op, path: PathBuf::from(format!("/proc/{}/{name}", self.pid)), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_is_what_we_have_there() {
        static ORIGINAL: [u8; 16] = *b"highwater memory";
        let own = Process::open(std::process::id()).unwrap();
        let mut seen = [0; 16];
        own.memory.read(ORIGINAL.as_ptr() as u64, &mut seen).unwrap();
        assert_eq!(seen, ORIGINAL);
        // It is in the file as well, at the address less the base.
        let offset = own.elf.offset(ORIGINAL.as_ptr() as u64 - own.base).unwrap();
        own.exe.read(offset, &mut seen).unwrap();
        assert_eq!(seen, ORIGINAL);
        assert!(own.memory.u64(0).is_err());
    }

    #[test]
    fn a_process_that_is_not_there_is_said_by_its_name() {
        let error = Process::open(u32::MAX).err().unwrap().to_string();
        assert!(error.starts_with("cannot open /proc/4294967295: "), "{error}");
    }
}

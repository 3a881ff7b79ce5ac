//! Which language runtime a process is: what a signal does to it depends on that.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::{elf, entry};
use crate::{Error, Pid, Result};

/// So much of a process's list of mappings is searched.
const MOST_MAPS: u64 = 4 << 20;

/// A language runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Ignores SIGUSR1 and SIGUSR2 unless told otherwise; SIGQUIT ends it with all stacks.
    Go,
    /// SIGUSR1 kills it, SIGUSR2 aborts it, SIGQUIT writes a thread dump to its output.
    Jvm,
    /// SIGUSR1 opens a debugger, SIGUSR2 and SIGQUIT kill it.
    Node,
    /// Every signal but SIGINT kills it unless handled.
    Python,
    /// Anything else.
    Native,
}

/// Finds out the runtime of a process, from outside. Needs the right to read its `/proc` entries.
pub fn runtime(pid: Pid) -> Result<Runtime> {
    let exe = entry(pid, "exe");
    let target = std::fs::read_link(&exe).map_err(|e| Error::new("follow", &exe, e))?;
    if let Some(runtime) = by_name(&target) {
        return Ok(runtime);
    }
    let file = File::open(&exe).map_err(|e| Error::new("open", &exe, e))?;
    if elf::has_section(&file, &[".go.buildinfo", ".note.go.buildid"]) == Some(true) {
        return Ok(Runtime::Go);
    }
    let maps = entry(pid, "maps");
    let mapped = File::open(&maps).map_err(|e| Error::new("open", &maps, e))?;
    Ok(by_library(mapped.take(MOST_MAPS)).unwrap_or(Runtime::Native))
}

fn by_name(exe: &Path) -> Option<Runtime> {
    let name = exe.file_name().and_then(OsStr::to_str)?;
    match name.trim_end_matches(" (deleted)") {
        "node" | "nodejs" => Some(Runtime::Node),
        "java" => Some(Runtime::Jvm),
        name if name.starts_with("python") => Some(Runtime::Python),
        _ => None,
    }
}

/// A runtime embedded as a library.
fn by_library(maps: impl Read) -> Option<Runtime> {
    BufReader::new(maps).split(b'\n').map_while(std::result::Result::ok).find_map(|line| {
        let path = String::from_utf8_lossy(&line);
        let library = path.rsplit('/').next()?;
        match library {
            _ if library.starts_with("libjvm.so") => Some(Runtime::Jvm),
            _ if library.starts_with("libnode.so") => Some(Runtime::Node),
            _ if library.starts_with("libpython") => Some(Runtime::Python),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_libraries_are_told() {
        assert_eq!(by_name(Path::new("/usr/bin/python3.11")), Some(Runtime::Python));
        assert_eq!(by_name(Path::new("/usr/bin/node (deleted)")), Some(Runtime::Node));
        assert_eq!(by_name(Path::new("/usr/bin/nodemon-native")), None);
        let maps = "7f00-7f01 r-xp 0 08:01 5 /usr/lib/jvm/lib/server/libjvm.so\n";
        assert_eq!(by_library(maps.as_bytes()), Some(Runtime::Jvm));
        assert_eq!(by_library(&b"7f00-7f01 rw-p 0 00:00 0 \n7f01-7f02 rw-p 0 00:00 0 [heap]\n"[..]), None);
    }

    #[test]
    fn this_test_is_native() {
        assert_eq!(runtime(crate::process::own()).unwrap(), Runtime::Native);
    }
}

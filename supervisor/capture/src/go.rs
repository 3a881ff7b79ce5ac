//! The memory profile of a Go program, read out of its memory: it need not run, answer, or know of it.
//!
//! The runtime of Go samples allocations, one every 512 KiB by default, and counts them by stack in a list of buckets.
//! A program shows them itself, by `/debug/pprof/heap` or `pprof.WriteHeapProfile`; here they are read through
//! `/proc/PID/mem`, without stopping it, and so also from a program that is frozen, throttled, stuck or serves no HTTP.
//! Names and lines come from the tables in its executable that its own stack traces need, and which are there in a
//! stripped one too.
//!
//! | what | supported |
//! |---|---|
//! | Go | 1.19 to 1.27; 1.20 by its sources only, the others by programs of theirs whose own profile was the same |
//! | machine | amd64; others of 64 bits and little-endian by their symbols, a stripped program on arm64 too |
//! | built | static, PIE, with C, linked by Go or not, with the race detector; stripped unless built with `-N -l` |
//! | refused | no build information, no sampling, other versions: see [`GoError`] |
//!
//! It takes the right to trace the process: the same user, or `CAP_SYS_PTRACE`.

mod buckets;
mod bytes;
mod code;
mod elf;
mod error;
mod frames;
mod function;
mod functions;
mod list;
mod module;
mod moment;
mod process;
#[cfg(test)]
mod sample;
mod scale;
mod search;
mod stacks;
mod strings;
mod variables;
mod version;
mod write;

use frames::Code;
use function::Descriptions;
use functions::Functions;
use list::List;
use module::Module;
use process::Process;
use stacks::Stacks;
use variables::Variables;
use version::Version;
use write::Writer;

pub use error::GoError;
pub use moment::Moment;

/// A profile that was read out of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapProfile {
    /// Bytes in use, as far as they are sampled: without stacks, caches of the runtime and memory outside of Go.
    pub bytes_in_use: u64,
    /// Objects in use.
    pub objects: u64,
    /// Samples in the profile.
    pub samples: usize,
    /// Buckets that were read; those that count nothing yet make no sample.
    pub buckets: usize,
    /// Whether all buckets were read: not if the list led astray, which it does not in a healthy process.
    pub is_whole: bool,
    /// Which Go built the program, in its own words: `go1.22.10`.
    pub version: String,
    /// The profile, a gzipped pprof message as Go itself writes it.
    pub pprof: Vec<u8>,
}

/// Reads the heap profile of a Go program as of its last collection.
pub fn heap_profile(pid: u32) -> Result<HeapProfile, GoError> {
    heap_profile_of(pid, Moment::LastCollection)
}

/// Reads the heap profile of a Go program as of some moment.
pub fn heap_profile_of(pid: u32, moment: Moment) -> Result<HeapProfile, GoError> {
    let process = Process::open(pid)?;
    let (code, variables) = look(&process)?;
    let list = List::find(&process, &variables, &code.descriptions.version, moment)?;
    let writer = Writer::new(&process, Stacks::new(code), list.rate);
    Ok(list.write(writer))
}

/// Finds out at leisure whether [`heap_profile`] will be able to read a program; with the version of Go that built it.
pub fn preflight(pid: u32) -> Result<String, GoError> {
    let process = Process::open(pid)?;
    let (code, variables) = look(&process)?;
    let list = List::find(&process, &variables, &code.descriptions.version, Moment::Published)?;
    Ok(list.version)
}

/// Finds what the profile is made of.
fn look(process: &Process) -> Result<(Code<'_>, Variables), GoError> {
    let version = Version::read(&process.exe, &process.elf);
    let version = version.unwrap_or_else(|| Err(GoError::NotGo { path: process.path.clone() }))?;
    let functions = Functions::find(&process.exe, &process.elf, version.magic)?;
    let module = Module::find(process, &functions, &version)?;
    let variables = Variables::find(process, &functions, module.text)?;
    let data = process.elf.offset(module.data.wrapping_sub(process.base));
    let descriptions = Descriptions::new(functions, version, data);
    Ok((Code { descriptions, text: module.text }, variables))
}

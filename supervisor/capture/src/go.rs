//! The memory profile of a Go program, read out of its memory: it need not run, answer, or know of it.
//!
//! The runtime of Go samples allocations, one every 512 KiB by default, and counts them by stack in a list of buckets.
//! A program shows them itself, by `/debug/pprof/heap` or `pprof.WriteHeapProfile`; here they are read through
//! `/proc/PID/mem`, without stopping it, and so also from a program that is frozen, throttled, stuck or serves no HTTP.
//! Names and lines come from the tables in its executable that its own stack traces need, and which are there in a
//! stripped one too. It takes the right to trace the process: the same user, or `CAP_SYS_PTRACE`.

mod buckets;
mod bytes;
mod code;
mod elf;
mod error;
mod frames;
mod function;
mod functions;
mod module;
mod moment;
mod process;
mod scale;
mod search;
mod stacks;
mod strings;
mod variables;
mod version;
mod write;

use buckets::Buckets;
use frames::Code;
use function::Descriptions;
use functions::Functions;
use module::Module;
use moment::Counts;
use process::Process;
use stacks::Stacks;
use variables::Variables;
use version::Version;
use write::{Objects, Writer};

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
    let version = Version::read(&process.exe, &process.elf);
    let version = version.unwrap_or_else(|| Err(GoError::NotGo { path: process.path.clone() }))?;
    let functions = Functions::find(&process.exe, &process.elf, version.magic)?;
    let module = Module::find(&process, &functions, &version)?;
    let variables = Variables::find(&process, &functions, module.text)?;
    let list = List::find(&process, &variables, version.cycle_words, moment)?;
    let data = process.elf.offset(module.data.wrapping_sub(process.base));
    let text = version.text.clone();
    let code = Code { descriptions: Descriptions { functions, version, data }, text: module.text };
    let writer = Writer::new(&process, Stacks::new(code), list.rate);
    Ok(list.write(writer, text))
}

/// The buckets of a process, and how to read them.
struct List<'a> {
    process: &'a Process,
    first: u64,
    words: usize,
    rate: u64,
    counts: Counts,
}

impl<'a> List<'a> {
    fn find(process: &'a Process, variables: &Variables, words: usize, moment: Moment) -> Result<Self, GoError> {
        let [first, rate] = [process.word(variables.buckets)?, process.word(variables.rate)?];
        let counts = moment.counts(process.word(variables.cycle)? as u32);
        if rate == 0 && first == 0 {
            return Err(GoError::NotSampled);
        }
        let mut list = Self { process, first, words, rate, counts };
        let has_any = list.buckets().any(|bucket| !list.counts.of(&bucket).is_zero());
        list.counts = if has_any { list.counts } else { Counts::ALL };
        Ok(list)
    }

    fn buckets(&self) -> Buckets<'a> {
        Buckets::new(&self.process.memory, self.first, self.words)
    }

    fn write(&self, mut writer: Writer, version: String) -> HeapProfile {
        let mut buckets = self.buckets();
        let (mut read, mut samples, mut in_use) = (0, 0, [0_u64; 2]);
        while !writer.is_full()
            && let Some(bucket) = buckets.next()
        {
            read += 1;
            let count = self.counts.of(&bucket);
            if count.is_zero() {
                continue;
            }
            let (allocated, still) = (count.allocated, count.in_use());
            let objects = Objects { size: bucket.size, stack: &bucket.stack, allocated, in_use: still };
            let values = writer.sample(&objects);
            samples += 1;
            in_use = [0, 1].map(|i| in_use[i].saturating_add(values[i].unsigned_abs()));
        }
        let (is_whole, [objects, bytes_in_use]) = (buckets.is_whole(), in_use);
        let pprof = writer.finish();
        HeapProfile { bytes_in_use, objects, samples, buckets: read, is_whole, version, pprof }
    }
}

//! Where the runtime's variables of the memory profile are.

use super::buckets::Bucket;
use super::code;
use super::error::GoError;
use super::functions::{Function, Functions};
use super::process::Process;
use super::search;

/// Addresses in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variables {
    /// `runtime.mbuckets`: where the first bucket is.
    pub(super) buckets: u64,
    /// `runtime.MemProfileRate`: bytes allocated between two samples.
    pub(super) rate: u64,
    /// `runtime.mProfCycle`: the number of the collection, twice, with a flag in the lowest bit.
    pub(super) cycle: u64,
}

/// A function longer than this is not one of those that are searched.
const LONGEST_CODE: u64 = 4096;

impl Variables {
    /// By the symbols or, where those were stripped, by the code that uses them.
    pub(super) fn find(process: &Process, functions: &Functions, text: u64) -> Result<Self, GoError> {
        let found = Self::by_symbols(process).or_else(|| Self::by_code(process, functions, text));
        found.ok_or(GoError::missing(
            "runtime.mbuckets, by its symbols or, in a stripped program, by the code that uses it",
        ))
    }

    pub(super) fn by_symbols(process: &Process) -> Option<Self> {
        let names = ["runtime.mbuckets", "runtime.MemProfileRate", "runtime.mProfCycle"];
        let [buckets, rate, cycle] = search::symbols(&process.exe, &process.elf, names).ok()?;
        let moved = |address: Option<u64>| Some(address?.wrapping_add(process.base));
        Some(Self { buckets: moved(buckets)?, rate: moved(rate)?, cycle: moved(cycle)? })
    }

    /// By what the runtime's functions refer to. Flushing a cycle goes through the buckets and uses no other variable
    /// that could be taken for them; it begins with the cycle; and all that the two places which choose the next
    /// sample have in common is the rate.
    pub(super) fn by_code(process: &Process, functions: &Functions, text: u64) -> Option<Self> {
        const NAMES: [&str; 4] =
            ["runtime.mProf_FlushLocked", "runtime.mProf_Flush", "runtime.profilealloc", "runtime.allocmcache"];
        let [all, flush, sampled, cache] = functions.named(NAMES).ok()?.map(|function| {
            let function = function?;
            Some(references(process, function, text))
        });
        let (sampled, cache) = (sampled?, cache?);
        let buckets = list(process, &all?)?;
        let rate = sampled.into_iter().find(|address| cache.contains(address))?;
        Some(Self { buckets, rate, cycle: flush?.into_iter().next()? })
    }
}

/// The variables that a function refers to, in the order of its code.
fn references(process: &Process, function: Function, text: u64) -> Vec<u64> {
    let length = u64::from(function.end - function.entry).min(LONGEST_CODE);
    let address = text.wrapping_add(u64::from(function.entry)).wrapping_sub(process.base);
    let mut code = vec![0; length as usize];
    let read = process.elf.offset(address).map(|offset| process.exe.read(offset, &mut code));
    if !matches!(read, Some(Ok(()))) {
        return Vec::new();
    }
    let all = code::references(process.elf.machine, &code, address);
    let variables = all.into_iter().filter(|&address| process.elf.is_variable(address));
    variables.map(|address| address.wrapping_add(process.base)).collect()
}

/// Which of some variables is the start of a list of buckets: one that leads to a bucket or, as long as there is none,
/// the first that leads nowhere.
fn list(process: &Process, variables: &[u64]) -> Option<u64> {
    let start = |address: &u64| process.memory.u64(*address).ok();
    let leads_to_bucket =
        |address: &u64| start(address).is_some_and(|first| Bucket::read(&process.memory, first, 0).is_some());
    let full = variables.iter().copied().find(leads_to_bucket);
    full.or_else(|| variables.iter().copied().find(|address| start(address) == Some(0)))
}

//! `runtime.firstmoduledata`: where the runtime itself has its tables and its code.

use super::bytes::u64_in;
use super::error::GoError;
use super::functions::Functions;
use super::process::Process;
use super::search;
use super::version::Version;

/// Where in it the start of the code of Go is.
const TEXT: u64 = 176;

/// Addresses in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Module {
    /// Where the code of Go begins. In a program with C that is not where its code begins.
    pub(super) text: u64,
    /// Where the data of functions begins.
    pub(super) data: u64,
}

impl Module {
    /// Finds it by what it begins with: no other variable points to all these tables.
    pub(super) fn find(process: &Process, functions: &Functions, version: &Version) -> Result<Self, GoError> {
        let landmarks = functions.landmarks().map(|(at, address)| (at, address.wrapping_add(process.base)));
        let mut places = process.elf.initialised();
        let at =
            places.find_map(|(address, size)| search(process, process.base.wrapping_add(address), size, landmarks));
        let read = |at: u64| process.memory.u64(at).ok();
        let module = at.and_then(|at| Some(Self { text: read(at + TEXT)?, data: read(at + version.functions_data)? }));
        module.ok_or(GoError::missing("runtime.firstmoduledata in its memory"))
    }
}

fn search(process: &Process, start: u64, size: u64, landmarks: [(usize, u64); 3]) -> Option<u64> {
    const LONGEST: usize = 40;
    let mut found = None;
    let range = start..start.checked_add(size)?;
    // What cannot be read does not hold it.
    let _ = search::pieces(&process.memory, range, LONGEST, 8, |at, piece| {
        let mut places = (0..piece.len().saturating_sub(LONGEST)).step_by(8);
        let is_there = |place: &usize| landmarks.iter().all(|&(at, address)| u64_in(piece, place + at) == address);
        found = found.or_else(|| places.find(is_there).map(|place| start + at + place as u64));
    });
    found
}

//! Profiles of one service over time, each kept as what changed from the one before.
//!
//! A directory holds a file for each profile: `00000012.whole`, or `00000013.delta`, which needs the one before. Every so
//! often one is whole, so that a file that breaks takes no more than [`WHOLE_EVERY`] profiles with it, and reading any one
//! takes no more than that many steps.

mod delta;
mod directory;
mod entry;
mod error;
mod form;
mod normal;
mod restore;
mod schema;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::read::Problem;
use entry::Stored;
pub use error::SeriesError;

/// At the latest, every so many profiles one is kept whole.
pub const WHOLE_EVERY: usize = 16;

/// A profile has so many bytes at most, unpacked: a series is for small ones, taken often.
pub const LARGEST: usize = 32 << 20;

/// A directory of profiles.
#[derive(Debug)]
pub struct Series {
    directory: PathBuf,
    entries: Vec<Entry>,
}

/// A profile of a series, as it lies on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in time, counted from the first profile there ever was.
    pub number: u64,
    /// Milliseconds since 1970, as given.
    pub unix_ms: u64,
    /// Bytes of its file.
    pub stored: u64,
    /// Whether it can be read without the one before.
    pub whole: bool,
}

impl Series {
    /// Opens a series; an empty one, with its directory, where there is none. What was being written as the power failed is
    /// removed.
    pub fn open(directory: &Path) -> Result<Self, SeriesError> {
        let entries = directory::open(directory)?;
        Ok(Self { directory: directory.to_owned(), entries })
    }

    /// What there is, the oldest first. An index is a position in here.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Appends a profile. When it returns, the profile has outlived a loss of power.
    ///
    /// Gzip around it is taken off: [`Self::read`] gives the message that was in it.
    pub fn append(&mut self, profile: &[u8], unix_ms: u64) -> Result<Entry, SeriesError> {
        let number = self.entries.last().map_or(0, |last| last.number + 1);
        let too_large = |problem| SeriesError::Profile(self.path(number, true), problem);
        let profile = plain(profile, LARGEST).map_err(too_large)?;
        let before = self.base_of_next();
        let stored = Stored::pack(&profile, before.as_deref(), unix_ms);
        let entry = Entry { number, unix_ms, stored: stored.bytes.len() as u64, whole: stored.whole };
        directory::write(&self.directory, &self.path(number, stored.whole), &stored.bytes)?;
        self.entries.push(entry);
        Ok(entry)
    }

    /// The profile at an index, byte for byte as it went in, but for the gzip.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, SeriesError> {
        let first = self.whole_before(index)?;
        let mut profile = Vec::new();
        for entry in &self.entries[first..=index] {
            profile = self.unpack(entry, &profile)?;
        }
        Ok(profile)
    }

    /// Forgets the oldest until no more than so many are left.
    pub fn prune(&mut self, most: usize) -> Result<(), SeriesError> {
        let surplus = self.entries.len().saturating_sub(most);
        if surplus > 0 && surplus < self.entries.len() {
            self.make_whole(surplus)?;
        }
        for entry in self.entries.drain(..surplus) {
            directory::remove(&self.directory.join(entry.file_name()))?;
        }
        Ok(())
    }

    /// The last profile, unless the next is to be whole. One that cannot be read is no base either.
    fn base_of_next(&self) -> Option<Vec<u8>> {
        let last = self.entries.len().checked_sub(1)?;
        let steps = last - self.whole_before(last).ok()?;
        if steps + 1 >= WHOLE_EVERY { None } else { self.read(last).ok() }
    }

    /// The index of the whole profile that this one is built upon, with none missing on the way.
    fn whole_before(&self, index: usize) -> Result<usize, SeriesError> {
        let mut first = index;
        loop {
            let entry = self.entries.get(first).ok_or(SeriesError::NoSuchProfile(index))?;
            if entry.whole {
                return Ok(first);
            }
            let before = first.checked_sub(1).filter(|before| self.entries[*before].number + 1 == entry.number);
            first = before.ok_or_else(|| SeriesError::Missing(self.path(entry.number - 1, false)))?;
        }
    }

    /// Has an entry stand without those before it. One that cannot be read any more stays as it is.
    fn make_whole(&mut self, index: usize) -> Result<(), SeriesError> {
        let entry = self.entries[index];
        let Some(profile) = (!entry.whole).then(|| self.read(index).ok()).flatten() else {
            return Ok(());
        };
        let stored = Stored::pack(&profile, None, entry.unix_ms);
        directory::write(&self.directory, &self.path(entry.number, true), &stored.bytes)?;
        directory::remove(&self.path(entry.number, false))?;
        self.entries[index] = Entry { stored: stored.bytes.len() as u64, whole: true, ..entry };
        Ok(())
    }

    fn unpack(&self, entry: &Entry, before: &[u8]) -> Result<Vec<u8>, SeriesError> {
        let path = self.directory.join(entry.file_name());
        let bytes = read_file(&path).map_err(|error| SeriesError::Io(path.clone(), error))?;
        entry::unpack(entry.whole, &bytes, before).map_err(|problem| SeriesError::Profile(path, problem))
    }

    fn path(&self, number: u64, whole: bool) -> PathBuf {
        self.directory.join(entry::file_name(number, whole))
    }
}

impl Entry {
    fn file_name(&self) -> String {
        entry::file_name(self.number, self.whole)
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(2 * LARGEST as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Without gzip around it, so many bytes at most.
fn plain(profile: &[u8], most: usize) -> Result<Vec<u8>, Problem> {
    let limit = most as u64;
    let mut plain = Vec::new();
    if profile.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(profile).take(limit + 1).read_to_end(&mut plain)?;
    } else {
        profile.take(limit + 1).read_to_end(&mut plain)?;
    }
    if plain.len() > most { Err(Problem::TooLarge { limit }) } else { Ok(plain) }
}

#[cfg(test)]
mod tests;

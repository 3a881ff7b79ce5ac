//! Reading a profile of whatever format.

mod error;
mod sniff;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::format::Format;
use crate::profile::Profile;
use crate::{heapsnapshot, jvm, native, node_report, pprof, tracemalloc};

pub use error::{Problem, ReadError};

/// A profile that must be in memory as a whole to be read may have this many bytes once it is unpacked.
pub(crate) const MOST_BYTES: u64 = 512 << 20;

/// Of any other, so many are read: a bomb ends here.
const MOST_STREAMED: u64 = 16 << 30;

/// The format shows within this many bytes.
const HEAD: u64 = 4096;

/// Reads a profile. What it is shows in its content; gzip around it is taken off.
pub fn read(path: &Path) -> Result<Profile, ReadError> {
    open(path).and_then(read_from).map_err(|problem| ReadError { path: path.to_owned(), problem })
}

/// The same from anything that can be read.
pub fn read_from(reader: impl Read) -> Result<Profile, Problem> {
    let mut packed = BufReader::with_capacity(1 << 16, reader);
    if packed.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        read_plain(MultiGzDecoder::new(packed))
    } else {
        read_plain(packed)
    }
}

/// Only a regular file: a FIFO would make us wait for ever.
fn open(path: &Path) -> Result<File, Problem> {
    if !path.metadata()?.is_file() {
        return Err(Problem::NotAFile);
    }
    Ok(File::open(path)?)
}

fn read_plain(mut plain: impl Read) -> Result<Profile, Problem> {
    let mut head = Vec::new();
    plain.by_ref().take(HEAD).read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(Problem::Empty);
    }
    let format = sniff::format(&head).ok_or(Problem::Unknown)?;
    let mut whole = BufReader::with_capacity(1 << 16, Cursor::new(head).chain(plain).take(MOST_STREAMED));
    let profile = read_as(format, &mut whole)?;
    // The checksum of gzip is behind the end of what is in it.
    io::copy(&mut whole, &mut io::sink())?;
    Ok(profile.finished())
}

fn read_as(format: Format, reader: impl BufRead) -> Result<Profile, Problem> {
    match format {
        Format::Pprof => pprof::read(&all(reader)?),
        Format::JvmHistogram => jvm::read(reader),
        Format::Tracemalloc => tracemalloc::read(reader),
        Format::Jemalloc => native::read_jemalloc(reader),
        Format::Gperftools => native::read_gperftools(reader),
        Format::HeapSnapshot => {
            let found = heapsnapshot::read(reader)?;
            Ok(Profile::of_types(format, found.totals()))
        }
        Format::NodeReport => {
            let report = node_report::read(reader)?;
            Ok(Profile::of_types(format, report.totals()))
        }
    }
}

/// All there is, within bounds.
fn all(reader: impl Read) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    reader.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Problem::TooLarge { limit: MOST_BYTES });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_profile_is_refused_with_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("heap.pb.gz");
        std::fs::write(&empty, "").unwrap();
        let error = read(&empty).unwrap_err();
        assert!(matches!(error.problem, Problem::Empty), "{error}");
        assert!(error.to_string().contains("heap.pb.gz"), "{error}");

        assert!(matches!(read(directory.path()).unwrap_err().problem, Problem::NotAFile));
        assert!(matches!(read(&directory.path().join("none")).unwrap_err().problem, Problem::Io(_)));
        assert!(matches!(read_from(&b"once upon a time"[..]).unwrap_err(), Problem::Unknown));
        assert!(matches!(read_from(&b"\x1f\x8b\x08\0\0"[..]).unwrap_err(), Problem::Truncated));
    }
}

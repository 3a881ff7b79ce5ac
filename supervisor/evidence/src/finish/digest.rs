//! The digest of a file.

use std::fmt::Write;
use std::io::Read;

use sha2::{Digest, Sha256};

use crate::Result;
use crate::cache::{STRETCH, forget};
use crate::error::io_error;
use crate::store::Incident;

/// SHA-256 of a file in lower-case hexadecimal. Its pages are given back as it is read.
pub fn digest(incident: &Incident, name: &str) -> Result<String> {
    let mut file = incident.directory().read(name)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let (mut done, mut forgotten) = (0, 0);
    loop {
        let read = file.read(&mut buffer).map_err(io_error("read", incident.path(name)))?;
        done += read as u64;
        if read == 0 || done - forgotten >= STRETCH {
            forget(&file, forgotten, 0);
            forgotten = done;
        }
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

//! A policy from a file: whatever can be wrong with a file is a report too.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::notes::Notes;
use crate::{Checked, Report, Source, parse};

/// A policy may be so large: 1 MiB. The longest sensible one is a few kilobytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// Reads and checks the policy in the file at `path`.
pub fn load(path: &Path) -> Result<Checked, Report> {
    let name = path.display().to_string();
    let bytes = read(path).map_err(|error| unreadable(&name, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = "the file is larger than 1 MiB".to_owned();
        return Err(Report::of_file(name, message, Some("a policy is at most 1 MiB of TOML text".to_owned())));
    }
    match String::from_utf8(bytes) {
        Ok(text) => parse(&Source { name, text }),
        Err(error) => Err(not_text(name, error.as_bytes(), error.utf8_error().valid_up_to())),
    }
}

/// The bytes of the file, one more than allowed at most: a device has no end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The report for a file that cannot be read.
fn unreadable(name: &str, error: &io::Error) -> Report {
    let help = match error.kind() {
        io::ErrorKind::NotFound => Some("`highwater check --default` prints a policy to start from"),
        io::ErrorKind::IsADirectory => Some("name a policy file, for example one in this directory"),
        io::ErrorKind::PermissionDenied => Some("it must be readable for the user highwater runs as"),
        _ => None,
    };
    Report::of_file(name.to_owned(), format!("cannot read the policy: {error}"), help.map(str::to_owned))
}

/// The report for bytes that are not UTF-8 after the first `valid`.
fn not_text(name: String, bytes: &[u8], valid: usize) -> Report {
    // What is before the bad byte keeps its offsets; the byte itself becomes a mark.
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut notes = Notes::default();
    let mark = valid..valid + char::REPLACEMENT_CHARACTER.len_utf8();
    let message = format!("not UTF-8 text: byte 0x{:02x} at offset {valid}", bytes[valid]);
    notes.error(&mark, message, "TOML is UTF-8").help("save the file in that encoding");
    Report::new(&Source { name, text }, notes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn message(path: &Path) -> String {
        load(path).expect_err("it must not load").diagnostics()[0].to_string()
    }

    #[test]
    fn files_that_cannot_be_read_say_why() {
        let directory = tempfile::tempdir().unwrap();
        assert!(message(directory.path()).contains("Is a directory"));
        assert!(
            message(&directory.path().join("none.toml")).contains("none.toml: error: cannot read the policy: No such")
        );
    }

    #[test]
    fn invalid_utf8_has_a_position() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"[service]\n# \xff").unwrap();
        assert!(message(file.path()).ends_with(":2:3: error: not UTF-8 text: byte 0xff at offset 12 (TOML is UTF-8)"));
    }

    #[test]
    fn a_large_file_is_refused_before_it_is_parsed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_BYTES + 1).unwrap();
        assert!(message(file.path()).contains("larger than 1 MiB"));
        assert!(message(Path::new("/dev/zero")).contains("larger than 1 MiB"));
    }
}

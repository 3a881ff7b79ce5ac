//! The file of one profile: a header of fixed size, and what is deflated behind it.

use std::io::{Read, Write};

use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use crate::read::Problem;
use crate::series::form::Form;
use crate::series::{LARGEST, delta};

/// What a file begins with. The last byte is the version, which also stands for how the normal form is made.
const MAGIC: [u8; 5] = *b"hwps\x01";

/// Bytes of the header: magic, form, time in milliseconds since 1970, checksum of the profile.
pub(super) const HEADER: usize = MAGIC.len() + 1 + 8 + 4;

/// A profile as it is written.
pub(super) struct Stored {
    pub bytes: Vec<u8>,
    pub whole: bool,
}

impl Stored {
    /// Packs a profile, as what changed from the one before where that is smaller.
    pub(super) fn pack(profile: &[u8], before: Option<&[u8]>, unix_ms: u64) -> Self {
        let bytes = file(Form::Plain, unix_ms, profile, profile);
        let whole = Self { bytes, whole: true };
        match before.and_then(|before| changes(profile, before)) {
            Some((form, changes)) => {
                let delta = Self { bytes: file(form, unix_ms, profile, &changes), whole: false };
                if delta.bytes.len() < whole.bytes.len() { delta } else { whole }
            }
            None => whole,
        }
    }
}

fn changes(profile: &[u8], before: &[u8]) -> Option<(Form, Vec<u8>)> {
    let (form, target) = Form::best(profile);
    Some((form, delta::encode(&form.of(before)?, &target)))
}

fn file(form: Form, unix_ms: u64, profile: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(form as u8);
    bytes.extend(unix_ms.to_le_bytes());
    bytes.extend(checksum(profile).to_le_bytes());
    let mut encoder = DeflateEncoder::new(bytes, Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

/// The profile in a file, given the one before. `before` is not looked at where the file is whole.
pub(super) fn unpack(whole: bool, bytes: &[u8], before: &[u8]) -> Result<Vec<u8>, Problem> {
    let (header, content) = bytes.split_at_checked(HEADER).ok_or(Problem::Truncated)?;
    let form = form(header).ok_or_else(|| Problem::malformed("it is of another version, or no profile of a series"))?;
    // In the normal form a number of one byte may have four.
    let most = LARGEST * 5;
    let mut unpacked = Vec::new();
    DeflateDecoder::new(content).take(most as u64).read_to_end(&mut unpacked)?;
    let profile = if whole { Some(unpacked) } else { changed(form, &unpacked, before, most)? };
    let profile = profile.filter(|profile| header.ends_with(&checksum(profile).to_le_bytes()));
    profile.ok_or_else(|| Problem::malformed("it is not what was written, or the one before is not"))
}

fn changed(form: Form, changes: &[u8], before: &[u8], most: usize) -> Result<Option<Vec<u8>>, Problem> {
    let Some(before) = form.of(before) else { return Ok(None) };
    Ok(form.back(delta::apply(&before, changes, most)?))
}

fn form(header: &[u8]) -> Option<Form> {
    match header.strip_prefix(&MAGIC)?.first()? {
        0 => Some(Form::Plain),
        1 => Some(Form::Normal),
        _ => None,
    }
}

/// The time in a header; none where it is no header.
pub(super) fn unix_ms(header: &[u8]) -> Option<u64> {
    form(header)?;
    Some(u64::from_le_bytes(header.get(MAGIC.len() + 1..)?.get(..8)?.try_into().ok()?))
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut checksum = Crc::new();
    checksum.update(bytes);
    checksum.sum()
}

/// `00000012.whole`, `00000013.delta`
pub(super) fn file_name(number: u64, whole: bool) -> String {
    format!("{number:08}.{}", if whole { "whole" } else { "delta" })
}

/// Number and whether it is whole, from a name.
pub(super) fn parse_name(name: &str) -> Option<(u64, bool)> {
    let (number, form) = name.split_once('.')?;
    let number = number.bytes().all(|digit| digit.is_ascii_digit()).then(|| number.parse().ok())??;
    match form {
        "whole" => Some((number, true)),
        "delta" => Some((number, false)),
        _ => None,
    }
}

//! Random reads of few bytes each, from a file or from the memory of a process, with few system calls.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A page: within one, the memory of a process can be read either wholly or not at all.
const BLOCK: usize = 4096;

/// So many blocks are remembered: 256 KiB.
const SLOTS: usize = 64;

/// A file read through a few remembered blocks.
pub(super) struct Blocks {
    file: File,
    slots: RefCell<Vec<Block>>,
}

struct Block {
    number: u64,
    bytes: Vec<u8>,
}

/// No offset of a file has this block.
const NONE: u64 = u64::MAX;

impl Blocks {
    pub(super) fn new(file: File) -> Self {
        let slots = (0..SLOTS).map(|_| Block { number: NONE, bytes: Vec::new() }).collect();
        Self { file, slots: RefCell::new(slots) }
    }

    /// Fills `into`, or says why there are not as many bytes.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < into.len() {
            let at = at.checked_add(done as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
            let read = self.read_in_block(at, &mut into[done..])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            done += read;
        }
        Ok(())
    }

    fn read_in_block(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let number = at / BLOCK as u64;
        let mut slots = self.slots.borrow_mut();
        let block = &mut slots[number as usize % SLOTS];
        if block.number != number {
            block.load(&self.file, number)?;
        }
        let rest = block.bytes.get(at as usize % BLOCK..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    /// Fills `into` from the file itself and remembers nothing: for what is read once and in order.
    pub(super) fn read_past(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(into, at)
    }

    pub(super) fn u32(&self, at: u64) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.read(at, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn u64(&self, at: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.read(at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Bytes up to a zero, `most` of them at most; longer ones are cut.
    pub(super) fn text(&self, at: u64, most: usize) -> io::Result<String> {
        let mut text = Vec::new();
        let mut piece = [0; 64];
        while text.len() < most {
            let length = self.read_in_block(at + text.len() as u64, &mut piece)?;
            let end = piece[..length].iter().position(|&byte| byte == 0);
            text.extend_from_slice(&piece[..end.unwrap_or(length)]);
            if end.is_some() || length == 0 {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Block {
    fn load(&mut self, file: &File, number: u64) -> io::Result<()> {
        self.number = NONE;
        self.bytes.resize(BLOCK, 0);
        let read = file.read_at(&mut self.bytes, number * BLOCK as u64)?;
        self.bytes.truncate(read);
        self.number = number;
        Ok(())
    }
}

pub(super) fn u16_in(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_in(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(super) fn u64_in(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_in(bytes, at)) | u64::from(u32_in(bytes, at + 4)) << 32
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    pub(in crate::go) fn blocks(bytes: &[u8]) -> Blocks {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Blocks::new(file)
    }

    #[test]
    fn reads_cross_blocks_and_end_with_the_file() {
        let bytes: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        let blocks = blocks(&bytes);
        assert_eq!(blocks.u32(4 * 1000).unwrap(), 1000);
        assert_eq!(blocks.u64(4094).unwrap(), u64_in(&bytes, 4094));
        let mut all = vec![0; bytes.len()];
        blocks.read(0, &mut all).unwrap();
        assert_eq!(all, bytes);
        assert_eq!(blocks.u32(39_997).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(blocks.u64(u64::MAX - 3).is_err());
    }

    #[test]
    fn a_text_ends_with_a_zero_with_the_file_or_when_it_gets_long() {
        let blocks = blocks(&[&[b'a'; 5000], &b"\0bc"[..]].concat());
        assert_eq!(blocks.text(0, 1 << 16).unwrap().len(), 5000);
        assert_eq!(blocks.text(5001, 100).unwrap(), "bc");
        assert!(blocks.text(0, 100).unwrap().len() < 200);
    }
}

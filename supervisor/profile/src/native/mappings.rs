//! The files that were mapped, in the form of `/proc/PID/maps`.

use std::io::BufRead;

use crate::lines::Lines;
use crate::read::Problem;

/// The kernel allows 65530 mappings to a process unless told otherwise.
const MOST_MAPPINGS: usize = 1 << 20;

/// Files by address.
#[derive(Default)]
pub(super) struct Mappings(Vec<Mapping>);

/// A stretch of memory that shows part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub begin: u64,
    pub end: u64,
    /// Where in the file it begins.
    pub offset: u64,
    pub path: String,
}

impl Mappings {
    /// The line above them.
    pub(super) const BEGIN: &str = "MAPPED_LIBRARIES:";

    /// Reads the rest of the lines. One that is cut off or names no file is left out.
    pub(super) fn read<R: BufRead>(lines: &mut Lines<R>) -> Result<Self, Problem> {
        let mut mappings = Vec::new();
        while let Some(line) = lines.next()? {
            mappings.extend(parse(line));
            if mappings.len() > MOST_MAPPINGS {
                return Err(Problem::malformed("it has more than a million mappings"));
            }
        }
        mappings.sort_by_key(|mapping: &Mapping| mapping.begin);
        Ok(Self(mappings))
    }

    /// The mapping an address lies in.
    pub(super) fn of(&self, address: u64) -> Option<&Mapping> {
        let after = self.0.partition_point(|mapping| mapping.begin <= address);
        self.0.get(after.checked_sub(1)?).filter(|mapping| address < mapping.end)
    }
}

impl Mapping {
    /// Where in the file an address is.
    pub(super) fn offset_of(&self, address: u64) -> u64 {
        (address - self.begin).wrapping_add(self.offset)
    }

    /// Its place for people: file and offset.
    pub(super) fn place_of(&self, address: u64) -> String {
        let file = self.path.rsplit('/').next().unwrap_or(&self.path);
        format!("{file}+{:#x}", self.offset_of(address))
    }
}

/// `55fbc4105000-55fbc4144000 r-xp 00012000 fe:00 10758452    /opt/app/service`
fn parse(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (begin, end) = words.next()?.split_once('-')?;
    let hexadecimal = |word| u64::from_str_radix(word, 16).ok();
    let offset = hexadecimal(words.nth(1)?)?;
    // Paths may hold spaces, and may begin anywhere after the inode.
    let inode = words.nth(1)?;
    let path = &line[inode.as_ptr() as usize - line.as_ptr() as usize + inode.len()..];
    let path = path.trim_start().trim_end_matches(" (deleted)");
    (!path.is_empty()).then_some(Mapping {
        begin: hexadecimal(begin)?,
        end: hexadecimal(end)?,
        offset,
        path: path.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_its_file() {
        let text = "2000-3000 r-xp 00001000 fe:00 17   /opt/my app/service (deleted)\n\
            1000-2000 r--p 00000000 fe:00 17 /opt/my app/service\n\
            5000-6000 rw-p 00000000 00:00 0 \n7000-8";
        let mappings = Mappings::read(&mut Lines::new(text.as_bytes())).unwrap();
        assert_eq!(mappings.of(0x2010).unwrap().place_of(0x2010), "service+0x1010");
        assert_eq!(mappings.of(0x1fff).unwrap().path, "/opt/my app/service");
        for outside in [0xfff, 0x3000, 0x5000, 0x7000] {
            assert_eq!(mappings.of(outside), None, "{outside:#x}");
        }
    }
}

//! What a process has mapped, from one pass over `/proc/PID/smaps`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;

use super::{entry, usage};
use crate::{Error, Pid, Result, file};

/// A process with more resident than this is not walked. The walk holds the lock of its mappings, and takes 15 ms for
/// each GiB of 4 KiB pages: measured natively, on Linux 6.18, 30 ms for 2 GiB.
pub const MOST_RESIDENT: u64 = 4 << 30;
/// Of more mappings than this the rest is not looked at. Each costs 4 us: measured, 86 ms for 20000.
pub const MOST_MAPPINGS: usize = 8192;

/// Figures that are no part of what is resident.
const NOT_SUMMED: [&str; 4] = ["Size", "KernelPageSize", "MMUPageSize", "THPeligible"];

/// What a process has mapped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mappings {
    /// Bytes over all mappings, by the keys of `smaps_rollup`. Of a process that is too large to walk only `Rss`,
    /// `Anonymous` and `Swap`, which the kernel counts anyway.
    pub sums: BTreeMap<String, u64>,
    /// Mappings of one name together, the largest first. Empty where the process is too large to walk.
    pub by_name: Vec<Mapping>,
    /// Where huge pages of anonymous memory are.
    pub huge: Vec<Range<u64>>,
    /// Whether there were more than [`MOST_MAPPINGS`], so that all is too little.
    pub is_cut: bool,
}

/// All mappings of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// A path, `[heap]`, `[stack]` or the like; `[anon]` for those without a name.
    pub name: String,
    /// Resident bytes.
    pub rss: u64,
    /// Of these, anonymous.
    pub anonymous: u64,
}

/// Looks through the mappings of a process, which may take some ten milliseconds: not for the event loop.
pub fn mappings(pid: Pid) -> Result<Mappings> {
    if usage(pid)?.resident > MOST_RESIDENT {
        return counted(pid);
    }
    let path = entry(pid, "smaps");
    let smaps = File::open(&path).map_err(|e| Error::new("open", &path, e))?;
    let mut mappings = parse(BufReader::with_capacity(64 * 1024, smaps)).map_err(|e| Error::new("read", &path, e))?;
    if mappings.is_cut {
        // The kernel sums up all of them without writing a line for each.
        mappings.sums = parse_sums(&file::read(entry(pid, "smaps_rollup"))?);
    }
    Ok(mappings)
}

/// What the kernel counts without a walk.
fn counted(pid: Pid) -> Result<Mappings> {
    let status = parse_sums(&file::read(entry(pid, "status"))?);
    let known = [("Rss", "VmRSS"), ("Anonymous", "RssAnon"), ("Swap", "VmSwap")];
    let sums = known.into_iter().filter_map(|(name, key)| Some((name.to_owned(), *status.get(key)?)));
    Ok(Mappings { sums: sums.collect(), ..Mappings::default() })
}

fn parse(smaps: impl BufRead) -> io::Result<Mappings> {
    let mut mappings = Mappings::default();
    let mut by_name: BTreeMap<String, Mapping> = BTreeMap::new();
    let mut present: Option<(Range<u64>, &mut Mapping)> = None;
    let mut count = 0;
    for line in smaps.split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if let Some((key, bytes)) = figure(&line) {
            if let Some((range, mapping)) = &mut present {
                mapping.add(key, bytes);
                if key == "AnonHugePages" && bytes > 0 {
                    mappings.huge.push(range.clone());
                }
            }
            if !NOT_SUMMED.contains(&key) {
                *mappings.sums.entry(key.to_owned()).or_default() += bytes;
            }
        } else if let Some((range, name)) = header(&line) {
            count += 1;
            if count > MOST_MAPPINGS {
                mappings.is_cut = true;
                break;
            }
            let new = || Mapping { name: name.to_owned(), ..Mapping::default() };
            present = Some((range, by_name.entry(name.to_owned()).or_insert_with(new)));
        }
    }
    mappings.by_name = by_name.into_values().collect();
    mappings.by_name.sort_by_key(|mapping| std::cmp::Reverse(mapping.rss));
    Ok(mappings)
}

fn parse_sums(text: &str) -> BTreeMap<String, u64> {
    text.lines().filter_map(figure).map(|(key, bytes)| (key.to_owned(), bytes)).collect()
}

/// `Rss:      12 kB`.
fn figure(line: &str) -> Option<(&str, u64)> {
    let (key, rest) = line.split_once(':')?;
    let kib: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
    (!key.contains(' ')).then_some((key, kib.saturating_mul(1024)))
}

/// `7f0000000000-7f0000200000 rw-p 00000000 00:00 0    name`.
fn header(line: &str) -> Option<(Range<u64>, &str)> {
    let mut rest = line;
    for _ in 0..5 {
        let (_, after) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
        rest = after;
    }
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let name = Some(rest.trim()).filter(|name| !name.is_empty()).unwrap_or("[anon]");
    Some((number(start)?..number(end)?, name))
}

impl Mapping {
    fn add(&mut self, key: &str, bytes: u64) {
        match key {
            "Rss" => self.rss += bytes,
            "Anonymous" => self.anonymous += bytes,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
55d0-55e0 r--p 00000000 08:01 1835 /usr/bin/my program (deleted)
Size:                 64 kB
KernelPageSize:        4 kB
Rss:                  40 kB
Anonymous:             0 kB
THPeligible:           0
VmFlags: rd mr mw me
7f00-7f10 rw-p 00000000 00:00 0
Rss:                 100 kB
Anonymous:            96 kB
AnonHugePages:        64 kB
7f20-7f30 rw-p 00000000 00:00 0 
Rss:                   4 kB
Anonymous:             4 kB
7ffd-7fff rw-p 00000000 00:00 0                          [stack]
Rss:                   8 kB
Anonymous:             8 kB
";

    #[test]
    fn mappings_of_one_name_are_one() {
        let found = parse(SMAPS.as_bytes()).unwrap();
        let names: Vec<_> = found.by_name.iter().map(|m| (m.name.as_str(), m.rss / 1024, m.anonymous / 1024)).collect();
        let program = "/usr/bin/my program (deleted)";
        assert_eq!(names, [("[anon]", 104, 100), (program, 40, 0), ("[stack]", 8, 8)]);
        assert!(!found.is_cut);
        assert_eq!(found.huge, vec![0x7f00..0x7f10; 1]);
    }

    #[test]
    fn the_sums_are_those_of_the_rollup() {
        let sums = parse(SMAPS.as_bytes()).unwrap().sums;
        assert_eq!((sums["Rss"], sums["Anonymous"], sums["AnonHugePages"]), (152 * 1024, 108 * 1024, 64 * 1024));
        assert!(!sums.contains_key("Size"));
    }

    #[test]
    fn a_process_that_maps_without_end_is_cut() {
        let endless = "7f00-7f10 rw-p 00000000 00:00 0\nRss: 4 kB\n".repeat(MOST_MAPPINGS + 5);
        let found = parse(endless.as_bytes()).unwrap();
        assert!(found.is_cut);
        assert_eq!(found.by_name[0].rss, 4096 * MOST_MAPPINGS as u64);
    }

    #[test]
    fn our_own_mappings_agree_with_the_rollup() {
        let me = crate::process::own();
        let found = mappings(me).unwrap();
        let rollup = parse_sums(&file::read(entry(me, "smaps_rollup")).unwrap());
        assert!(rollup.keys().filter(|key| !key.starts_with("Pss_")).all(|key| found.sums.contains_key(key)));
        // Other tests run meanwhile.
        let (walked, summed) = (found.sums["Rss"], rollup["Rss"]);
        assert!(walked > summed / 2 && walked < summed * 2, "{walked} {summed}");
        assert!(found.by_name.iter().any(|mapping| mapping.name == "[stack]"));
    }

    #[test]
    fn what_is_counted_anyway_is_known_of_the_largest_process() {
        let sums = counted(crate::process::own()).unwrap().sums;
        assert!(sums["Rss"] > sums["Anonymous"] && sums["Anonymous"] > 0);
    }
}

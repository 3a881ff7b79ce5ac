//! What a process has open, by kind.

use std::collections::BTreeMap;

use super::entry;
use crate::{Error, Pid, Result};

/// Of more descriptors than this the rest is not looked at; each costs about 2 us.
pub const MOST_DESCRIPTORS: usize = 16_384;

/// Counts the descriptors of a process by kind: `file`, `socket`, `pipe`, `anon` (epoll, timers and the like), and
/// `other`.
pub fn descriptors_by_kind(pid: Pid) -> Result<BTreeMap<&'static str, u32>> {
    let directory = entry(pid, "fd");
    let listing = std::fs::read_dir(&directory).map_err(|e| Error::new("list", &directory, e))?;
    let mut counts = BTreeMap::new();
    for descriptor in listing.flatten().take(MOST_DESCRIPTORS) {
        // One that is closed by now is no longer open.
        if let Ok(target) = std::fs::read_link(descriptor.path()) {
            *counts.entry(kind(&target.to_string_lossy())).or_default() += 1;
        }
    }
    Ok(counts)
}

fn kind(target: &str) -> &'static str {
    let prefixes = [("/", "file"), ("socket:", "socket"), ("pipe:", "pipe"), ("anon_inode:", "anon")];
    prefixes.into_iter().find(|(prefix, _)| target.starts_with(prefix)).map_or("other", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_says_the_kind() {
        let targets = ["/var/log/x (deleted)", "socket:[12]", "pipe:[3]", "anon_inode:[eventpoll]", "mnt:[4]"];
        assert_eq!(targets.map(kind), ["file", "socket", "pipe", "anon", "other"]);
    }

    #[test]
    fn what_we_open_is_counted() {
        let count = || descriptors_by_kind(crate::process::own()).unwrap().get("socket").copied().unwrap_or(0);
        let pairs: Vec<_> = (0..64).map(|_| std::os::unix::net::UnixStream::pair().unwrap()).collect();
        assert!(count() >= 2 * pairs.len() as u32);
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        assert_eq!(descriptors_by_kind(i32::MAX).unwrap_err().kind(), crate::Kind::NotFound);
    }
}

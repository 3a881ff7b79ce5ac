//! What `/proc` tells of other processes.

mod access;
mod descriptors;
mod elf;
mod huge_pages;
mod identity;
mod mappings;
mod open_files;
mod owner;
mod root;
mod runtime;
mod signals;
mod status;
mod tree;

pub use access::Forbidden;
pub use descriptors::{MOST_DESCRIPTORS, descriptors_by_kind};
pub use huge_pages::{HugePages, huge_pages};
pub use identity::{Identity, user_within};
pub use mappings::{MOST_MAPPINGS, MOST_RESIDENT, Mapping, Mappings, mappings};
pub use open_files::is_open_for_write;
pub use owner::file_owner;
pub use root::{Directory, Room, Root, shares_files};
pub use runtime::{Runtime, runtime};
pub use signals::{SignalState, SignalUse, signal_use};
pub use status::{Status, StatusReader};
pub use tree::{TreeUsage, address_space, all, descendants, tree_usage, usage};

use std::path::PathBuf;

use crate::{Error, Pid, Result, file};

/// The number of this process.
pub fn own() -> Pid {
    std::process::id().cast_signed()
}

/// When a process was started, in clock ticks since boot: together with its number that is its identity.
pub fn start_time(pid: Pid) -> Result<u64> {
    let path = entry(pid, "stat");
    // After the name, which may contain anything, field 3 comes first; the start time is field 22.
    parse_stat(&file::read(&path)?, 22).ok_or_else(|| Error::unexpected(path, "field 22 is missing"))
}

/// How many threads a process has.
pub fn thread_count(pid: Pid) -> Result<u64> {
    let path = entry(pid, "stat");
    parse_stat(&file::read(&path)?, 20).ok_or_else(|| Error::unexpected(path, "field 20 is missing"))
}

/// What a process calls itself: the first 15 bytes of the name of its program, unless it chose another. Not its
/// arguments, which may be secret.
pub fn name(pid: Pid) -> Result<String> {
    Ok(file::read(entry(pid, "comm"))?.trim_end_matches('\n').to_owned())
}

/// Whether a process has ended or is about to: its files are closed by then, or will be without its doing.
pub fn is_ending(pid: Pid) -> bool {
    const EXITING: u64 = 0x4; // PF_EXITING, set before the files of a process are closed
    let Ok(text) = file::read(entry(pid, "stat")) else { return true };
    let is_dead = text.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']));
    is_dead || parse_stat(&text, 9).is_none_or(|flags| flags & EXITING != 0)
}

/// The parent of a process.
pub fn parent(pid: Pid) -> Result<Pid> {
    let path = entry(pid, "stat");
    let parent = parse_stat(&file::read(&path)?, 4).and_then(|parent| Pid::try_from(parent).ok());
    parent.ok_or_else(|| Error::unexpected(path, "field 4 is missing"))
}

fn parse_stat(text: &str, field: usize) -> Option<u64> {
    let (_, after_name) = text.rsplit_once(')')?;
    after_name.split_whitespace().nth(field - 3)?.parse().ok()
}

fn entry(pid: Pid, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let text = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987654 1 2 3";
        assert_eq!(parse_stat(text, 22), Some(987_654));
        assert_eq!(parse_stat(text, 20), Some(3));
        assert_eq!(parse_stat(text, 4), Some(1));
        assert_eq!(parse_stat("42 (a", 22), None);
    }

    #[test]
    fn our_own_parent_is_known() {
        let me = own();
        assert_eq!(parent(me).unwrap(), nix::unistd::getppid().as_raw());
        assert!(thread_count(me).unwrap() >= 1);
    }

    #[test]
    fn a_zombie_is_ending_and_a_sleeper_is_not() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        assert!(!is_ending(pid));
        let pidfd = crate::pidfd::Pidfd::open(pid).unwrap();
        child.kill().unwrap();
        while !pidfd.has_ended() {
            std::thread::yield_now();
        }
        assert!(is_ending(pid));
        child.wait().unwrap();
        assert!(is_ending(pid));
    }
}

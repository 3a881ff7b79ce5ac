//! Whose files a process makes.

use crate::{Error, Pid, Result, file};

/// The user a process makes files as: the last of its four user ids.
pub fn file_owner(pid: Pid) -> Result<u32> {
    let path = super::entry(pid, "status");
    parse(&file::read(&path)?).ok_or_else(|| Error::unexpected(path, "the line Uid is missing"))
}

fn parse(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_last_of_four_counts() {
        assert_eq!(parse("Name:\tx\nUid:\t0\t1\t2\t1000\nGid:\t0\t0\t0\t0\n"), Some(1000));
        assert_eq!(parse("Name:\tx\nUid:\t0\n"), None);
        let made = tempfile::tempfile().unwrap().metadata().unwrap().uid();
        assert_eq!(file_owner(crate::process::own()).unwrap(), made);
    }
}

//! A process with all below it: the memory of a service where there is no memory controller.

use std::collections::BTreeMap;

use super::{entry, parent};
use crate::{Kind, Pid, Result, file, sys};

/// What a process tree uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TreeUsage {
    /// Resident bytes; pages that processes share are counted once for each.
    pub resident: u64,
    /// Resident bytes that are neither files nor shared: what stands for anonymous memory.
    pub anon: u64,
    /// How many processes there are.
    pub processes: usize,
}

/// Adds up a process tree; [`Kind::NotFound`] or [`Kind::NoProcess`] if its root has ended.
pub fn tree_usage(root: Pid) -> Result<TreeUsage> {
    let mut sum = usage(root)?;
    for pid in descendants(root)? {
        match usage(pid) {
            Ok(more) => sum = sum.plus(more),
            Err(e) if matches!(e.kind(), Kind::NotFound | Kind::NoProcess) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(sum)
}

/// All processes below one, without itself.
pub fn descendants(root: Pid) -> Result<Vec<Pid>> {
    // Kernels without CONFIG_PROC_CHILDREN do not have this file.
    if entry(root, &format!("task/{root}/children")).exists() {
        Ok(walk(root, children_listed))
    } else {
        let children = scan()?;
        Ok(walk(root, |pid| children.get(&pid).cloned().unwrap_or_default()))
    }
}

fn walk(root: Pid, mut children: impl FnMut(Pid) -> Vec<Pid>) -> Vec<Pid> {
    let mut found: Vec<Pid> = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        for child in children(pid) {
            // While processes come and go a number may be met twice.
            if child != root && !found.contains(&child) {
                found.push(child);
                next.push(child);
            }
        }
    }
    found
}

/// Every thread has children of its own.
fn children_listed(pid: Pid) -> Vec<Pid> {
    let Ok(threads) = std::fs::read_dir(entry(pid, "task")) else {
        return Vec::new();
    };
    let lists = threads.flatten().filter_map(|thread| file::read(thread.path().join("children")).ok());
    lists.flat_map(|list| parse_numbers(&list)).collect()
}

/// Every process in sight.
pub fn all() -> Result<Vec<Pid>> {
    let listing = std::fs::read_dir("/proc").map_err(|e| crate::Error::new("list", "/proc", e))?;
    Ok(listing.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

fn scan() -> Result<BTreeMap<Pid, Vec<Pid>>> {
    let mut children: BTreeMap<Pid, Vec<Pid>> = BTreeMap::new();
    for pid in all()? {
        if let Ok(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    Ok(children)
}

/// What one process uses.
pub fn usage(pid: Pid) -> Result<TreeUsage> {
    Ok(parse_statm(&file::read(entry(pid, "statm"))?, sys::page_size()))
}

/// Bytes that one process has mapped, touched or not.
pub fn address_space(pid: Pid) -> Result<u64> {
    let pages = numbers(&file::read(entry(pid, "statm"))?);
    Ok(pages.first().copied().unwrap_or(0) * sys::page_size())
}

/// Total, resident and shared pages come first. A kernel thread or zombie has none.
fn parse_statm(text: &str, page: u64) -> TreeUsage {
    let pages = numbers(text);
    let (resident, shared) = (pages.get(1).copied().unwrap_or(0), pages.get(2).copied().unwrap_or(0));
    TreeUsage { resident: resident * page, anon: resident.saturating_sub(shared) * page, processes: 1 }
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn parse_numbers(text: &str) -> Vec<Pid> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

impl TreeUsage {
    fn plus(self, other: Self) -> Self {
        Self {
            resident: self.resident + other.resident,
            anon: self.anon + other.anon,
            processes: self.processes + other.processes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawn::tests::{sh, wait};

    #[test]
    fn statm_is_in_pages() {
        let usage = parse_statm("1000 300 100 5 0 200 0\n", 4096);
        assert_eq!(usage, TreeUsage { resident: 300 * 4096, anon: 200 * 4096, processes: 1 });
        assert_eq!(parse_statm("", 4096).resident, 0);
    }

    #[test]
    fn a_tree_is_walked_once_even_if_it_bites_its_tail() {
        let children = |pid| match pid {
            1 => vec![2, 3],
            2 => vec![4, 1],
            4 => vec![2],
            _ => vec![],
        };
        let mut found = walk(1, children);
        found.sort_unstable();
        assert_eq!(found, [2, 3, 4]);
    }

    #[test]
    fn both_ways_find_a_grandchild() {
        // The inner shell stays, as something follows its command.
        let child = sh("sh -c 'sleep 1000; :' & wait");
        let grandchildren = |pid| descendants(pid).unwrap();
        while grandchildren(child.pid()).len() < 2 {
            std::thread::yield_now();
        }
        let mut listed = grandchildren(child.pid());
        let map = scan().unwrap();
        let mut scanned = walk(child.pid(), |pid| map.get(&pid).cloned().unwrap_or_default());
        listed.sort_unstable();
        scanned.sort_unstable();
        assert_eq!(listed, scanned);
        assert_eq!(tree_usage(child.pid()).unwrap().processes, 3);
        for pid in listed {
            crate::pidfd::Pidfd::open(pid).unwrap().send_signal(libc::SIGKILL).unwrap();
        }
        wait(&child);
    }
}

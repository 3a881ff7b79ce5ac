//! Takes what can be had of a service from outside and for free, without its help.

use std::cmp::Reverse;

use highwater_kernel::cgroup::{Group, Limit};
use highwater_kernel::clock::{self, Rfc3339};
use highwater_kernel::{Pid, process};
use highwater_report::snapshot::{HugePages, Mapping, Process, Snapshot};

/// Of so many processes a snapshot looks at each: some 20 us for one.
const MOST_PROCESSES: usize = 4096;
const KEPT_PROCESSES: usize = 50;
const KEPT_MAPPINGS: usize = 10;

/// Takes a snapshot of a service by its main process and its cgroup. What cannot be read is left empty. Every read is
/// bounded, and none is of arguments, environment or content. May take some ten milliseconds, and up to 2 s while a
/// throttled thread sleeps in a page fault: not for the event loop.
pub fn take(pid: Pid, group: Option<&Group>, generation: u32) -> Snapshot {
    let mut snapshot = Snapshot { time: Rfc3339(clock::wall()).to_string(), generation, ..Snapshot::default() };
    // The cgroup first: it never blocks, whatever the process is doing.
    if let Some(group) = group {
        of_group(&mut snapshot, group);
    }
    of_processes(&mut snapshot, pids(pid, group));
    of_main(&mut snapshot, pid);
    snapshot
}

fn of_group(snapshot: &mut Snapshot, group: &Group) {
    snapshot.current = group.current().ok();
    snapshot.max = group.max().ok().and_then(Limit::bytes);
    snapshot.memory_stat = group.stat_by_key().unwrap_or_default();
    snapshot.memory_events = group.events_by_key().unwrap_or_default();
    snapshot.swap = group.swap_current().ok();
    snapshot.pressure_total_us = group.pressure().ok().and_then(|pressure| {
        let some = pressure.some?;
        Some([some.total_us, pressure.full.map_or(0, |full| full.total_us)])
    });
}

/// Processes of the cgroup; without one, the main process and all below it.
fn pids(main: Pid, group: Option<&Group>) -> Vec<Pid> {
    match group.map(Group::procs_below) {
        Some(Ok(pids)) => pids,
        _ => process::descendants(main).unwrap_or_default().into_iter().chain([main]).collect(),
    }
}

fn of_processes(snapshot: &mut Snapshot, pids: Vec<Pid>) {
    snapshot.process_count = pids.len() as u32;
    // One that has ended meanwhile is left out.
    let mut usage: Vec<_> =
        pids.into_iter().take(MOST_PROCESSES).filter_map(|pid| Some((pid, process::usage(pid).ok()?))).collect();
    usage.sort_by_key(|(pid, usage)| (Reverse(usage.resident), *pid));
    let process = |(pid, usage): (Pid, process::TreeUsage)| {
        Some(Process { pid: pid.cast_unsigned(), name: process::name(pid).ok()?, rss: usage.resident, own: usage.anon })
    };
    snapshot.processes = usage.into_iter().take(KEPT_PROCESSES).filter_map(process).collect();
}

fn of_main(snapshot: &mut Snapshot, pid: Pid) {
    snapshot.threads = process::thread_count(pid).unwrap_or_default() as u32;
    let open = process::descriptors_by_kind(pid).unwrap_or_default();
    snapshot.open_files = open.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect();
    let mappings = process::mappings(pid).unwrap_or_default();
    snapshot.rollup = mappings.sums;
    let huge = process::huge_pages(pid, &mappings.huge).ok().filter(|huge| huge.looked_at > 0);
    snapshot.huge_pages = huge.map(|huge| HugePages { looked_at: huge.looked_at, empty: huge.empty });
    let mapping = |found: process::Mapping| Mapping { name: found.name, rss: found.rss, anonymous: found.anonymous };
    snapshot.mappings = mappings.by_name.into_iter().take(KEPT_MAPPINGS).map(mapping).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_snapshot_has_what_every_process_has() {
        let snapshot = take(process::own(), None, 3);
        assert_eq!(snapshot.generation, 3);
        assert!(snapshot.threads >= 1 && snapshot.rollup["Rss"] > 0);
        assert!((1..=KEPT_MAPPINGS).contains(&snapshot.mappings.len()));
        assert!(snapshot.mappings.is_sorted_by_key(|mapping| Reverse(mapping.rss)));
        let own = process::own().cast_unsigned();
        assert!(snapshot.processes.iter().any(|process| process.pid == own && process.rss > process.own));
        assert!(snapshot.memory_stat.is_empty() && snapshot.current.is_none());
    }

    #[test]
    fn the_files_of_a_cgroup_are_taken_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            ("memory.current", "4096\n"),
            ("memory.max", "max\n"),
            ("memory.stat", "anon 1024\nnew_in_some_kernel 5\n"),
            ("memory.events", "high 2\n"),
            (
                "memory.pressure",
                "some avg10=0.00 avg60=0.00 avg300=0.00 total=17\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=4\n",
            ),
            ("cgroup.procs", "\n"),
        ];
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let snapshot = take(i32::MAX, Some(&Group::open_unchecked(dir.path()).unwrap()), 1);
        assert_eq!((snapshot.current, snapshot.max, snapshot.swap), (Some(4096), None, None));
        assert_eq!((snapshot.memory_stat["new_in_some_kernel"], snapshot.memory_events["high"]), (5, 2));
        assert_eq!(snapshot.pressure_total_us, Some([17, 4]));
        assert!(snapshot.rollup.is_empty() && snapshot.processes.is_empty() && snapshot.threads == 0);
    }
}

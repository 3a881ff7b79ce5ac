//! The service as seen from outside: healthy, at the breach, and last.

use std::collections::BTreeSet;

use super::parts::{bytes, details, known_bytes, note, section, unknown};
use super::table::{Column, Row, scrolled};
use crate::incident::Incident;
use crate::markup::Markup;
use crate::snapshot::{Process, Snapshot};
use crate::text;

/// What of `memory.stat` is in bytes and says something.
const STAT: [&str; 13] = [
    "anon",
    "anon_thp",
    "file",
    "inactive_file",
    "file_mapped",
    "file_dirty",
    "shmem",
    "kernel",
    "slab",
    "sock",
    "pagetables",
    "kernel_stack",
    "percpu",
];
const ROLLUP: [&str; 5] = ["Rss", "Pss", "Anonymous", "AnonHugePages", "Swap"];
const LOOKS: [Column; 4] =
    [Column::text("").with("name"), Column::number("Healthy"), Column::number("At the breach"), Column::number("Last")];
const PROCESSES: [Column; 4] =
    [Column::number("Pid"), Column::text("Process"), Column::number("Resident"), Column::number("Its own")];

/// The service at three moments.
struct Looks<'a>([Option<&'a Snapshot>; 3]);

/// The section with the snapshots.
pub fn snapshots(incident: &Incident) -> Markup {
    let looks = Looks([&incident.baseline, &incident.breach, &incident.last].map(Option::as_ref));
    if looks.all().next().is_none() {
        return section("outside", "Seen from outside", note("No look at the service from outside was kept."));
    }
    let parts = [
        details("Memory, threads and files", scrolled("Memory, threads and files", &LOOKS, looks.figures())),
        looks.mappings(),
        looks.processes(),
    ];
    section("outside", "Seen from outside", parts)
}

impl<'a> Looks<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Snapshot> {
        self.0.into_iter().flatten()
    }

    fn figures(&self) -> Vec<Row> {
        let mut rows = vec![self.row("memory.current", bytes, |look| look.current)];
        rows.push(self.row("memory.max", bytes, |look| look.max));
        rows.push(self.row("memory.swap.current", bytes, |look| look.swap));
        rows.extend(STAT.map(|key| self.row(key, bytes, |look| look.memory_stat.get(key).copied())));
        rows.extend(ROLLUP.map(|key| self.row(key, bytes, |look| look.rollup.get(key).copied())));
        rows.push(self.row("huge pages looked into", number, |look| Some(look.huge_pages?.looked_at.into())));
        rows.push(self.row("of these, all zero", number, |look| Some(look.huge_pages?.empty.into())));
        rows.push(self.row("processes", number, |look| Some(look.process_count.into())));
        rows.push(self.row("threads of the main process", number, |look| Some(look.threads.into())));
        let kinds: BTreeSet<&String> = self.all().flat_map(|look| look.open_files.keys()).collect();
        let open = |kind: &&String| {
            self.row(&format!("open files: {kind}"), number, |look| look.open_files.get(*kind).map(|n| u64::from(*n)))
        };
        rows.extend(kinds.iter().map(open));
        rows.into_iter().flatten().collect()
    }

    /// A row of one figure; nothing if no look has it.
    fn row(&self, name: &str, shown: fn(u64) -> Markup, of: impl Fn(&Snapshot) -> Option<u64>) -> Option<Row> {
        let known = self.0.map(|look| look.and_then(&of));
        let [healthy, breach, last] = known.map(|known| known.map_or_else(unknown, shown));
        known.iter().any(Option::is_some).then(|| Row::from([name.into(), healthy, breach, last]))
    }

    fn mappings(&self) -> Markup {
        let mut names: Vec<&str> = Vec::new();
        for mapping in self.0.into_iter().rev().flatten().flat_map(|look| &look.mappings) {
            if !names.contains(&mapping.name.as_str()) {
                names.push(&mapping.name);
            }
        }
        let rss = |look: &Snapshot, name: &str| {
            look.mappings.iter().find(|mapping| mapping.name == name).map(|mapping| mapping.rss)
        };
        let row = |name: &&str| {
            let [healthy, breach, last] = self.0.map(|look| known_bytes(look.and_then(|look| rss(look, name))));
            Row::from([(*name).into(), healthy, breach, last])
        };
        let table = scrolled("Largest mappings of the main process, resident", &LOOKS, names.iter().map(row));
        if names.is_empty() { Markup::default() } else { details("Largest mappings", table) }
    }

    fn processes(&self) -> Markup {
        let Some(last) = self.0.into_iter().rev().flatten().find(|look| !look.processes.is_empty()) else {
            return Markup::default();
        };
        let row = |one: &Process| {
            Row::from([one.pid.to_string().into(), one.name.as_str().into(), bytes(one.rss), bytes(one.own)])
        };
        let caption = format!(
            "{} of {}",
            last.processes.len(),
            text::count(last.process_count.into(), "process").replace("processs", "processes")
        );
        details("Processes", scrolled(&caption, &PROCESSES, last.processes.iter().map(row)))
    }
}

fn number(number: u64) -> Markup {
    text::grouped(number).into()
}

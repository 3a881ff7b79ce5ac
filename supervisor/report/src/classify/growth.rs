//! What grew between two looks at a service.

use super::Kind;
use super::figures::{KERNEL, stat, used};
use super::size::{Size, percent, signed};
use crate::incident::Incident;
use crate::snapshot::Snapshot;

/// Growth below this share of what is in use, or below 1 MiB, is none.
const LEAST_SHARE: i64 = 20;
/// At least so many new processes are many, and
const MANY_MORE: u32 = 8;
/// no process has more than this share of what they took.
const LARGEST_SHARE: i64 = 4;
/// Huge pages are to blame if so much of all growth is empty.
const EMPTY_SHARE: f64 = 0.5;

/// Two looks at a service, of which there may be only the later.
pub struct Growth<'a> {
    before: Option<&'a Snapshot>,
    after: &'a Snapshot,
    since: &'static str,
}

/// The smallest growth of something of that size that counts.
pub fn least(size: i64) -> i64 {
    (size / LEAST_SHARE).max(1 << 20)
}

impl<'a> Growth<'a> {
    /// The looks to compare.
    pub fn of(incident: &'a Incident) -> Option<Self> {
        // One of the next life says nothing of the one that came to its limit: on a busy machine even the look at the
        // breach may come that late.
        let looks = || incident.breach.iter().chain(&incident.last);
        let first = looks().map(|look| look.generation).min()?;
        let of_it = |look: &&Snapshot| look.generation == first;
        let (breach, last) = (incident.breach.as_ref().filter(of_it), incident.last.as_ref().filter(of_it));
        let after = [breach, last].into_iter().flatten().max_by_key(|look| used(look))?;
        if let Some(healthy) = &incident.baseline {
            return Some(Self { before: Some(healthy), after, since: "since the service was healthy" });
        }
        let opened = breach.map(|breach| Self { before: Some(breach), after, since: "since the incident opened" });
        let all = Self { before: None, after, since: "since the service began" };
        Some(opened.filter(Growth::is_significant).unwrap_or(all))
    }

    /// Bytes gained by kind, the largest first.
    pub fn by_kind(&self) -> Vec<(Kind, i64)> {
        let (shmem, file) = (self.change("shmem"), self.change("file"));
        // tmpfs is in all three.
        let file = file - shmem;
        let mapped = self.change("file_mapped").clamp(0, file.max(0));
        let empty = self.empty();
        let mut all = vec![
            (Kind::Anon, self.change("anon") - empty),
            (Kind::PageCache, file - mapped),
            (Kind::Shmem, shmem),
            (Kind::Kernel, self.kernel()),
            (Kind::HugePages, empty),
            (Kind::MappedFiles, mapped),
        ];
        all.retain(|(_, bytes)| *bytes != 0);
        all.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        all
    }

    /// Whether there is any to speak of.
    pub fn is_significant(&self) -> bool {
        self.total() >= least(used(self.after))
    }

    /// Share of all that is in use.
    pub fn share(&self) -> f64 {
        self.total() as f64 / used(self.after).max(1) as f64
    }

    /// The kind that explains most, and the figures that say so.
    pub fn explain(&self, by_kind: &[(Kind, i64)]) -> (Kind, String) {
        if let Some(because) = self.many_processes() {
            return (Kind::ManyProcesses, because);
        }
        if self.empty() as f64 >= self.total() as f64 * EMPTY_SHARE {
            return (Kind::HugePages, self.empty_huge_pages());
        }
        let (kind, bytes) = by_kind.first().copied().unwrap_or((Kind::Unknown, 0));
        (kind, self.sentence(kind, bytes))
    }

    fn sentence(&self, kind: Kind, bytes: i64) -> String {
        let (what, remark) = match kind {
            Kind::Anon | Kind::HugePages | Kind::ManyProcesses => ("anonymous memory", String::new()),
            Kind::PageCache => ("the page cache of files", ": the kernel can take it back".into()),
            Kind::Shmem => ("tmpfs and shared memory", ": without swap the kernel cannot take it back".into()),
            Kind::Kernel => ("memory of the kernel", self.kernel_part()),
            Kind::MappedFiles => ("files mapped into memory", ": the kernel can take them back".into()),
            Kind::OuterLimit | Kind::Burst | Kind::Unknown => ("what is in use", String::new()),
        };
        let total = self.total();
        format!(
            "{what} grew by {} of {} ({} %) {}{remark}",
            Size(bytes),
            Size(total),
            percent(bytes, total),
            self.since
        )
    }

    /// Why nothing can be said.
    pub fn nothing_grew(&self) -> String {
        format!("nothing grew {}: {} in use", self.since, Size(used(self.after)))
    }

    /// Why the service was killed although it did not grow.
    pub fn at_outer_limit(&self) -> String {
        let own = match self.after.max {
            Some(max) => format!("its own of {} was not reached", Size(signed(max))),
            None => "it has none of its own".into(),
        };
        let gained = if self.total() > 0 { format!("{} gained", Size(self.total())) } else { "nothing gained".into() };
        let (used, since) = (Size(used(self.after)), self.since);
        format!("the kernel killed the service at a limit further up: {own}, with {used} in use and {gained} {since}")
    }

    fn many_processes(&self) -> Option<String> {
        let before = self.before.map_or(1, |before| before.process_count);
        let new = self.after.process_count.checked_sub(before)?;
        let taken = self.change("anon") + self.kernel();
        let largest = self.after.processes.iter().map(|process| self.gained(process.pid, process.own)).max()?;
        let is_so = new >= MANY_MORE.max(before) && taken >= self.total() / 2 && largest <= taken / LARGEST_SHARE;
        is_so.then(|| {
            let (taken, total) = (Size(taken), Size(self.total()));
            format!(
                "{new} more processes took {taken} of {total} {}, the largest of them {}",
                self.since,
                Size(largest)
            )
        })
    }

    /// What one process gained. A new one may have inherited as much as the largest had before.
    fn gained(&self, pid: u32, own: u64) -> i64 {
        let earlier = self.before.map_or(&[][..], |before| &before.processes);
        let same = earlier.iter().find(|process| process.pid == pid).map(|process| process.own);
        let inherited = || earlier.iter().map(|process| process.own).max().unwrap_or(0).min(own);
        signed(own) - signed(same.unwrap_or_else(inherited))
    }

    /// Bytes of new huge pages that hold nothing, as far as a look into some of them tells.
    fn empty(&self) -> i64 {
        let huge = self.change("anon_thp").clamp(0, self.change("anon").max(0));
        let sample = self.after.huge_pages.filter(|sample| sample.looked_at > 0);
        sample.map_or(0, |sample| (huge as f64 * f64::from(sample.empty) / f64::from(sample.looked_at)) as i64)
    }

    fn empty_huge_pages(&self) -> String {
        let (anon, huge) = (self.change("anon"), self.change("anon_thp"));
        let sample = self.after.huge_pages.unwrap_or_default();
        let empty = percent(sample.empty.into(), sample.looked_at.into());
        let (anon, huge, since) = (Size(anon), Size(huge), self.since);
        format!(
            "anonymous memory grew by {anon} {since}, {huge} in huge pages, and {empty} % of what was looked at in these holds nothing"
        )
    }

    fn kernel(&self) -> i64 {
        let parts = || KERNEL.iter().filter(|(key, _)| *key != "sock").map(|(key, _)| self.change(key)).sum();
        // Before Linux 5.18 there is no sum of it. Socket buffers are not in it.
        let kernel = if self.after.memory_stat.contains_key("kernel") { self.change("kernel") } else { parts() };
        kernel + self.change("sock")
    }

    fn kernel_part(&self) -> String {
        let parts = KERNEL.iter().map(|(key, name)| (self.change(key), name));
        match parts.max_by_key(|(bytes, _)| *bytes) {
            Some((bytes, name)) if bytes * 3 >= self.kernel() => format!(": {} of it {name}", Size(bytes)),
            _ => ", none of it slab, stacks or page tables: pipes, or data of a driver".into(),
        }
    }

    /// Bytes gained over all.
    fn total(&self) -> i64 {
        used(self.after) - self.before.map_or(0, used)
    }

    fn change(&self, key: &str) -> i64 {
        stat(self.after, key) - self.before.map_or(0, |before| stat(before, key))
    }
}

//! How the incidents of this start are named: by the wall clock, but never before or like those that are there. A board
//! without a clock of its own begins in 1970 each time.

use std::path::Path;

use highwater_evidence::store::Store;
use highwater_kernel::clock::{self, Rfc3339};

/// Length of `20261122T080734Z`.
const SECOND: usize = 16;

/// What the names begin with; a number follows.
pub fn prefix(evidence: &Path) -> String {
    let newest = evidence.is_dir().then(|| Store::open(evidence).and_then(|store| store.incidents()).ok()).flatten();
    let newest = newest.and_then(|mut names| names.pop());
    let time = Rfc3339(clock::wall()).to_string();
    let second: String = time.chars().take(19).filter(|c| !"-:".contains(*c)).collect();
    after(format!("{second}Z"), newest.as_deref())
}

fn after(now: String, newest: Option<&str>) -> String {
    let start = newest.map(|name| name.rsplit_once('-').map_or(name, |(start, _)| start));
    match start.and_then(|start| start.split_at_checked(SECOND)) {
        Some((second, count)) if *second >= *now => {
            format!("{second}{:04}", count.parse::<u32>().unwrap_or(0) + 1)
        }
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_on_where_the_clock_does_not() {
        let named = |now: &str, newest: Option<&str>| after(now.into(), newest);
        let now = "19700101T000012Z";
        assert_eq!(named(now, None), now);
        assert_eq!(named(now, Some("19700101T000011Z-7")), now);
        assert_eq!(named(now, Some("19700101T000012Z-1")), "19700101T000012Z0001");
        assert_eq!(named(now, Some("19700101T000012Z0001-3")), "19700101T000012Z0002");
        assert_eq!(named(now, Some("20261122T080734Z-1")), "20261122T080734Z0001");
        assert_eq!(named("20261122T080735Z", Some("20261122T080734Z0009-1")), "20261122T080735Z");
        assert_eq!(named(now, Some("odd")), now);
    }
}

//! What always holds of retention, whatever is kept and whatever the bounds are.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::tests::kept;
use super::{Kept, Limits, room_for, surplus};
use crate::names;

fn names() -> impl Strategy<Value = String> {
    prop_oneof![Just("incident.json".to_owned()), Just("report.html".to_owned()), "dump-[a-d]", "dump-[a-d].partial",]
}

fn files() -> impl Strategy<Value = Vec<Kept>> {
    let file = (1..6_u32, names(), 0..100_u64);
    let files = prop::collection::vec(file, 0..24);
    files.prop_map(|files| {
        let by_place: BTreeMap<_, _> = files.into_iter().map(|(i, name, bytes)| ((i, name), bytes)).collect();
        by_place.into_iter().map(|((incident, name), bytes)| kept(incident, &name, bytes)).collect()
    })
}

fn bounds() -> impl Strategy<Value = Limits> {
    let some_bytes = prop::option::of(0..500_u64);
    let some_count = prop::option::of(0..6_usize);
    (some_bytes, some_count, 0..300_u64).prop_map(|(max_bytes, max_count, min_free)| Limits {
        max_bytes,
        max_count,
        min_free,
    })
}

fn without(files: &[Kept], gone: &[usize]) -> Vec<Kept> {
    files.iter().enumerate().filter(|(index, _)| !gone.contains(index)).map(|(_, file)| file.clone()).collect()
}

fn captures(files: &[Kept]) -> impl Iterator<Item = &Kept> {
    files.iter().filter(|file| !names::is_record(&file.name))
}

/// The largest whole capture of the newest incident with one, or its largest partial.
fn best(files: &[Kept]) -> Option<Kept> {
    let newest = captures(files).map(|file| names::by_age(&file.incident)).max()?;
    let of_newest = captures(files).filter(|file| names::by_age(&file.incident) == newest);
    of_newest.max_by_key(|file| (!names::is_partial(&file.name), file.bytes, file.name.clone())).cloned()
}

proptest! {
    #[test]
    fn the_best_stays_and_nothing_goes_twice(files in files(), limits in bounds(), free in 0..300_u64) {
        let gone = surplus(&files, limits, free);
        let once: BTreeSet<_> = gone.iter().collect();
        prop_assert_eq!(once.len(), gone.len());
        prop_assert_eq!(best(&files), best(&without(&files, &gone)));
    }

    #[test]
    fn no_record_goes_before_the_captures_of_its_incident(files in files(), limits in bounds(), free in 0..300_u64) {
        let gone = surplus(&files, limits, free);
        for end in 0..=gone.len() {
            let left = without(&files, &gone[..end]);
            for record in gone[..end].iter().map(|index| &files[*index]).filter(|file| names::is_record(&file.name)) {
                let has_capture = captures(&left).any(|file| file.incident == record.incident);
                prop_assert!(!has_capture, "{:?} went, its captures did not", record);
            }
        }
    }

    #[test]
    fn the_bounds_hold_or_only_the_best_is_left(files in files(), limits in bounds(), free in 0..300_u64) {
        let gone = surplus(&files, limits, free);
        let left = without(&files, &gone);
        let total: u64 = left.iter().map(|file| file.bytes).sum();
        let freed: u64 = gone.iter().map(|index| files[*index].bytes).sum();
        let holds = limits.max_bytes.is_none_or(|most| total <= most) && free + freed >= limits.min_free;
        prop_assert!(holds || captures(&left).count() <= 1);
        let incidents: BTreeSet<_> = left.iter().map(|file| &file.incident).collect();
        // The newest, and the one with the best capture if that is another.
        prop_assert!(limits.max_count.is_none_or(|most| incidents.len() <= most.max(2)));
    }

    #[test]
    fn nothing_goes_that_need_not(files in files(), limits in bounds(), free in 0..300_u64) {
        let gone = surplus(&files, limits, free);
        let left = without(&files, &gone);
        prop_assert!(surplus(&left, limits, free + gone.iter().map(|i| files[*i].bytes).sum::<u64>()).is_empty());
        let none = surplus(&files, Limits::default(), free);
        prop_assert!(none.is_empty());
    }

    #[test]
    fn what_fits_fits(files in files(), limits in bounds(), free in 0..300_u64, coming in 1..200_u64) {
        let Ok(gone) = room_for(&files, limits, free, coming) else { return Ok(()) };
        prop_assert_eq!(best(&files), best(&without(&files, &gone)));
        let mut then = without(&files, &gone);
        let freed: u64 = gone.iter().map(|index| files[*index].bytes).sum();
        prop_assert!(free + freed >= limits.min_free + coming);
        then.push(kept(9, "dump-new", coming));
        let after = surplus(&then, limits, free + freed - coming);
        let left = without(&then, &after);
        prop_assert!(left.iter().any(|file| file.name == "dump-new"));
        let total: u64 = left.iter().map(|file| file.bytes).sum();
        prop_assert!(limits.max_bytes.is_none_or(|most| total <= most));
    }
}

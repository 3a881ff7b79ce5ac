use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

use super::*;
use crate::pprof::message::{Function, Line, Location, Profile, Sample};

/// A message of a leaking service as Go writes it: the newest stack comes first, and so moves all numbers.
fn message(age: u64) -> Vec<u8> {
    let stacks: Vec<u64> = (0..50 + age).rev().collect();
    let mut strings = vec![String::new()];
    let mut profile = Profile { time_nanos: age.cast_signed(), ..Profile::default() };
    for (id, stack) in (1..).zip(&stacks) {
        strings.push(format!("service/package{stack}.Function"));
        profile.function.push(Function {
            id,
            name: id.cast_signed(),
            system_name: id.cast_signed(),
            ..Function::default()
        });
        let line = vec![Line { function_id: id, line: 7 }];
        profile.location.push(Location { id, address: 0x40_0000 + stack * 64, line, ..Location::default() });
        let grown = if stack % 10 == 0 { age } else { 0 };
        let value = vec![0, (stack * 4096 + grown).cast_signed()];
        profile.sample.push(Sample { location_id: vec![id, 1 + id / 2, 1 + id / 3], value, label: Vec::new() });
    }
    profile.string_table = strings;
    profile.encode_to_vec()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn filled(directory: &Path, profiles: u64) -> Series {
    let mut series = Series::open(directory).unwrap();
    for age in 0..profiles {
        series.append(&message(age), 1000 + age).unwrap();
    }
    series
}

/// The ages of the profiles that can be read; they must be what went in.
fn ages(series: &Series) -> Vec<Option<u64>> {
    let read = |(index, entry): (usize, &Entry)| {
        let profile = series.read(index).ok()?;
        let age = entry.unix_ms - 1000;
        assert!(profile == message(age), "{entry:?}");
        Some(age)
    };
    series.entries().iter().enumerate().map(read).collect()
}

fn some(ages: impl IntoIterator<Item = u64>) -> Vec<Option<u64>> {
    ages.into_iter().map(Some).collect()
}

#[test]
fn every_profile_comes_out_as_it_went_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/series");
    assert_eq!(ages(&filled(&path, 40)), some(0..40));
    let reopened = Series::open(&path).unwrap();
    assert_eq!(ages(&reopened), some(0..40));
    let whole: Vec<u64> = reopened.entries().iter().filter(|entry| entry.whole).map(|entry| entry.number).collect();
    assert_eq!(whole, [0, 16, 32]);
}

#[test]
fn a_profile_takes_a_fraction_of_what_it_takes_whole() {
    let directory = tempfile::tempdir().unwrap();
    let series = filled(directory.path(), 10);
    let whole: usize = (1..10).map(|age| gzipped(&message(age)).len()).sum();
    let stored: u64 = series.entries()[1..].iter().map(|entry| entry.stored).sum();
    assert!(stored as usize * 4 < whole, "{stored} of {whole}");
}

#[test]
fn profiles_of_all_kinds_and_none_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut series = Series::open(directory.path()).unwrap();
    let python = include_bytes!("../../tests/fixtures/python-after.tracemalloc");
    let profiles: [&[u8]; 6] = [b"", b"no profile at all", python, &message(1), b"", &message(2)];
    for profile in profiles {
        series.append(profile, 0).unwrap();
    }
    for (index, profile) in profiles.iter().enumerate() {
        assert_eq!(series.read(index).unwrap(), *profile);
    }
    assert!(matches!(series.read(6), Err(SeriesError::NoSuchProfile(6))));
}

#[test]
fn gzip_is_taken_off() {
    let directory = tempfile::tempdir().unwrap();
    let mut series = Series::open(directory.path()).unwrap();
    series.append(&gzipped(&message(1)), 0).unwrap();
    assert_eq!(series.read(0).unwrap(), message(1));
    let packed = gzipped(&message(2));
    assert!(matches!(series.append(&packed[..100], 0), Err(SeriesError::Profile(_, Problem::Truncated))));
    assert_eq!(series.entries().len(), 1);
}

#[test]
fn a_bomb_is_refused() {
    let bomb = gzipped(&[0; 1000]);
    assert!(matches!(plain(&bomb, 999), Err(Problem::TooLarge { limit: 999 })));
    assert_eq!(plain(&bomb, 1000).unwrap(), [0; 1000]);
}

#[test]
fn a_file_that_breaks_takes_only_those_with_it_that_need_it() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 40));
    let broken = directory.path().join("00000020.delta");
    let mut bytes = std::fs::read(&broken).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 0x55;
    std::fs::write(&broken, bytes).unwrap();
    std::fs::remove_file(directory.path().join("00000003.delta")).unwrap();
    let series = Series::open(directory.path()).unwrap();
    let left = ages(&series).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(left, (0..3).chain(16..20).chain(32..40).collect::<Vec<_>>());
    assert!(series.read(5).unwrap_err().to_string().contains("00000003.delta: is gone"));
}

#[test]
fn after_a_broken_one_the_next_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 3));
    std::fs::write(directory.path().join("00000002.delta"), b"hwps\x01\x01 cut off in here").unwrap();
    let mut series = Series::open(directory.path()).unwrap();
    assert!(series.append(&message(3), 1003).unwrap().whole);
    assert_eq!(ages(&series), [Some(0), Some(1), None, Some(3)]);
}

#[test]
fn the_oldest_are_forgotten_and_the_others_stay() {
    let directory = tempfile::tempdir().unwrap();
    let mut series = filled(directory.path(), 40);
    series.prune(100).unwrap();
    assert_eq!(series.entries().len(), 40);
    series.prune(30).unwrap();
    assert_eq!(ages(&series), some(10..40));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 30);
    series.append(&message(40), 1040).unwrap();
    assert_eq!(ages(&Series::open(directory.path()).unwrap()), some(10..41));
    series.prune(0).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_a_loss_of_power_left_behind_is_cleared_up() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path(), 4));
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("00000004.partial"), b"hwps").unwrap();
    // As it was made whole to stand without those before it.
    std::fs::write(path("00000002.whole"), Stored::pack(&message(2), None, 1002).bytes).unwrap();
    std::fs::write(path("notes.txt"), b"somebody's").unwrap();
    let series = Series::open(directory.path()).unwrap();
    assert_eq!(ages(&series), some(0..4));
    assert!(series.entries()[2].whole);
    assert!(!path("00000004.partial").exists() && path("notes.txt").exists());
}

#[test]
fn a_message_that_cannot_be_made_again_is_kept_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut series = Series::open(directory.path()).unwrap();
    // A number in more bytes than it takes.
    let odd = [&message(2)[..], &[0x50, 0x85, 0x00]].concat();
    for profile in [&message(1), &odd, &message(3)] {
        series.append(profile, 0).unwrap();
    }
    assert_eq!(series.read(1).unwrap(), odd);
    assert_eq!(series.read(2).unwrap(), message(3));
}

proptest! {
    #[test]
    fn messages_that_were_damaged_are_kept_as_they_are(
        changes in vec((any::<Index>(), any::<u8>()), 0..5),
        cut in any::<Index>(),
    ) {
        let before = message(1);
        let mut profile = message(2);
        for (place, byte) in changes {
            let place = place.index(profile.len());
            profile[place] = byte;
        }
        profile.truncate(profile.len() - cut.index(profile.len()) / 4);
        let stored = Stored::pack(&profile, Some(&before), 0);
        prop_assert_eq!(entry::unpack(stored.whole, &stored.bytes, &before).unwrap(), profile);
    }

    #[test]
    fn a_file_that_was_damaged_gives_an_error_or_the_profile(
        place in any::<Index>(),
        byte in any::<u8>(),
        cut in any::<Index>(),
    ) {
        let mut stored = Stored::pack(&message(2), Some(&message(1)), 0).bytes;
        let place = place.index(stored.len());
        stored[place] = byte;
        stored.truncate(stored.len() - cut.index(stored.len()) / 4);
        if let Ok(profile) = entry::unpack(false, &stored, &message(1)) {
            prop_assert!(profile == message(2));
        }
    }

    #[test]
    fn garbage_is_no_difference_and_no_form(bytes in vec(any::<u8>(), 0..500)) {
        let _ = delta::apply(&message(1), &bytes, 10_000);
        let _ = restore::restore(&bytes);
        let _ = normal::normal(&bytes);
    }
}

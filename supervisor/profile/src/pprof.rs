//! pprof, the form in which Go and many others keep profiles.

pub mod message;
mod samples;
mod tables;
pub(crate) mod wire;

use crate::format::Format;
use crate::profile::Profile;
use crate::read::Problem;
use tables::Tables;

/// Reads an unpacked message: what is in use, or the last value in bytes.
///
/// Twice over the bytes rather than once into a tree of messages: samples come before what they refer to, and a hundred
/// megabytes of them would take a gigabyte as messages.
pub(crate) fn read(bytes: &[u8]) -> Result<Profile, Problem> {
    let mut profile = Profile::new(Format::Pprof);
    let tables = Tables::collect(bytes)?;
    let frames = tables.frames(&mut profile)?;
    samples::add(bytes, &tables.values()?, &frames, &mut profile)?;
    Ok(profile)
}

/// Whether bytes look like the beginning of a profile: a first field that it has, of the kind that it is.
pub(crate) fn begins_a_profile(head: &[u8]) -> bool {
    let Some(Ok((number, value))) = wire::fields(head).next() else {
        // A first string may be longer than the head.
        return head.len() > 1000 && (1..=6).any(|number: u8| head[0] == number << 3 | 2);
    };
    match number {
        1..=6 | 11 => matches!(value, wire::Value::Bytes(_)),
        7..=10 | 12 | 14 => matches!(value, wire::Value::Number(_)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::message::{Function, Line, Location, Mapping, Profile as Written, Sample, ValueType};
    use super::*;
    use crate::difference;
    use crate::difference::Total;
    use crate::read::read_from;

    #[test]
    fn a_leak_of_a_go_service_is_named_first() {
        let before = read_from(&include_bytes!("../tests/fixtures/go-before.pb.gz")[..]).unwrap();
        let after = read_from(&include_bytes!("../tests/fixtures/go-after.pb.gz")[..]).unwrap();
        let first = &difference(Some(&before), &after).growers[0];
        assert_eq!(first.site, "main.(*store).rememberSessionForever");
        assert_eq!(first.stack.last(), Some(&first.site));
        // What `go tool pprof -inuse_space -top` says of it: 14706 kB.
        assert_eq!(first.after.bytes.div_ceil(1 << 10), 14706);
    }

    /// Strings are 1: `inuse_space`, 2: bytes, 3: leak, 4: /opt/app/service, 5: count, 6: objects.
    fn written(types: &[(i64, i64)], samples: &[(&[u64], &[i64])]) -> Vec<u8> {
        let strings = ["", "inuse_space", "bytes", "leak", "/opt/app/service", "count", "objects"];
        let line = Line { function_id: 7, line: 1 };
        let profile = Written {
            sample_type: types.iter().map(|(name, unit)| ValueType { r#type: *name, unit: *unit }).collect(),
            sample: samples.iter().map(|(at, values)| sample(at, values)).collect(),
            mapping: vec![Mapping { id: 1, memory_start: 0x1000, filename: 4, ..Mapping::default() }],
            location: vec![
                Location { id: 9, line: vec![line], ..Location::default() },
                Location { id: 3, mapping_id: 1, address: 0x1010, ..Location::default() },
                Location { id: 5, address: 0xabc, ..Location::default() },
            ],
            function: vec![Function { id: 7, name: 3, ..Function::default() }],
            string_table: strings.map(ToOwned::to_owned).to_vec(),
            ..Written::default()
        };
        profile.encode_to_vec()
    }

    fn sample(at: &[u64], values: &[i64]) -> Sample {
        Sample { location_id: at.to_vec(), value: values.to_vec(), label: Vec::new() }
    }

    #[test]
    fn what_is_in_use_is_taken_wherever_it_stands() {
        let bytes = written(&[(1, 2), (3, 5)], &[(&[9, 3, 5], &[100, 7]), (&[9], &[-5, 1]), (&[], &[3, 0])]);
        let profile = read(&bytes).unwrap();
        assert_eq!(profile.total(), Total { bytes: 103, objects: 0 });
        assert_eq!(difference(None, &profile).growers[0].stack, ["0xabc", "service+0x10", "leak"]);
    }

    #[test]
    fn without_it_the_last_bytes_are_taken_and_the_count_in_front() {
        let bytes = written(&[(3, 5), (3, 2), (6, 5), (4, 2)], &[(&[9], &[1, 2, 3, 4])]);
        assert_eq!(read(&bytes).unwrap().total(), Total { bytes: 4, objects: 3 });
    }

    #[test]
    fn a_profile_of_time_is_refused() {
        let error = read(&written(&[(3, 5)], &[])).unwrap_err();
        assert!(error.to_string().contains("something else than memory"), "{error}");
    }

    #[test]
    fn a_sample_of_nowhere_is_refused() {
        let error = read(&written(&[(1, 2)], &[(&[4], &[1])])).unwrap_err();
        assert!(error.to_string().contains("location 4, which is not there"), "{error}");
    }

    #[test]
    fn numbers_that_are_not_packed_are_read_too() {
        let mut bytes = written(&[(1, 2)], &[]);
        bytes.extend([0x12, 4, 0x08, 9, 0x10, 100]);
        assert_eq!(read(&bytes).unwrap().total().bytes, 100);
    }
}

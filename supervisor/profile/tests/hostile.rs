//! Profiles come from processes that die as they write: whatever the bytes, reading ends, in bounded memory, with a profile
//! or an error.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use highwater_profile::read::read_from;
use highwater_profile::{Comparison, Profile};
use proptest::collection::vec;
use proptest::prelude::*;

/// One of each format, unpacked.
fn fixtures() -> Vec<Vec<u8>> {
    let mut pprof = Vec::new();
    MultiGzDecoder::new(&include_bytes!("fixtures/go-after.pb.gz")[..]).read_to_end(&mut pprof).unwrap();
    let gperftools = b"heap profile:      3:   30300 [    3:    30300] @ heap_v2/524288\n\
        \x20    1:    300 [     1:      300] @ 0x1001 0x2001\n\nMAPPED_LIBRARIES:\n\
        00001000-00003000 r-xp 00000000 fe:00 7  /none/such/service\n";
    let others: [&[u8]; 7] = [
        include_bytes!("fixtures/jvm-after.txt"),
        include_bytes!("fixtures/python-after.txt"),
        include_bytes!("fixtures/python-after.tracemalloc"),
        include_bytes!("fixtures/python-3.6.tracemalloc"),
        include_bytes!("fixtures/jemalloc-after.heap"),
        gperftools,
        include_bytes!("../src/heapsnapshot/testdata/healthy.heapsnapshot"),
    ];
    std::iter::once(pprof).chain(others.map(<[u8]>::to_vec)).collect()
}

/// Whatever comes of it must also compare and draw.
fn survives(bytes: &[u8]) {
    if let Ok(profile) = read_from(bytes) {
        let comparison = Comparison::new(Some(&Profile::new(profile.format())), &profile);
        let difference = comparison.difference();
        assert_eq!(difference.after, profile.total());
        comparison.flame_graph("hostile");
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn fixtures_are_profiles() {
    for fixture in fixtures() {
        assert!(read_from(&fixture[..]).unwrap().total().bytes > 0);
        assert!(read_from(&gzipped(&fixture)[..]).unwrap().total().bytes > 0);
    }
}

#[test]
fn a_profile_cut_off_anywhere_is_no_trouble() {
    for fixture in fixtures() {
        for length in 0..fixture.len().min(1500) {
            survives(&fixture[..length]);
        }
        let packed = gzipped(&fixture);
        for length in (0..packed.len()).rev().take(100).chain((0..packed.len()).step_by(50)) {
            assert!(read_from(&packed[..length]).is_err(), "the end of gzip says whether it is whole");
        }
    }
}

#[test]
fn a_heap_that_claims_much_gets_little() {
    let claims: [&[u8]; 8] = [
        // pprof: a string, a sample and packed numbers of 2^62 bytes.
        b"\x0a\x04\x08\x01\x10\x02\x32\xff\xff\xff\xff\xff\xff\xff\xff\x3f",
        b"\x0a\x04\x08\x01\x10\x02\x12\xff\xff\xff\xff\xff\xff\xff\xff\x3fabc",
        b"\x0a\x04\x08\x01\x10\x02\x12\x0a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x3f",
        // tracemalloc: texts and numbers of such lengths.
        b"\x80\x05\x8c\x0btracemalloc\x94\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x80\x05\x8c\x0btracemalloc\x94\x8b\xff\xff\xff\x7f",
        b"\x80\x05\x8c\x0btracemalloc\x94\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
        // jemalloc: counts and addresses beyond all numbers.
        b"heap_v2/1\n@ 0xffffffffffffffff\n  t*: 18446744073709551615: 18446744073709551615 [0: 0]\n\nMAPPED_LIBRARIES:\n0-ffffffffffffffff r-xp ffffffffffffffff 0:0 1 /dev/zero\n",
        b" num     #instances         #bytes  class name (module)\n 1: 18446744073709551615 18446744073709551615 [B\n 2: 9 9 [[[[\nTotal 1 1\n",
    ];
    for claim in claims {
        survives(claim);
    }
    // Millions of one field, one instruction or one line.
    let pickle = &b"\x80\x05\x8c\x0btracemalloc\x94"[..];
    let bombs: [(&[u8], &[u8], usize); 6] = [
        (b"\x0a\x04\x08\x01\x10\x02", b"\x22\x00", 5 << 20),
        (pickle, b"\x94", 5 << 20),
        (pickle, b"(", 5 << 20),
        (pickle, b"K\x01", 5 << 20),
        (b"heap_v2/1\n", b"x", 1 << 20),
        (b"heap_v2/1\n", b"@ 0x1\n t*: 1: 1 [0: 0]\n", 1 << 15),
    ];
    for (begin, repeated, times) in bombs {
        let many = repeated.repeat(times);
        assert!(read_from(begin.chain(&many[..])).is_err());
    }
    let peak = peak_kib();
    assert!(peak < 400 << 10, "{peak} KiB");
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

proptest! {
    #[test]
    fn a_profile_with_bytes_changed_is_no_trouble(
        which in 0..8_usize,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
        packed in any::<bool>(),
    ) {
        let mut bytes = fixtures().swap_remove(which);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let length = bytes.len() - cut.index(bytes.len()) / 8;
        bytes.truncate(length);
        if packed {
            bytes = gzipped(&bytes);
        }
        survives(&bytes);
    }

    #[test]
    fn garbage_that_begins_well_is_no_trouble(begin in 0..8_usize, kept in 0..40_usize, rest in vec(any::<u8>(), 0..2000)) {
        let mut bytes = fixtures().swap_remove(begin);
        bytes.truncate(kept);
        bytes.extend(rest);
        survives(&bytes);
    }
}

//! Bytes as what changed from others that are much like them.

use crate::pprof::wire;
use crate::read::Problem;
use crate::series::normal::{put, put_bytes};

/// Fewer equal bytes than these are not looked for.
const SEED: usize = 8;

/// Fewer than these are not worth it where they go on in step with what was copied last.
const IN_STEP: usize = 4;

/// What makes `target` of `base`: copies and insertions. First where to copy from and how much, then what to insert, since
/// each compresses better with its own kind.
pub(super) fn encode(base: &[u8], target: &[u8]) -> Vec<u8> {
    let index = Index::of(base);
    let mut steps = Vec::new();
    let mut inserted = Vec::new();
    let (mut at, mut begin, mut expected) = (0, 0, 0);
    while at < target.len() {
        let Some((from, length)) = index.longest(base, target, at, expected + (at - begin)) else {
            at += 1;
            continue;
        };
        // What was passed over may be equal as well.
        let back =
            base[..from].iter().rev().zip(target[begin..at].iter().rev()).take_while(|(one, other)| one == other);
        let back = back.count();
        let (from, length) = (from - back, length + back);
        let insert = at - back - begin;
        step(&mut steps, insert, length, from.cast_signed() - (expected + insert).cast_signed());
        inserted.extend_from_slice(&target[begin..begin + insert]);
        (expected, begin) = (from + length, begin + insert + length);
        at = begin;
    }
    inserted.extend_from_slice(&target[begin..]);
    let mut delta = Vec::new();
    put(&mut delta, target.len() as u64);
    put_bytes(&mut delta, &steps);
    delta.extend(inserted);
    delta
}

/// Inserts, then copies from where the last copy ended, having passed over as much as was inserted, or from so much further.
fn step(steps: &mut Vec<u8>, insert: usize, copy: usize, further: isize) {
    put(steps, insert as u64);
    put(steps, copy as u64);
    let further = further as i64;
    put(steps, (further << 1 ^ further >> 63).cast_unsigned());
}

/// Makes the target of the base again, of `most` bytes at most.
pub(super) fn apply(base: &[u8], mut delta: &[u8], most: usize) -> Result<Vec<u8>, Problem> {
    let damaged = || Problem::malformed("its difference to the one before makes no sense");
    let length =
        usize::try_from(wire::number(&mut delta)?).ok().filter(|length| *length <= most).ok_or_else(damaged)?;
    let steps = usize::try_from(wire::number(&mut delta)?).map_err(|_| damaged())?;
    let (mut steps, mut inserted) = delta.split_at_checked(steps).ok_or(Problem::Truncated)?;
    let mut target = Vec::with_capacity(length);
    let mut expected = 0_u64;
    while !steps.is_empty() {
        let [insert, copy, further] = [(); 3].map(|()| wire::number(&mut steps));
        let (insert, copy, further) = (insert?, copy?, further?);
        let (insert, after) =
            usize::try_from(insert).ok().and_then(|at| inserted.split_at_checked(at)).ok_or_else(damaged)?;
        inserted = after;
        target.extend_from_slice(insert);
        let further = (further >> 1).cast_signed() ^ -(further & 1).cast_signed();
        let from = (expected + insert.len() as u64).wrapping_add_signed(further);
        expected = from.checked_add(copy).ok_or_else(damaged)?;
        let range = usize::try_from(from).ok().zip(usize::try_from(expected).ok());
        target.extend_from_slice(range.and_then(|(from, to)| base.get(from..to)).ok_or_else(damaged)?);
        if target.len() > length {
            return Err(damaged());
        }
    }
    target.extend_from_slice(inserted);
    if target.len() == length { Ok(target) } else { Err(damaged()) }
}

/// Where bytes are in the base, by a hash of the first of them.
struct Index {
    /// One more than the last position, 0 where there is none.
    places: Vec<u32>,
    shift: u32,
}

impl Index {
    fn of(base: &[u8]) -> Self {
        let bits = (base.len().max(16) * 2).next_power_of_two().ilog2().min(24);
        let mut index = Self { places: vec![0; 1 << bits], shift: u64::BITS - bits };
        for (place, seed) in (1..).zip(base.windows(SEED)) {
            let slot = index.slot(seed);
            index.places[slot] = place;
        }
        index
    }

    fn slot(&self, seed: &[u8]) -> usize {
        let seed = seed.iter().rev().fold(0_u64, |seed, byte| seed << 8 | u64::from(*byte));
        (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    /// Where in the base what is at a place of the target goes on for longest, and for how long.
    fn longest(&self, base: &[u8], target: &[u8], at: usize, expected: usize) -> Option<(usize, usize)> {
        let equal = |from: usize| {
            let base = base.get(from..).unwrap_or_default();
            base.iter().zip(&target[at..]).take_while(|(one, other)| one == other).count()
        };
        let in_step = Some((expected, equal(expected))).filter(|(_, length)| *length >= IN_STEP);
        let seeded = target
            .get(at..at + SEED)
            .and_then(|seed| (self.places[self.slot(seed)] as usize).checked_sub(1))
            .map(|from| (from, equal(from)))
            .filter(|(_, length)| *length >= SEED);
        in_step.into_iter().chain(seeded).max_by_key(|(from, length)| (*length, *from == expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(base: &[u8], target: &[u8]) -> usize {
        let delta = encode(base, target);
        assert_eq!(apply(base, &delta, target.len()).unwrap(), target);
        delta.len()
    }

    #[test]
    fn what_did_not_change_costs_next_to_nothing() {
        let base: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut changed = base.clone();
        changed[5000] ^= 1;
        changed.splice(20_000..20_000, *b"something new");
        changed.drain(100..200);
        assert!(there_and_back(&base, &changed) < 60);
        assert!(there_and_back(&base, &base) < 12);
        there_and_back(&base, &[]);
        there_and_back(&[], &base);
        there_and_back(&base[..7], &base[..9]);
    }

    #[test]
    fn what_moved_is_found() {
        let base: Vec<u8> = (0..1000_u32).flat_map(u32::to_le_bytes).collect();
        let turned = [&base[2000..], &base[..2000]].concat();
        assert!(there_and_back(&base, &turned) < 20);
    }

    #[test]
    fn a_delta_that_makes_no_sense_is_refused() {
        let base = b"once upon a time there was";
        let delta = encode(base, b"once upon a time there will be");
        assert!(apply(&base[..10], &delta, 100).is_err(), "another base");
        assert!(apply(base, &delta, 10).is_err(), "larger than allowed");
        for length in 0..delta.len() {
            assert!(apply(base, &delta[..length], 100).is_err(), "{length}");
        }
        let mut steps = Vec::new();
        step(&mut steps, 0, usize::MAX, -5);
        let mut hostile = vec![50];
        put_bytes(&mut hostile, &steps);
        assert!(apply(base, &hostile, 100).is_err());
    }
}

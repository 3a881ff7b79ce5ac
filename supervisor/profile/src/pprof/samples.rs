//! The samples of a profile.

use crate::difference::Total;
use crate::names::Name;
use crate::pprof::tables::Frames;
use crate::pprof::wire::{self, Value};
use crate::profile::{DEEPEST, Profile};
use crate::read::Problem;

/// Which values of a sample count, by position.
pub(super) struct Values {
    /// Bytes.
    pub bytes: usize,
    /// Objects, where they are counted.
    pub objects: Option<usize>,
}

/// Adds all samples of a message.
pub(super) fn add(message: &[u8], values: &Values, frames: &Frames, profile: &mut Profile) -> Result<(), Problem> {
    let mut stack = Vec::new();
    for field in wire::fields(message) {
        if let (2, Value::Bytes(sample)) = field? {
            stack.clear();
            let held = read(sample, values, frames, &mut stack)?;
            if held != Total::default() {
                if stack.is_empty() {
                    stack.push(profile.name("?"));
                }
                stack.reverse();
                profile.add(&stack, held);
            }
        }
    }
    Ok(())
}

/// Reads one sample: what it holds, and its calls from the innermost.
fn read(sample: &[u8], values: &Values, frames: &Frames, stack: &mut Vec<Name>) -> Result<Total, Problem> {
    let mut held = Total::default();
    let mut position = 0;
    for field in wire::fields(sample) {
        let (number, value) = field?;
        match number {
            1 => each(value, |location| push(stack, frames, location))?,
            2 => each(value, |number| {
                count(&mut held, values, position, number);
                position += 1;
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok(held)
}

/// The numbers of a field, packed or not.
fn each(value: Value<'_>, mut take: impl FnMut(u64) -> Result<(), Problem>) -> Result<(), Problem> {
    match value {
        Value::Number(number) => take(number),
        Value::Bytes(mut packed) => {
            while !packed.is_empty() {
                take(wire::number(&mut packed)?)?;
            }
            Ok(())
        }
        Value::Fixed => Err(Problem::malformed("a sample has a fraction for a number")),
    }
}

fn push(stack: &mut Vec<Name>, frames: &Frames, location: u64) -> Result<(), Problem> {
    let calls = frames
        .at(location)
        .ok_or_else(|| Problem::malformed(format!("a sample is of location {location}, which is not there")))?;
    // The innermost come first, and no more than these are kept.
    let room = DEEPEST.saturating_sub(stack.len());
    for call in calls.iter().take(room) {
        stack.push(*call);
    }
    Ok(())
}

/// What is less than nothing, as in a profile from which another was taken off, counts as nothing.
fn count(held: &mut Total, values: &Values, position: usize, number: u64) {
    let number = u64::try_from(number.cast_signed()).unwrap_or(0);
    if position == values.bytes {
        held.bytes = number;
    } else if Some(position) == values.objects {
        held.objects = number;
    }
}

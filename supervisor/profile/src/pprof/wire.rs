//! Fields of a protobuf message, one after the other and without a copy.

use crate::read::Problem;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A number of variable length.
    Number(u64),
    /// A string, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// Four or eight bytes, which profiles have none of.
    Fixed,
}

/// Number and value of each field. Ends after the first error.
pub(crate) fn fields(message: &[u8]) -> impl Iterator<Item = Result<(u64, Value<'_>), Problem>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = field(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

/// Takes a number off the front.
pub(crate) fn number(rest: &mut &[u8]) -> Result<u64, Problem> {
    let mut number = 0;
    for place in 0..10 {
        let (first, after) = rest.split_first().ok_or(Problem::Truncated)?;
        *rest = after;
        number |= u64::from(first & 0x7f) << (7 * place);
        if first & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Problem::malformed("a number has more than ten bytes"))
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>), Problem> {
    let key = number(rest)?;
    let value = match key & 7 {
        0 => Value::Number(number(rest)?),
        1 => take(rest, 8).map(|_| Value::Fixed)?,
        2 => {
            let length = number(rest)?;
            Value::Bytes(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| Value::Fixed)?,
        kind => return Err(Problem::malformed(format!("a field is of the unknown kind {kind}"))),
    };
    match key >> 3 {
        0 => Err(Problem::malformed("a field has the number 0")),
        number => Ok((number, value)),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Problem> {
    let length = usize::try_from(length).map_err(|_| Problem::Truncated)?;
    let (taken, after) = rest.split_at_checked(length).ok_or(Problem::Truncated)?;
    *rest = after;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_one_after_the_other() {
        let message = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 2, 3, 4];
        let found: Vec<_> = fields(&message).map(Result::unwrap).collect();
        assert_eq!(found, [(1, Value::Number(150)), (2, Value::Bytes(b"hi")), (3, Value::Fixed)]);
    }

    #[test]
    fn what_is_cut_off_or_no_message_ends_with_an_error() {
        for (message, wanted) in [
            (&b"\x12\x7fhi"[..], "cut off"),
            (b"\x08\x96", "cut off"),
            (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "cut off"),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "ten bytes"),
            (b"\x0b", "unknown kind"),
            (b"\x00\x00", "number 0"),
        ] {
            let found: Vec<_> = fields(message).collect();
            assert_eq!(found.len(), 1, "{message:?}");
            assert!(found[0].as_ref().unwrap_err().to_string().contains(wanted), "{message:?}: {found:?}");
        }
    }
}

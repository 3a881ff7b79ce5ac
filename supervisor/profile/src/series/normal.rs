//! A form of a pprof message in which what did not change looks the same in two profiles of one process.
//!
//! A message numbers its strings, functions and locations as they come, and refers to them by these numbers. One new stack
//! at the front, and all numbers behind it are others, though nothing else changed. In the normal form a reference is a
//! hash of what it refers to.

use std::collections::HashMap;

use crate::pprof::wire::{self, Value};
use crate::series::schema::{FUNCTIONS, Kind, LOCATIONS, Schema, TEXTS, Table};

/// The normal form; none for what is no pprof message, or one that refers to what is not there.
pub(super) fn normal(message: &[u8]) -> Option<Vec<u8>> {
    let mut writer = Writer::default();
    writer.learn(message)?;
    let mut normal = Vec::with_capacity(message.len() * 2);
    writer.write(Schema::Profile, message, &mut normal)?;
    Some(normal)
}

/// A key in the place of a number.
pub(super) type Key = u32;

#[derive(Default)]
struct Writer {
    texts: Vec<Key>,
    functions: HashMap<u64, Key>,
    locations: HashMap<u64, Key>,
    /// The number of the last function or location.
    last: [u64; 2],
}

impl Writer {
    /// Finds the keys of everything that has a number: of locations last, which refer to functions, which refer to texts.
    fn learn(&mut self, message: &[u8]) -> Option<()> {
        for text in entries(message, TEXTS) {
            self.texts.push(hash([text?]));
        }
        for function in entries(message, FUNCTIONS) {
            let (number, key) = self.key(Schema::Function, function?)?;
            self.functions.insert(number, key);
        }
        for location in entries(message, LOCATIONS) {
            let (number, key) = self.key(Schema::Location, location?)?;
            self.locations.insert(number, key);
        }
        Some(())
    }

    /// A function's or location's number, and the key of all else that it is.
    fn key(&mut self, schema: Schema, message: &[u8]) -> Option<(u64, Key)> {
        let (mut number, mut rest) = (0, Vec::new());
        for field in wire::fields(message) {
            match field.ok()? {
                (field, Value::Number(own)) if schema.kind(field) == Kind::Own => number = own,
                (field, value) => self.field(schema, field, value, &mut rest)?,
            }
        }
        Some((number, hash([rest.as_slice()])))
    }

    fn write(&mut self, schema: Schema, message: &[u8], out: &mut Vec<u8>) -> Option<()> {
        wire::fields(message).try_for_each(|field| {
            let (field, value) = field.ok()?;
            self.field(schema, field, value, out)
        })
    }

    fn field(&mut self, schema: Schema, field: u64, value: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
        match (schema.kind(field), value) {
            (_, Value::Fixed) => return None,
            (Kind::Own, Value::Number(number)) => {
                put(out, field << 3);
                let last = &mut self.last[usize::from(schema == Schema::Function)];
                put(out, number.wrapping_sub(std::mem::replace(last, number)));
            }
            (Kind::Of(table), Value::Number(number)) => {
                put(out, field << 3);
                out.extend(self.of(table, number)?.to_le_bytes());
            }
            (_, Value::Number(number)) => {
                put(out, field << 3);
                put(out, number);
            }
            (Kind::Of(table), Value::Bytes(packed)) => {
                put(out, field << 3 | 2);
                self.packed(table, packed, out)?;
            }
            (Kind::Message(inner), Value::Bytes(message)) => {
                put(out, field << 3 | 2);
                let mut normal = Vec::new();
                self.write(inner, message, &mut normal)?;
                put_bytes(out, &normal);
            }
            (_, Value::Bytes(bytes)) => {
                put(out, field << 3 | 2);
                put_bytes(out, bytes);
            }
        }
        Some(())
    }

    fn packed(&self, table: Table, mut packed: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut keys = Vec::new();
        while !packed.is_empty() {
            keys.extend(self.of(table, wire::number(&mut packed).ok()?)?.to_le_bytes());
        }
        put_bytes(out, &keys);
        Some(())
    }

    fn of(&self, table: Table, number: u64) -> Option<Key> {
        match table {
            Table::Texts => self.texts.get(usize::try_from(number).ok()?).copied(),
            Table::Functions => self.functions.get(&number).copied(),
            Table::Locations => self.locations.get(&number).copied(),
        }
    }
}

/// The entries of one table, in their order.
pub(super) fn entries(message: &[u8], table: u64) -> impl Iterator<Item = Option<&[u8]>> {
    wire::fields(message).filter_map(move |field| match field {
        Ok((number, Value::Bytes(entry))) if number == table => Some(Some(entry)),
        Ok(_) => None,
        Err(_) => Some(None),
    })
}

/// A hash that is the same in every version: FNV-1a, its halves laid over each other.
pub(super) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Key {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.into_iter().flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ hash >> 32) as Key
}

/// Writes a number of variable length.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes bytes with their length in front.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

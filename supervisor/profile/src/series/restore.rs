//! The message from its normal form.

use std::collections::HashMap;

use crate::pprof::wire;
use crate::series::normal::{Key, hash, put, put_bytes};
use crate::series::schema::{FUNCTIONS, Kind, LOCATIONS, Schema, TEXTS, Table};

/// The message of which this is the normal form; none for what is no normal form.
pub(super) fn restore(normal: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::default();
    reader.learn(normal)?;
    let mut message = Vec::with_capacity(normal.len());
    reader.write(Schema::Profile, normal, &mut message)?;
    Some(message)
}

#[derive(Default)]
struct Reader {
    texts: HashMap<Key, u64>,
    functions: HashMap<Key, u64>,
    locations: HashMap<Key, u64>,
    last: [u64; 2],
}

impl Reader {
    /// Finds the numbers of everything that has one.
    fn learn(&mut self, mut normal: &[u8]) -> Option<()> {
        let (mut texts, mut last) = (0, [0; 2]);
        while !normal.is_empty() {
            let key = wire::number(&mut normal).ok()?;
            let (field, kind) = (key >> 3, Schema::Profile.kind(key >> 3));
            let body = skip(key, kind, &mut normal)?;
            match field {
                TEXTS => {
                    self.texts.entry(hash([body])).or_insert(texts);
                    texts += 1;
                }
                FUNCTIONS => {
                    let (number, key) = own(Schema::Function, body, &mut last[1])?;
                    self.functions.insert(key, number);
                }
                LOCATIONS => {
                    let (number, key) = own(Schema::Location, body, &mut last[0])?;
                    self.locations.insert(key, number);
                }
                _ => {}
            }
        }
        Some(())
    }

    fn write(&mut self, schema: Schema, mut normal: &[u8], out: &mut Vec<u8>) -> Option<()> {
        while !normal.is_empty() {
            let key = wire::number(&mut normal).ok()?;
            let kind = schema.kind(key >> 3);
            let body = skip(key, kind, &mut normal)?;
            put(out, key);
            match (kind, key & 7) {
                (Kind::Own, 0) => {
                    let last = &mut self.last[usize::from(schema == Schema::Function)];
                    *last = last.wrapping_add(wire::number(&mut &*body).ok()?);
                    put(out, *last);
                }
                (Kind::Of(table), 0) => put(out, self.of(table, body)?),
                (Kind::Of(table), _) => {
                    let mut packed = Vec::new();
                    for key in body.chunks(size_of::<Key>()) {
                        put(&mut packed, self.of(table, key)?);
                    }
                    put_bytes(out, &packed);
                }
                (Kind::Message(inner), 2) => {
                    let mut message = Vec::new();
                    self.write(inner, body, &mut message)?;
                    put_bytes(out, &message);
                }
                (_, 0) => out.extend_from_slice(body),
                _ => put_bytes(out, body),
            }
        }
        Some(())
    }

    fn of(&self, table: Table, key: &[u8]) -> Option<u64> {
        let key = Key::from_le_bytes(key.try_into().ok()?);
        match table {
            Table::Texts => self.texts.get(&key).copied(),
            Table::Functions => self.functions.get(&key).copied(),
            Table::Locations => self.locations.get(&key).copied(),
        }
    }
}

/// Takes what a field holds off the front, without its length.
fn skip<'a>(key: u64, kind: Kind, normal: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = match (key & 7, kind) {
        (0, Kind::Of(_)) => size_of::<Key>(),
        (0, _) => normal.iter().position(|byte| byte & 0x80 == 0)? + 1,
        (2, _) => usize::try_from(wire::number(normal).ok()?).ok()?,
        _ => return None,
    };
    let (body, after) = normal.split_at_checked(length)?;
    *normal = after;
    Some(body)
}

/// A function's or location's number, and the key of all else that it is.
fn own(schema: Schema, mut normal: &[u8], last: &mut u64) -> Option<(u64, Key)> {
    let mut rest = Vec::new();
    let mut number = 0;
    while !normal.is_empty() {
        let field = normal;
        let key = wire::number(&mut normal).ok()?;
        let kind = schema.kind(key >> 3);
        let mut body = skip(key, kind, &mut normal)?;
        if (kind, key & 7) == (Kind::Own, 0) {
            number = last.wrapping_add(wire::number(&mut body).ok()?);
            *last = number;
        } else {
            rest.extend_from_slice(&field[..field.len() - normal.len()]);
        }
    }
    Some((number, hash([rest.as_slice()])))
}

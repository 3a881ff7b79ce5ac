//! What constructors are called, as the memory panel of a browser calls them.

use std::collections::BTreeMap;
use std::io::Read;

use super::classes::{Kind, Members, Name};
use super::error::HeapSnapshotError;
use super::owners::Role;
use super::scanner::Scanner;

/// A longer name is cut: some are whole addresses.
const LONGEST: usize = 120;

/// What the language and Node itself make, so that their number says little about the program.
pub(crate) const CONTAINERS: [&str; 35] = [
    "Object",
    "Array",
    "Map",
    "Set",
    "WeakMap",
    "WeakSet",
    "WeakRef",
    "Date",
    "Promise",
    "Error",
    "Arguments",
    "Generator",
    "Map Iterator",
    "Set Iterator",
    "Array Iterator",
    "ArrayBuffer",
    "SharedArrayBuffer",
    "DataView",
    "Buffer",
    "FastBuffer",
    "Int8Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "Float32Array",
    "Float64Array",
    "BigInt64Array",
    "BigUint64Array",
    "Module",
    "process",
    "console",
    "global",
];

/// The strings of those indices, which are in order. Reads the value of `strings`.
pub fn strings(scanner: &mut Scanner<impl Read>, wanted: &[u64]) -> Result<BTreeMap<u64, String>, HeapSnapshotError> {
    let mut found = BTreeMap::new();
    let mut wanted = wanted.iter().peekable();
    scanner.mark(b'[', "an array of strings")?;
    let mut index = 0;
    while !scanner.is_at_end(b']', index == 0)? {
        if wanted.next_if_eq(&&index).is_some() {
            found.insert(index, scanner.string(LONGEST)?);
        } else {
            scanner.skip_string()?;
        }
        index += 1;
    }
    match wanted.next() {
        None => Ok(found),
        Some(_) => Err(HeapSnapshotError::Content("a name is missing")),
    }
}

/// What a class is called.
pub fn name(class: &Members, kinds: &[String], strings: &BTreeMap<u64, String>) -> String {
    match class.name {
        Name::String(index) => {
            strings.get(&index).filter(|name| !name.is_empty()).cloned().unwrap_or("(no name)".into())
        }
        Name::Kind(number) => match kinds.get(number as usize).map(String::as_str) {
            Some("hidden") => "(system)".into(),
            Some("code") => "(compiled code)".into(),
            Some(kind) => format!("({kind})"),
            None => "(unknown)".into(),
        },
        Name::Other => "(other constructors)".into(),
    }
}

/// What a class of that name is to its parts.
pub fn role(class: &Members, name: &str) -> Role {
    let is_internal = name.starts_with("system / ") || name.starts_with('(') || name.is_empty();
    match class.kind {
        Kind::Object if is_internal => Role::Part,
        Kind::Object if CONTAINERS.contains(&name) || name.starts_with("global / ") => Role::Container,
        Kind::Object => Role::Named,
        Kind::Native | Kind::Plain => Role::Part,
    }
}

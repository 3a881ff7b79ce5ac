//! Heap snapshots of V8, by constructor, as the memory panel of a browser sums them up.
//!
//! A snapshot is one JSON object that may be larger than the memory of the machine it is looked at on. It is read once,
//! from front to back, and never held: names are indices until the end of the file, where the strings are.
//!
//! By their own size alone, what grows is nearly always `(string)`, `(array)` or `system / JSArrayBufferData`. So bytes
//! that only one object of a class of the program holds, directly or through other objects that only it holds, count for
//! that class. It takes 15 bytes for each node to find out; beyond a bound it is left.

mod classes;
mod error;
mod layout;
mod names;
mod nodes;
mod owners;
mod scanner;
mod text;

use std::collections::BTreeMap;
use std::io::Read;

use crate::difference::Total;
pub use error::HeapSnapshotError;
use layout::Layout;
pub(crate) use names::CONTAINERS;
use names::{name, role};
use nodes::Nodes;
use owners::{Owners, Role};
use scanner::Scanner;

/// Up to so many nodes it is found out who holds what, at 90 MiB; a snapshot of that many has some 450 MB.
pub const MOST_NODES: usize = 6 << 20;

/// A heap, by constructor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constructors {
    by_name: BTreeMap<String, Constructor>,
    is_attributed: bool,
}

/// What there is of one constructor: of objects of a class, or of one kind of thing inside V8 such as `(string)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Constructor {
    /// How many.
    pub objects: u64,
    /// Their own bytes, which is what a browser calls shallow size.
    pub own_bytes: u64,
    /// Their own and those of parts that only they hold, less those that count for another constructor. Over all
    /// constructors the sum is the same.
    pub bytes: u64,
}

/// Reads a heap snapshot: in one go, in constant memory but for 15 bytes for each node up to [`MOST_NODES`].
pub fn read(reader: impl Read) -> Result<Constructors, HeapSnapshotError> {
    read_within(reader, MOST_NODES)
}

/// As [`read`], with another bound on the nodes of which it is found out who holds them; with 0 it is left.
pub fn read_within(reader: impl Read, most_nodes: usize) -> Result<Constructors, HeapSnapshotError> {
    let mut scanner = Scanner::new(reader);
    let mut reading = Reading { most_nodes, ..Reading::default() };
    scanner.mark(b'{', "'{'")?;
    let mut is_first = true;
    while let Some(key) = scanner.key(is_first)? {
        is_first = false;
        reading.part(&key, &mut scanner)?;
    }
    reading.result.ok_or(HeapSnapshotError::Content("it has no strings"))
}

#[derive(Default)]
struct Reading {
    most_nodes: usize,
    layout: Option<Layout>,
    nodes: Option<Nodes>,
    owners: Option<Owners>,
    result: Option<Constructors>,
}

impl Reading {
    fn part(&mut self, key: &str, scanner: &mut Scanner<impl Read>) -> Result<(), HeapSnapshotError> {
        match key {
            "snapshot" if self.layout.is_none() => self.layout = Some(Layout::read(scanner)?),
            "nodes" if self.nodes.is_none() => {
                let layout = self.layout.as_ref().ok_or(HeapSnapshotError::Content("its head is missing"))?;
                self.nodes = Some(Nodes::read(scanner, layout, self.most_nodes)?);
            }
            "edges" if self.owners.is_none() => self.edges(scanner)?,
            "strings" if self.result.is_none() => self.strings(scanner)?,
            _ => scanner.value(|_| Ok(()))?,
        }
        Ok(())
    }

    fn edges(&mut self, scanner: &mut Scanner<impl Read>) -> Result<(), HeapSnapshotError> {
        let kept = self.nodes.as_ref().and_then(|nodes| nodes.kept.as_ref());
        if let (Some(layout), Some(kept)) = (&self.layout, kept)
            && let Some(edge) = &layout.edge
        {
            self.owners = Some(Owners::read(scanner, edge, &kept.edges, kept.class.len(), layout.node.width)?);
            return Ok(());
        }
        scanner.value(|_| Ok(()))
    }

    fn strings(&mut self, scanner: &mut Scanner<impl Read>) -> Result<(), HeapSnapshotError> {
        let (Some(layout), Some(nodes)) = (&self.layout, &self.nodes) else {
            return Err(HeapSnapshotError::Content("its nodes are missing"));
        };
        let strings = names::strings(scanner, &nodes.classes.strings())?;
        let classes = nodes.classes.all();
        let names: Vec<String> = classes.iter().map(|class| name(class, &layout.node.kinds, &strings)).collect();
        let own: Vec<u64> = classes.iter().map(|class| class.bytes).collect();
        let bytes = self.owners.as_ref().zip(nodes.kept.as_ref()).map(|(owners, kept)| {
            let roles: Vec<Role> = classes.iter().zip(&names).map(|(class, name)| role(class, name)).collect();
            owners.attribute(kept, &roles, &own)
        });
        let mut result = Constructors { is_attributed: bytes.is_some(), ..Constructors::default() };
        let bytes = bytes.unwrap_or(own);
        for ((class, name), bytes) in classes.iter().zip(names).zip(bytes) {
            result.add(name, Constructor { objects: class.objects, own_bytes: class.bytes, bytes });
        }
        self.result = Some(result);
        Ok(())
    }
}

impl Constructors {
    fn add(&mut self, name: String, more: Constructor) {
        if more.objects > 0 {
            let found = self.by_name.entry(name).or_default();
            found.objects += more.objects;
            found.own_bytes = found.own_bytes.saturating_add(more.own_bytes);
            found.bytes = found.bytes.saturating_add(more.bytes);
        }
    }

    /// Every constructor with its figures, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Constructor)> {
        self.by_name.iter().map(|(name, constructor)| (name.as_str(), *constructor))
    }

    /// Whether parts count for what holds them. If not, [`Constructor::bytes`] are the own bytes.
    pub fn is_attributed(&self) -> bool {
        self.is_attributed
    }

    /// Bytes and objects of every constructor, by name, parts with what holds them.
    pub fn totals(&self) -> impl Iterator<Item = (&str, Total)> {
        self.iter().map(|(name, found)| (name, Total { bytes: found.bytes, objects: found.objects }))
    }

    /// The same by own bytes alone.
    pub fn own_totals(&self) -> impl Iterator<Item = (&str, Total)> {
        self.iter().map(|(name, found)| (name, Total { bytes: found.own_bytes, objects: found.objects }))
    }

    /// The totals in which this heap can be compared with another one: with parts only if that is known of both.
    pub fn totals_to_compare_with(&self, other: &Self) -> Vec<(&str, Total)> {
        if other.is_attributed { self.totals().collect() } else { self.own_totals().collect() }
    }

    /// The whole heap.
    pub fn total(&self) -> Total {
        self.own_totals().fold(Total::default(), |sum, (_, total)| Total {
            bytes: sum.bytes.saturating_add(total.bytes),
            objects: sum.objects + total.objects,
        })
    }
}

#[cfg(test)]
mod tests;

//! The nodes of a heap snapshot: summed up as they come, and a few bytes of each kept where there is room.

use std::io::Read;

use super::classes::{Class, Classes};
use super::error::HeapSnapshotError;
use super::layout::Layout;
use super::scanner::Scanner;

type Result<T> = std::result::Result<T, HeapSnapshotError>;

/// The nodes that were read.
pub struct Nodes {
    /// What they sum up to.
    pub classes: Classes,
    /// How many.
    pub count: u64,
    /// What is kept of each; nothing if there are too many.
    pub kept: Option<Kept>,
}

/// What is kept of each node, by its number: 7 bytes.
pub struct Kept {
    /// Its class.
    pub class: Vec<Class>,
    /// Its own bytes; 0 for one of 4 GiB or more, which then stays what it is.
    pub size: Vec<u32>,
    /// How many edges it has.
    pub edges: EdgeCounts,
}

/// Numbers of edges, nearly all of which are small.
#[derive(Default)]
pub struct EdgeCounts {
    small: Vec<u8>,
    /// Node and count, in the order of nodes.
    large: Vec<(u32, u32)>,
}

/// Of that many edges on, a node counts as one with many.
const LARGE: u8 = u8::MAX;
/// In a real file one in ten thousand.
const MOST_LARGE: usize = 1 << 20;

impl Nodes {
    /// Reads the value of `nodes`. Of each something is kept if they are no more than `most`.
    pub fn read(scanner: &mut Scanner<impl Read>, layout: &Layout, most: usize) -> Result<Self> {
        let node = &layout.node;
        let kept =
            (node.edges.is_some() && layout.nodes <= most as u64).then(|| Kept::with_room(layout.nodes as usize));
        let mut nodes = Self { classes: Classes::new(node), count: 0, kept };
        let mut figures = vec![0; node.width];
        let mut position = 0;
        scanner.numbers(|figure| {
            figures[position] = figure;
            position += 1;
            if position == node.width {
                position = 0;
                let edges = node.edges.map_or(0, |edges| figures[edges]);
                nodes.add(figures[node.kind], figures[node.name], figures[node.size], edges, most);
            }
            Ok(())
        })?;
        if position == 0 { Ok(nodes) } else { Err(HeapSnapshotError::Content("its last node is incomplete")) }
    }

    fn add(&mut self, kind: u64, name: u64, size: u64, edges: u64, most: usize) {
        self.count += 1;
        let class = self.classes.add(kind, name, size);
        // There may be more than were announced.
        let fits = self.count <= most as u64 && self.kept.as_mut().is_some_and(|kept| kept.add(class, size, edges));
        if !fits {
            self.kept = None;
        }
    }
}

impl Kept {
    fn with_room(nodes: usize) -> Self {
        let edges = EdgeCounts { small: Vec::with_capacity(nodes), large: Vec::new() };
        Self { class: Vec::with_capacity(nodes), size: Vec::with_capacity(nodes), edges }
    }

    fn add(&mut self, class: Class, size: u64, edges: u64) -> bool {
        self.class.push(class);
        self.size.push(u32::try_from(size).unwrap_or(0));
        self.edges.push(edges)
    }
}

impl EdgeCounts {
    fn push(&mut self, count: u64) -> bool {
        let node = self.small.len() as u32;
        match u8::try_from(count) {
            Ok(small) if small < LARGE => self.small.push(small),
            _ => {
                let Ok(count) = u32::try_from(count) else { return false };
                self.small.push(LARGE);
                self.large.push((node, count));
            }
        }
        self.large.len() <= MOST_LARGE
    }

    /// Nodes that have edges, in order, each with how many.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let mut large = self.large.iter();
        let count = move |(node, small): (usize, &u8)| match *small {
            0 => None,
            LARGE => large.next().copied(),
            small => Some((node as u32, u32::from(small))),
        };
        self.small.iter().enumerate().filter_map(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge_counts_come_back_as_they_went_in() {
        let mut counts = EdgeCounts::default();
        for count in [0, 3, 254, 255, 0, 1_000_000, 1] {
            assert!(counts.push(count));
        }
        let found: Vec<_> = counts.iter().collect();
        assert_eq!(found, [(1, 3), (2, 254), (3, 255), (5, 1_000_000), (6, 1)]);
        assert!(!counts.push(1 << 40), "more than any file has");
    }
}

//! Who alone holds a node, and to which constructor its bytes belong by that.

use std::io::Read;

use super::classes::Class;
use super::error::HeapSnapshotError;
use super::layout;
use super::nodes::{EdgeCounts, Kept};
use super::scanner::Scanner;

type Result<T> = std::result::Result<T, HeapSnapshotError>;

/// Nobody was found yet.
const NOBODY: u32 = u32::MAX;
/// More than one.
const MANY: u32 = u32::MAX - 1;
/// So far up owners are looked for: a bound on time where a file is one long chain.
const FARTHEST: usize = 32;

/// Who holds each node, by its number, up to two others: 8 bytes each.
pub struct Owners(Vec<[u32; 2]>);

/// What a class is to the question whose bytes these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A class of the program: what only it holds is its own.
    Named,
    /// A container of the language, such as `Object` or `Map`: has what nobody further up claims.
    Container,
    /// A string, an array, a buffer: means nothing by itself.
    Part,
}

impl Owners {
    /// Reads the value of `edges`. A node of the file has `width` figures.
    pub fn read(
        scanner: &mut Scanner<impl Read>,
        layout: &layout::Edge,
        counts: &EdgeCounts,
        nodes: usize,
        width: usize,
    ) -> Result<Self> {
        let mut owners = Self(vec![[NOBODY; 2]; nodes]);
        // They do not keep anything, or repeat what another edge says.
        let holds: Vec<bool> = layout.kinds.iter().map(|kind| kind != "weak" && kind != "shortcut").collect();
        let mut from = counts.iter();
        let mut left = (0, 0);
        let (mut kind, mut position) = (0, 0);
        scanner.numbers(|figure| {
            if position == layout.kind {
                kind = figure as usize;
            }
            if position == layout.to {
                if left.1 == 0 {
                    left = from.next().ok_or(HeapSnapshotError::Content("it has edges of no node"))?;
                }
                left.1 -= 1;
                let to = owners.number(figure, width)?;
                if holds.get(kind).copied().unwrap_or(true) {
                    owners.hold(left.0, to);
                }
            }
            position = (position + 1) % layout.width;
            Ok(())
        })?;
        let is_whole = left.1 == 0 && from.next().is_none();
        if is_whole { Ok(owners) } else { Err(HeapSnapshotError::Content("edges are missing")) }
    }

    fn number(&self, figure: u64, width: usize) -> Result<usize> {
        let (number, rest) = (figure as usize / width, figure as usize % width);
        let is_one = rest == 0 && number < self.0.len();
        is_one.then_some(number).ok_or(HeapSnapshotError::Content("an edge leads nowhere"))
    }

    fn hold(&mut self, from: u32, to: usize) {
        let [first, second] = &mut self.0[to];
        if from as usize == to || *first == from || *second == from {
            return;
        }
        match (*first, *second) {
            (NOBODY, _) => *first = from,
            (_, NOBODY) => *second = from,
            _ => *second = MANY,
        }
    }

    /// Bytes of each class once every node's bytes are with whom they belong to: the nearest object of a class of the
    /// program that alone holds the node, through as many others as it takes; or else the nearest container.
    pub fn attribute(&self, kept: &Kept, roles: &[Role], own: &[u64]) -> Vec<u64> {
        let mut bytes = own.to_vec();
        for (node, (class, size)) in kept.class.iter().zip(&kept.size).enumerate() {
            let role = roles[usize::from(*class)];
            if role != Role::Named && *size > 0 {
                let to = usize::from(self.belongs_to(node, role, kept, roles).unwrap_or(*class));
                bytes[usize::from(*class)] = bytes[usize::from(*class)].saturating_sub(u64::from(*size));
                bytes[to] = bytes[to].saturating_add(u64::from(*size));
            }
        }
        bytes
    }

    fn belongs_to(&self, node: usize, role: Role, kept: &Kept, roles: &[Role]) -> Option<Class> {
        let mut container = None;
        let above = std::iter::successors(self.owner(node), |node| self.owner(*node));
        for class in above.take(FARTHEST).map(|node| kept.class[node]) {
            match roles[usize::from(class)] {
                Role::Named => return Some(class),
                Role::Container if role == Role::Part => container = container.or(Some(class)),
                _ => {}
            }
        }
        container
    }

    /// Who alone holds a node. V8 says of an element of an array that both the array and its store hold it, and of a
    /// property the same: then it is the one that alone holds the other.
    fn owner(&self, node: usize) -> Option<usize> {
        let [first, second] = self.0[node];
        match second {
            NOBODY => self.alone(node),
            MANY => None,
            _ if self.alone(second as usize) == Some(first as usize) => Some(first as usize),
            _ if self.alone(first as usize) == Some(second as usize) => Some(second as usize),
            _ => None,
        }
    }

    fn alone(&self, node: usize) -> Option<usize> {
        let [first, second] = self.0[node];
        (second == NOBODY && first != NOBODY).then_some(first as usize)
    }
}

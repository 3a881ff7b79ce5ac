//! Which class a node is of, before names are known: they come at the end of the file.

use std::collections::HashMap;

use super::layout;

/// So many classes are told apart, so that a class fits into 16 bits of each node; a large service has some thousands.
const MOST: usize = u16::MAX as usize;
/// All further ones.
const OTHER: Class = 0;

/// Number of a class.
pub type Class = u16;

/// The classes met so far and what is in them.
pub struct Classes {
    kinds: Vec<Kind>,
    numbers: HashMap<(u64, u64), Class>,
    all: Vec<Members>,
}

/// What is in a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members {
    /// What its nodes are.
    pub kind: Kind,
    /// What it is called.
    pub name: Name,
    /// How many.
    pub objects: u64,
    /// Their own bytes.
    pub bytes: u64,
}

/// What nodes are, as far as it matters to their name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Objects of the program, which are called after their constructor.
    Object,
    /// Things of the embedder, with a name of their own.
    Native,
    /// All others, of one name together.
    Plain,
}

/// What a class is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// That string of the file.
    String(u64),
    /// What the type of that number is called.
    Kind(u64),
    /// Too many to tell.
    Other,
}

impl Classes {
    /// Knows none yet.
    pub fn new(layout: &layout::Node) -> Self {
        let kinds = layout.kinds.iter().map(|kind| match kind.as_str() {
            "object" => Kind::Object,
            "native" => Kind::Native,
            _ => Kind::Plain,
        });
        let other = Members { kind: Kind::Plain, name: Name::Other, objects: 0, bytes: 0 };
        Self { kinds: kinds.collect(), numbers: HashMap::new(), all: vec![other] }
    }

    /// Counts a node of that type and name.
    pub fn add(&mut self, kind: u64, name: u64, bytes: u64) -> Class {
        let class = self.class(kind, name);
        let members = &mut self.all[usize::from(class)];
        members.objects += 1;
        members.bytes = members.bytes.saturating_add(bytes);
        class
    }

    fn class(&mut self, number: u64, name: u64) -> Class {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let kind = self.kinds.get(index).copied().unwrap_or(Kind::Plain);
        let key = if kind == Kind::Plain { (number, 0) } else { (number, name) };
        if let Some(class) = self.numbers.get(&key) {
            return *class;
        }
        if self.all.len() > MOST {
            return OTHER;
        }
        let class = self.all.len() as Class;
        let name = if kind == Kind::Plain { Name::Kind(number) } else { Name::String(name) };
        self.all.push(Members { kind, name, objects: 0, bytes: 0 });
        self.numbers.insert(key, class);
        class
    }

    /// Indices of the strings that classes are called by, in order.
    pub fn strings(&self) -> Vec<u64> {
        let mut strings: Vec<u64> = self.all.iter().filter_map(|class| class.name.string()).collect();
        strings.sort_unstable();
        strings.dedup();
        strings
    }

    /// All classes, by number.
    pub fn all(&self) -> &[Members] {
        &self.all
    }
}

impl Name {
    fn string(self) -> Option<u64> {
        match self {
            Self::String(index) => Some(index),
            Self::Kind(_) | Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Classes {
        let kinds = ["hidden", "object", "string"].map(str::to_owned).to_vec();
        Classes::new(&layout::Node { width: 4, kind: 0, name: 1, size: 2, edges: Some(3), kinds })
    }

    #[test]
    fn objects_are_told_apart_by_name_and_strings_are_not() {
        let mut classes = classes();
        let (one, same, other) = (classes.add(1, 7, 10), classes.add(1, 7, 5), classes.add(1, 8, 1));
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert_eq!(classes.add(2, 7, 1), classes.add(2, 8, 1));
        let found = classes.all()[usize::from(one)];
        assert_eq!((found.objects, found.bytes, found.name), (2, 15, Name::String(7)));
    }

    #[test]
    fn a_file_with_a_name_for_every_node_fills_one_class_in_the_end() {
        let mut classes = classes();
        for name in 0..100_000 {
            classes.add(1, name, 1);
        }
        assert_eq!(classes.all().len(), MOST + 1);
        assert_eq!(classes.all()[usize::from(OTHER)].objects, 100_000 - MOST as u64);
    }
}

//! The strings of a profile, each kept once.

use std::collections::HashMap;
use std::rc::Rc;

pub(super) struct Strings {
    all: Vec<Rc<str>>,
    index: HashMap<Rc<str>, i64>,
    bytes: usize,
}

impl Strings {
    /// The first string of every profile is empty.
    pub(super) fn new() -> Self {
        let empty: Rc<str> = Rc::from("");
        Self { all: vec![empty.clone()], index: HashMap::from([(empty, 0)]), bytes: 0 }
    }

    /// The number of a string.
    pub(super) fn number(&mut self, text: &str) -> i64 {
        if let Some(&number) = self.index.get(text) {
            return number;
        }
        let (text, number): (Rc<str>, _) = (Rc::from(text), self.all.len().cast_signed() as i64);
        self.bytes += text.len();
        self.all.push(text.clone());
        self.index.insert(text, number);
        number
    }

    /// How long they are together.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|text| &**text)
    }
}

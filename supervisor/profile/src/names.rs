//! Names, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

/// A name longer than this is cut: a generated C++ name may have a hundred thousand bytes, and says no more by it.
const LONGEST: usize = 1000;

/// Number of a name within one [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(u32);

impl Name {
    /// Position in a list that has an entry for each name.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// Stands for no name.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// Names by number, and numbers by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Name>,
}

impl Names {
    /// The number of a name, a new one if it was not seen before.
    pub(crate) fn number(&mut self, text: &str) -> Name {
        let text = cut(text);
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let name = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, name);
        name
    }

    /// The name itself.
    pub(crate) fn text(&self, name: Name) -> &str {
        &self.texts[name.index()]
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(AsRef::as_ref)
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number() {
        let mut names = Names::default();
        let first = names.number("main.leak");
        assert_ne!(names.number("main.main"), first);
        assert_eq!(names.number("main.leak"), first);
        assert_eq!(names.text(first), "main.leak");
        assert_eq!(names.texts().len(), 2);
    }

    #[test]
    fn a_long_name_is_cut_between_two_letters() {
        let mut names = Names::default();
        let name = names.number(&"ä".repeat(LONGEST));
        assert_eq!(names.text(name), "ä".repeat(LONGEST / 2));
    }
}

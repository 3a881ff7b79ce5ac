//! Tables as Markdown, printed row by row so that a long run shows how far it is.

/// A table with its head printed.
pub struct Table(usize);

impl Table {
    pub fn new(columns: &[&str]) -> Self {
        println!("| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
        Self(columns.len())
    }

    pub fn row(&self, cells: &[String]) {
        assert_eq!(cells.len(), self.0, "a row has as many cells as the head");
        println!("| {} |", cells.join(" | "));
    }
}

/// The middle value; of an even number the lower one.
pub fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

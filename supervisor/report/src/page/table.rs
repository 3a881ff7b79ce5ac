//! Tables that a phone can show: there each row becomes a card of its own.

use crate::markup::{Markup, element};

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    name: &'static str,
    class: &'static str,
}

impl Column {
    /// A column of text.
    pub const fn text(name: &'static str) -> Self {
        Self { name, class: "" }
    }

    /// A column of figures.
    pub const fn number(name: &'static str) -> Self {
        Self { name, class: "number" }
    }

    /// A column with a class of its own.
    pub const fn with(self, class: &'static str) -> Self {
        Self { class, ..self }
    }
}

/// A row: its cells, the first of which says what the row is about.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Its id, if something refers to it.
    pub id: String,
    /// What it is, for the style: a `row` has its most important cells in the first line of its card.
    pub class: &'static str,
    /// One for each column.
    pub cells: Vec<Markup>,
}

impl<const N: usize> From<[Markup; N]> for Row {
    fn from(cells: [Markup; N]) -> Self {
        Self { cells: cells.into(), ..Self::default() }
    }
}

/// A table whose rows become cards where there is no room. The roles are said aloud, because browsers forget them when a
/// table is not laid out as one.
pub fn cards(caption: &str, columns: &[Column], rows: impl IntoIterator<Item = Row>) -> Markup {
    element("table", &[("class", "cards"), ("role", "table")], content(caption, columns, rows))
}

/// A table of figures that is scrolled in a box of its own where there is no room.
pub fn scrolled(caption: &str, columns: &[Column], rows: impl IntoIterator<Item = Row>) -> Markup {
    let table = element("table", &[("role", "table")], content(caption, columns, rows));
    element("div", &[("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)], table)
}

fn content(caption: &str, columns: &[Column], rows: impl IntoIterator<Item = Row>) -> Markup {
    let heads = columns.iter().map(|column| {
        element("th", &[("scope", "col"), ("role", "columnheader"), ("class", column.class)], column.name)
    });
    let head = element("tr", &[("role", "row")], heads.collect::<Markup>());
    let rows: Markup = rows.into_iter().map(|row| tr(columns, row)).collect();
    [
        element("caption", &[], caption),
        element("thead", &[("role", "rowgroup")], head),
        element("tbody", &[("role", "rowgroup")], rows),
    ]
    .into()
}

fn tr(columns: &[Column], row: Row) -> Markup {
    let cells = columns.iter().zip(row.cells).enumerate().map(|(index, (column, cell))| {
        let attributes = [("class", column.class), ("data-label", column.name)];
        match index {
            0 => element("th", &[("scope", "row"), ("role", "rowheader"), attributes[0], attributes[1]], cell),
            _ => element("td", &[("role", "cell"), attributes[0], attributes[1]], cell),
        }
    });
    let cells: Markup = cells.collect();
    let attributes = [("role", "row"), ("class", row.class), ("id", row.id.as_str())];
    let given = attributes.into_iter().filter(|(_, value)| !value.is_empty());
    element("tr", &given.collect::<Vec<_>>(), cells)
}

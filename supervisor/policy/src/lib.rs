//! The policy language: TOML text in, a checked [`highwater_core::policy::Policy`] or every mistake out.
//!
//! Theory of operation:
//!
//! 1. [`load`] brings the text in; whatever may be wrong with a file is reported like a mistake in it.
//! 2. `syntax` finds what is not TOML. Each broken statement is blanked, so that the rest can still be read.
//! 3. `language` holds the tables of the language, each key once: its name, type, default and text. Reading, the list of
//!    known keys in messages and the JSON Schema all come from there. Leaf types are in `text`.
//! 4. `check` looks at what only several values together can tell.
//! 5. `lower` turns the tables into the plain model of the core.
//!
//! Nothing stops at the first mistake: all are collected as notes with byte spans, and become a [`Report`] at the end.

mod check;
mod collections;
mod fields;
mod language;
mod load;
mod lower;
mod nearest;
mod notes;
mod position;
mod render;
mod report;
mod shape;
mod syntax;
mod text;
mod value;

#[cfg(test)]
mod schema;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use highwater_core::policy::Policy;

use crate::notes::Notes;
use crate::value::Value;

pub use load::{MAX_BYTES, load};
pub use render::Colour;
pub use report::{Diagnostic, Report, Severity};

/// The built-in policy, `policies/default.toml`: what applies when no policy is given.
pub const DEFAULT: &str = include_str!("../../../policies/default.toml");

/// The name under which [`DEFAULT`] appears in reports.
pub const DEFAULT_NAME: &str = "default.toml (built in)";

/// A policy to be read: its text, and the name it has in reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// File name as the user wrote it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// The built-in policy.
    pub fn built_in() -> Self {
        Self { name: DEFAULT_NAME.to_owned(), text: DEFAULT.to_owned() }
    }
}

/// A sound policy, and what is still odd about it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The policy, every value in its place.
    pub policy: Policy,
    /// Warnings only; often empty.
    pub warnings: Report,
}

/// Reads and checks a policy. On failure the report holds every error and every warning, sorted by position.
pub fn parse(source: &Source) -> Result<Checked, Report> {
    let mut notes = Notes::default();
    let policy = read(&source.text, &mut notes);
    let report = Report::new(source, notes);
    match policy {
        Some(policy) if report.errors() == 0 => Ok(Checked { policy, warnings: report }),
        _ => Err(report),
    }
}

/// The policy in `text`, where it could be read to the end.
fn read(text: &str, notes: &mut Notes) -> Option<Policy> {
    let healed = syntax::heal(text, notes)?;
    let (tree, _) = DeTable::parse_recoverable(&healed);
    let root = Spanned::new(0..0, DeValue::Table(tree.into_inner()));
    let whole = notes.errors() == 0;
    let document = language::Document::read(&root, notes)?;
    if !whole {
        // What is missing may be in the part that could not be read.
        notes.drop_consequences();
        return None;
    }
    check::document(&document, notes);
    lower::policy(&document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_policy_is_sound() {
        let checked = parse(&Source::built_in()).unwrap_or_else(|report| panic!("{}", report.render(Colour::Never)));
        assert!(checked.warnings.is_empty(), "{}", checked.warnings.render(Colour::Never));
    }
}

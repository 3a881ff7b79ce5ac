//! What was found wrong with a policy, for people and for programs.

use std::collections::HashSet;

use crate::Source;
use crate::notes::{Note, Notes};
use crate::position::Lines;
use crate::render::{self, Colour};

/// A report shows so many diagnostics; the rest is counted.
const MOST: usize = 50;

/// Whether a policy can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy works, but not as it looks.
    Warning,
}

impl Severity {
    /// The word that begins a rendered diagnostic.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Name of the file.
    pub file: String,
    /// Line and column, both from 1, columns in characters; `None` for the file as a whole.
    pub at: Option<(usize, usize)>,
    /// Byte range in the text; `None` for the file as a whole.
    pub span: Option<std::ops::Range<usize>>,
    /// What is wrong, with what was found.
    pub message: String,
    /// What is allowed there; stands under the caret. May be empty.
    pub allowed: String,
    /// A way out.
    pub help: Option<String>,
}

impl std::fmt::Display for Diagnostic {
    /// On one line: `file:line:column: error: message (allowed)`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:", self.file)?;
        if let Some((line, column)) = self.at {
            write!(formatter, "{line}:{column}:")?;
        }
        write!(formatter, " {}: {}", self.severity.word(), self.message)?;
        match self.allowed.as_str() {
            "" => Ok(()),
            allowed => write!(formatter, " ({allowed})"),
        }
    }
}

/// Everything found wrong with one policy, sorted by position.
#[derive(Clone, Debug)]
pub struct Report {
    text: String,
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    left_out: usize,
}

impl Report {
    /// Sorts and places the notes about `source`.
    pub(crate) fn new(source: &Source, notes: Notes) -> Self {
        let errors = notes.errors();
        let lines = Lines::new(&source.text);
        let mut list = notes.list;
        list.sort_by_key(|note| (note.span.as_ref().map(|span| (span.start, span.end)), note.severity));
        let mut seen = HashSet::new();
        list.retain(|note| seen.insert((note.span.clone(), note.message.clone())));
        let left_out = notes.dropped + list.len().saturating_sub(MOST);
        list.truncate(MOST);
        let diagnostics = list.into_iter().map(|note| place(note, &source.name, &lines)).collect();
        Self { text: source.text.clone(), diagnostics, errors, left_out }
    }

    /// A report of one error about a file as a whole.
    pub(crate) fn of_file(name: String, message: String, help: Option<String>) -> Self {
        let error = Diagnostic {
            severity: Severity::Error,
            file: name,
            at: None,
            span: None,
            message,
            allowed: String::new(),
            help,
        };
        Self { text: String::new(), diagnostics: vec![error], errors: 1, left_out: 0 }
    }

    /// The diagnostics, by position; those about the file as a whole first. At most 50, see [`Report::left_out`].
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// How many errors were found.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many diagnostics were too many to be kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// All of it as text for people, each with its source line and a caret. Ends with a line break unless empty.
    pub fn render(&self, colour: Colour) -> String {
        render::report(self, &Lines::new(&self.text), colour)
    }
}

impl std::fmt::Display for Report {
    /// Rendered without colour.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.render(Colour::Never))
    }
}

impl std::error::Error for Report {}

/// A note with its line and column.
fn place(note: Note, file: &str, lines: &Lines<'_>) -> Diagnostic {
    let at = note.span.as_ref().map(|span| lines.position(span.start)).map(|place| (place.line, place.column));
    let see = note.see.map(|(span, what)| format!("{what} on line {}", lines.position(span.start).line));
    let help = match (note.help, see) {
        (Some(help), Some(see)) => Some(format!("{help} ({see})")),
        (help, see) => help.or(see),
    };
    Diagnostic {
        severity: note.severity,
        file: file.to_owned(),
        at,
        span: note.span,
        message: note.message,
        allowed: note.label,
        help,
    }
}

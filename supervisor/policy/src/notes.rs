//! Mistakes as they are found: byte spans, in any order. [`crate::Report`] is made of them.

use std::ops::Range;

use crate::report::Severity;

/// More notes than this are only counted: nobody reads on, and memory is what there is least of.
const MOST: usize = 500;

/// One mistake.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// Whether the policy can still be used.
    pub(crate) severity: Severity,
    /// Where, in bytes; `None` is the file as a whole.
    pub(crate) span: Option<Range<usize>>,
    /// What is wrong.
    pub(crate) message: String,
    /// What is allowed there; stands under the caret.
    pub(crate) label: String,
    /// A way out.
    pub(crate) help: Option<String>,
    /// Another place it has to do with, and what is there.
    pub(crate) see: Option<(Range<usize>, &'static str)>,
    /// It may only follow from another mistake.
    consequence: bool,
}

impl Note {
    /// Adds a way out.
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place, with what is there: "first".
    pub(crate) fn see(&mut self, span: Range<usize>, what: &'static str) -> &mut Self {
        self.see = Some((span, what));
        self
    }

    /// Marks it as one that may only follow from another: said only about a text that could be read whole.
    pub(crate) fn consequence(&mut self) -> &mut Self {
        self.consequence = true;
        self
    }
}

/// All mistakes so far.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Those that are kept.
    pub(crate) list: Vec<Note>,
    /// How many errors were too many to keep.
    pub(crate) dropped: usize,
}

impl Notes {
    /// Notes an error at `span`: what is wrong, and what is allowed there.
    pub(crate) fn error(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Note {
        self.push(Severity::Error, Some(span.clone()), message.into(), label.into())
    }

    /// Notes something odd that still works.
    pub(crate) fn warning(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Note {
        self.push(Severity::Warning, Some(span.clone()), message.into(), label.into())
    }

    /// Notes something about the file as a whole.
    pub(crate) fn whole(&mut self, severity: Severity, message: impl Into<String>) -> &mut Note {
        self.push(severity, None, message.into(), String::new())
    }

    /// How many errors there are.
    pub(crate) fn errors(&self) -> usize {
        self.dropped + self.list.iter().filter(|note| note.severity == Severity::Error).count()
    }

    /// Forgets what may only follow from another mistake.
    pub(crate) fn drop_consequences(&mut self) {
        self.list.retain(|note| !note.consequence);
    }

    fn push(&mut self, severity: Severity, span: Option<Range<usize>>, message: String, label: String) -> &mut Note {
        if self.list.len() == MOST {
            self.list.pop();
            self.dropped += 1;
        }
        self.list.push(Note { severity, span, message, label, help: None, see: None, consequence: false });
        self.list.last_mut().expect("one was pushed just now")
    }
}

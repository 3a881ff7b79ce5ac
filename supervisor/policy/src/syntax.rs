//! What is not TOML, and how the rest of the text is still read.
//!
//! The parser recovers, but what it makes of a text after a mistake is a guess that breeds more mistakes. So only the
//! first one is believed: its statement is blanked, byte for byte, and the text is parsed anew, until nothing is wrong.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::DeTable;
use toml_parser::parser::{Event, EventKind, RecursionGuard};

use crate::notes::Notes;
use crate::report::Severity;

/// So many syntax errors are looked for.
const ROUNDS: usize = 20;
/// Beyond this many errors in one pass a text is no TOML at all.
const GARBAGE: usize = 200;
/// A text longer than this, in bytes, is parsed anew only a few times.
const LONG: usize = 64 << 10;
/// A text of more statements is not read at all: its tree would take a hundred times its own memory.
const STATEMENTS: usize = 4_096;
/// Nesting the parser follows.
const DEPTH: u32 = 80;

/// The text with every broken statement blanked; spans stay true. Every syntax error is noted. `None` when there were
/// too many to go on.
pub(crate) fn heal<'t>(text: &'t str, notes: &mut Notes) -> Option<Cow<'t, str>> {
    let rounds = if text.len() > LONG { 3 } else { ROUNDS };
    let mut healed = Cow::Borrowed(text);
    for _ in 0..rounds {
        let outline = Outline::of(&healed);
        if outline.starts.len() > STATEMENTS {
            let message = format!("{} statements: this is not a policy", outline.starts.len());
            notes.whole(Severity::Error, message).help(format!("a policy has at most {STATEMENTS}"));
            return None;
        }
        let errors = outline.errors(&healed);
        if errors.len() >= GARBAGE {
            garbage(&healed, &errors, notes);
            return None;
        }
        let Some((span, message)) = errors.into_iter().next() else {
            return Some(healed);
        };
        let statement = outline.statement(span.start);
        note(&healed, &span, &message, statement, notes);
        let broken = extent(&healed, span.start, statement);
        if healed[broken.clone()].trim().is_empty() {
            return None;
        }
        healed = Cow::Owned(blank(&healed, broken));
    }
    None
}

/// A syntax error: where and what.
type Mistake = (Range<usize>, String);

/// Where statements begin, and what the grammar refuses: a first look that is cheap even on a megabyte of garbage.
struct Outline {
    starts: Vec<usize>,
    refused: Vec<Mistake>,
}

impl Outline {
    fn of(text: &str) -> Self {
        let tokens = toml_parser::Source::new(text).lex().into_vec();
        let mut refused = Vec::new();
        let mut events: Vec<Event> = Vec::new();
        let mut sink = |error: toml_parser::ParseError| {
            if refused.len() < GARBAGE {
                let span = error.unexpected().map_or(0..0, |span| span.start()..span.end());
                refused.push((span, error.description().to_owned()));
            }
        };
        toml_parser::parser::parse_document(&tokens, &mut RecursionGuard::new(&mut events, DEPTH), &mut sink);
        Self { starts: starts(&events), refused }
    }

    /// Every syntax error by position, or only those of the grammar where there are too many.
    fn errors(&self, text: &str) -> Vec<Mistake> {
        let mut errors = if self.refused.len() >= GARBAGE {
            self.refused.clone()
        } else {
            let (_, errors) = DeTable::parse_recoverable(text);
            let mistake = |error: toml::de::Error| (error.span().unwrap_or(0..0), error.message().to_owned());
            errors.into_iter().map(mistake).collect()
        };
        errors.sort_by_key(|(span, _)| span.start);
        errors
    }

    /// The start of the statement around `offset`, if it has one that can be recognised.
    fn statement(&self, offset: usize) -> Option<usize> {
        let after = self.starts.partition_point(|start| *start <= offset);
        after.checked_sub(1).map(|index| self.starts[index])
    }
}

/// The offsets at which keys and headers begin outside of all brackets.
fn starts(events: &[Event]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut starts = Vec::new();
    for event in events {
        match event.kind() {
            EventKind::ArrayOpen | EventKind::InlineTableOpen => depth += 1,
            EventKind::ArrayClose | EventKind::InlineTableClose => depth = depth.saturating_sub(1),
            EventKind::StdTableOpen | EventKind::ArrayTableOpen | EventKind::SimpleKey if depth == 0 => {
                starts.push(event.span().start());
            }
            _ => {}
        }
    }
    starts
}

/// The lines to blank for an error at `at` in the statement that begins at `statement`. A broken header takes its whole
/// section along: its keys belong to nothing.
fn extent(text: &str, at: usize, statement: Option<usize>) -> Range<usize> {
    let Some(statement) = statement else {
        let start = line_start(text, at);
        return start..line_end(text, start);
    };
    let start = line_start(text, statement);
    let header = text[start..].trim_start().starts_with('[');
    // An error at the very end is a bracket or quote left open: what follows the first line may well be sound.
    let reached = if at >= text.trim_end().len() { start } else { line_start(text, at).max(start) };
    let mut end = line_end(text, start);
    while end < text.len() && (end < reached || !begins(&text[end..], header)) {
        end = line_end(text, end);
    }
    start..end
}

/// Whether a line looks like the begin of a statement, or of a section.
fn begins(line: &str, section: bool) -> bool {
    let line = line.lines().next().unwrap_or("");
    let key = line.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_\"'=".contains(c)) && line.contains('=');
    line.starts_with('[') || (key && !section)
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..text.floor_char_boundary(offset)].rfind('\n').map_or(0, |index| index + 1)
}

/// The start of the next line.
fn line_end(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |index| offset + index + 1)
}

/// The text with spaces for everything but line breaks in `range`.
fn blank(text: &str, range: Range<usize>) -> String {
    let spaces: String = text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    format!("{}{spaces}{}", &text[..range.start], &text[range.end..])
}

/// Notes one syntax error in the words of the language.
fn note(text: &str, span: &Range<usize>, message: &str, statement: Option<usize>, notes: &mut Notes) {
    let found = text.get(span.clone()).unwrap_or("");
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let note = match what {
        "string values must be quoted" if found.trim().is_empty() => notes.error(span, "no value", "a value is needed"),
        "string values must be quoted" => {
            let first = found.lines().next().unwrap_or("").trim();
            notes.error(span, format!("`{first}` without quotes"), format!("write \"{first}\""))
        }
        "duplicate key" => notes.error(span, format!("`{found}` is set twice"), "it is set already in this table"),
        _ if expected.is_empty() => notes.error(span, what, "this is not TOML"),
        _ => notes.error(span, what, format!("expected {expected}")),
    };
    let shown = span.start.min(text.trim_end().len());
    if let Some(statement) = statement
        && line_start(text, statement) != line_start(text, shown)
    {
        note.see(statement..statement, "in the statement that begins");
    }
}

/// Notes the first few errors of a text that is no TOML at all, one a line.
fn garbage(text: &str, errors: &[Mistake], notes: &mut Notes) {
    let mut line = None;
    for (span, message) in errors {
        let here = line_start(text, span.start);
        if line != Some(here) && notes.list.len() < ROUNDS {
            note(text, span, message, None, notes);
            line = Some(here);
        }
    }
    notes.whole(Severity::Error, format!("{} syntax errors or more: this is not a policy", errors.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healed(text: &str) -> (Option<String>, Vec<String>) {
        let mut notes = Notes::default();
        let healed = heal(text, &mut notes).map(Cow::into_owned);
        (healed, notes.list.into_iter().map(|note| note.message).collect())
    }

    #[test]
    fn each_broken_statement_is_one_error_and_the_rest_stays() {
        let (text, errors) = healed("a = 512MiB\nb = 1\nstop timeout = 3\nc = \n[s]\nd = [1,2\ne = 5\n");
        assert_eq!(
            errors,
            ["`512MiB` without quotes", "key with no value", "no value", "missing comma between array elements"]
        );
        let kept: Vec<String> =
            text.unwrap().lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
        assert_eq!(kept, ["b = 1", "[s]", "e = 5"]);
    }

    #[test]
    fn a_broken_header_takes_its_section_along() {
        let (text, errors) = healed("[a\nx = 1\ny = 2\n[b]\nz = 3\n");
        assert_eq!(errors, ["unclosed table"]);
        assert_eq!(text.unwrap().trim(), "[b]\nz = 3");
    }

    #[test]
    fn garbage_is_given_up_early() {
        for times in [1_000, 100_000] {
            let (text, errors) = healed(&"= no toml\n".repeat(times));
            assert!(text.is_none());
            assert!((1..=ROUNDS + 1).contains(&errors.len()), "{}", errors.len());
        }
    }
}

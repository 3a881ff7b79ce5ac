//! Reading `journal.jsonl` while highwater writes it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::wait_until;

/// The journal below a state directory.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The journal of the highwater that runs with `--state-dir state_dir`. It need not exist yet.
    pub fn in_state_dir(state_dir: &Path) -> Self {
        Self { path: state_dir.join("journal.jsonl") }
    }

    /// All complete lines written so far, oldest first; none where there is no file yet.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
            Err(error) => panic!("{}: {error}", self.path.display()),
        };
        parse(&text, &self.path)
    }

    /// The lines of one kind, such as `step.finished`.
    #[track_caller]
    pub fn events(&self, event: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["event"] == event).collect()
    }

    /// Waits for the first line of this kind.
    #[track_caller]
    pub fn wait_for(&self, event: &str) -> Value {
        self.wait_for_line(event, |line| line["event"] == event)
    }

    /// Waits for the first line that `matches`; `what` names it where it never comes.
    #[track_caller]
    pub fn wait_for_line(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        wait_until(&format!("{what} in {}", self.path.display()), || self.lines().into_iter().find(&matches))
    }
}

/// What follows the last newline is a line that is still being written.
#[track_caller]
fn parse(text: &str, path: &Path) -> Vec<Value> {
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse_line = |line| match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => panic!("{}: {error} in line: {line}", path.display()),
    };
    complete.lines().map(parse_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_still_being_written_is_not_read() {
        let lines = parse("{\"event\":\"a\"}\n{\"event\":\"b\"}\n{\"eve", Path::new("j"));
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1]["event"], "b");
    }

    #[test]
    fn no_file_is_no_lines() {
        assert!(Journal::in_state_dir(Path::new("/nonexistent")).lines().is_empty());
    }

    #[test]
    #[should_panic(expected = "in line: nonsense")]
    fn a_line_that_is_not_json_fails_the_test() {
        parse("nonsense\n", Path::new("j"));
    }
}

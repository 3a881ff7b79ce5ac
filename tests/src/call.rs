//! Programs that a test runs to their end.

use std::ffi::OsStr;
use std::process::Command;

/// Runs a command that must succeed, and returns what it wrote to standard output, without the newline at its end:
/// `call(["systemctl", "is-active", "web"])`.
#[track_caller]
pub fn call<A: AsRef<OsStr>>(line: impl IntoIterator<Item = A>) -> String {
    let mut line = line.into_iter();
    let mut command = Command::new(line.next().expect("the program at least"));
    let output = command.args(line).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = |stream: &[u8]| String::from_utf8_lossy(stream).trim_end().to_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out
}

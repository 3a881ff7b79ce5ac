//! What systemd says of a unit.

use std::path::Path;
use std::time::Duration;

use highwater_core::reading::{Exit, Told, Verdict};
use highwater_kernel::Pid;

use crate::work::{Surroundings, program};

/// What is asked for, in `systemctl`'s words.
const ASKED: &str = "--property=LoadState,MainPID,InvocationID";
/// What is asked for when the main process has ended.
const ASKED_OF_END: &str = "--property=InvocationID,ExecMainPID,ExecMainCode,ExecMainStatus,Result";

/// How a service ended is worth waiting for that long.
const PATIENCE: Duration = Duration::from_secs(10);

/// What systemd says of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Properties {
    /// Its name.
    pub name: String,
    /// The main process of its service.
    pub main: Pid,
    /// Which life of it this is; it is another one after each start.
    pub invocation: String,
}

/// Whether systemd is PID 1 here.
pub fn is_systemd_here() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Asks systemd before there is a loop to wait in. Nothing if the unit does not run; an error if it does not exist.
pub fn look(name: &str) -> Result<Option<Properties>, String> {
    let output = std::process::Command::new("systemctl").args(["show", ASKED, "--", name]).output();
    let output = output.map_err(|error| format!("systemctl: {error}"))?;
    if !output.status.success() {
        return Err(format!("systemctl show {name}: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    parse(name, &String::from_utf8_lossy(&output.stdout))
}

/// The same from within the loop.
pub async fn ask(name: &str, around: Surroundings) -> Result<Option<Properties>, String> {
    let argv = words(&["systemctl", "show", ASKED, "--", name]);
    let mut text = String::new();
    program::run_own(argv, around, |line| text.extend([line, "\n"])).await?;
    parse(name, &text)
}

/// Asks systemd, once, how a life of a unit ended, in which that was the main process.
pub async fn how_it_ended((name, invocation): (&str, &str), main: Pid, around: Surroundings) -> Option<Told> {
    let argv = words(&["systemctl", "show", ASKED_OF_END, "--", name]);
    let mut text = String::new();
    let asked = program::run_own(argv, around, |line| text.extend([line, "\n"]));
    tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    end(invocation, main, &text)
}

fn parse(name: &str, text: &str) -> Result<Option<Properties>, String> {
    if value(text, "LoadState") == Some("not-found") {
        return Err(format!("systemd knows no unit {name}"));
    }
    let main = value(text, "MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid > 0);
    let invocation = value(text, "InvocationID").unwrap_or_default().to_owned();
    Ok(main.map(|main| Properties { name: name.to_owned(), main, invocation }))
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

/// How the main process of that life ended, if that is what systemd speaks of: it may have started the next one, or not
/// have seen the end yet.
fn end(invocation: &str, main: Pid, text: &str) -> Option<Told> {
    let number = |key: &str| value(text, key)?.parse::<i32>().ok();
    if invocation.is_empty() || value(text, "InvocationID")? != invocation || number("ExecMainPID")? != main {
        return None;
    }
    let status = number("ExecMainStatus")?;
    let exit = match number("ExecMainCode")? {
        nix::libc::CLD_EXITED => Exit::Code(status),
        nix::libc::CLD_KILLED | nix::libc::CLD_DUMPED => Exit::Signal(status),
        _ => return None,
    };
    let verdict = match value(text, "Result")? {
        "success" => Verdict::Right,
        "oom-kill" => Verdict::OomKilled,
        _ => Verdict::Failed,
    };
    Some(Told { exit, verdict })
}

/// A command line.
pub(super) fn words<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Vec<std::ffi::OsString> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_says_is_read() {
        let text = "MainPID=4711\nLoadState=loaded\nInvocationID=2f\n";
        let expected = Properties { name: "a.service".into(), main: 4711, invocation: "2f".into() };
        assert_eq!(parse("a.service", text), Ok(Some(expected)));
        assert_eq!(parse("a.service", "MainPID=0\nLoadState=loaded\n"), Ok(None));
        assert!(parse("b.service", "MainPID=0\nLoadState=not-found\n").unwrap_err().contains("no unit b.service"));
    }

    #[test]
    fn the_end_of_a_life_is_read_and_no_other() {
        let says = |code: u8, status: u8, result: &str| {
            format!("Result={result}\nExecMainPID=47\nExecMainCode={code}\nExecMainStatus={status}\nInvocationID=2f\n")
        };
        let end_of = |text: &str| end("2f", 47, text).map(|told| (told.exit, told.verdict));
        assert_eq!(end_of(&says(1, 3, "exit-code")), Some((Exit::Code(3), Verdict::Failed)));
        assert_eq!(end_of(&says(1, 143, "success")), Some((Exit::Code(143), Verdict::Right)));
        assert_eq!(end_of(&says(2, 15, "success")), Some((Exit::Signal(15), Verdict::Right)));
        assert_eq!(end_of(&says(3, 11, "core-dump")), Some((Exit::Signal(11), Verdict::Failed)));
        assert_eq!(end_of(&says(2, 9, "oom-kill")), Some((Exit::Signal(9), Verdict::OomKilled)));
        // systemd has not seen it yet, or has started the next one.
        assert_eq!(end_of(&says(0, 0, "success")), None);
        assert_eq!(end_of(&says(1, 3, "exit-code").replace("2f", "30")), None);
        assert_eq!(end_of(&says(1, 3, "exit-code").replace("47", "48")), None);
        assert_eq!(end_of(""), None);
        assert_eq!(end("", 47, &says(1, 3, "exit-code").replace("2f", "")), None);
    }
}

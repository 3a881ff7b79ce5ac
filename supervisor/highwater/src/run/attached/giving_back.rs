//! `highwater attach --give-back`: what a supervisor that was killed, and its guard with it, has borrowed of others.

use std::path::Path;
use std::process::ExitCode;

use highwater_kernel::cgroup::{Group, HighWriter, Limit};

use super::unit;
use crate::cli;
use crate::run::state_dir::usual;
use crate::state::State;

/// Gives it back, if there is anything to give back.
pub fn give_back(arguments: &cli::Run) -> ExitCode {
    let state_dir = arguments.state_dir.clone().unwrap_or_else(|| usual(&arguments.name));
    match settle(&state_dir) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("highwater: {error}");
            ExitCode::from(125)
        }
    }
}

fn settle(state_dir: &Path) -> Result<String, String> {
    let mut state = State::open(state_dir);
    let Some((of, high)) = state.debt() else { return Ok("nothing was borrowed".into()) };
    let said = format!("memory.high of {of} is {high} again");
    give_to(of, high)?;
    state.give_back().map_err(|error| format!("{}: {error}", state_dir.display()))?;
    Ok(said)
}

fn give_to(of: &str, high: Limit) -> Result<(), String> {
    let Some(cgroup) = Some(Path::new(of)).filter(|path| path.is_absolute()) else {
        // Of a process without a cgroup nothing can be borrowed.
        return if of.parse::<u32>().is_ok() { Ok(()) } else { unit::give_back(of, high) };
    };
    let written = Group::open(cgroup).and_then(|group| HighWriter::open(&group)).and_then(|writer| writer.set(high));
    match written {
        Err(error) if !crate::host::is_gone(&error) => Err(error.to_string()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_borrowed_is_given_back_once() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(settle(directory.path()).unwrap(), "nothing was borrowed");
        let cgroup = directory.path().join("theirs");
        State::open(directory.path()).borrow(cgroup.display().to_string(), Limit::Bytes(4096)).unwrap();
        // It is gone, and its limit with it.
        assert!(settle(directory.path()).unwrap().ends_with("theirs is 4096 again"));
        assert_eq!(settle(directory.path()).unwrap(), "nothing was borrowed");
    }
}

//! Looking back: where the evidence of a supervisor is, and what it says.

mod incidents;
pub mod profile;
mod report;
pub mod terminal;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::Of;
use crate::run::state_dir;

pub use incidents::incidents;
pub use report::report;

/// Why there is nothing to show.
#[derive(Debug)]
pub struct Failed {
    /// Exit status.
    status: u8,
    /// In words.
    pub reason: String,
}

impl Failed {
    /// The arguments do not do.
    pub fn usage(reason: String) -> Self {
        Self { status: 2, reason }
    }

    /// What is asked for cannot be had.
    pub fn missing(reason: String) -> Self {
        Self { status: 1, reason }
    }

    /// What is asked for cannot be had, and that has been said.
    pub fn silent() -> Self {
        Self::missing(String::new())
    }

    /// Ends with it.
    pub fn end(&self) -> ExitCode {
        if !self.reason.is_empty() {
            eprintln!("highwater: {}", self.reason);
        }
        ExitCode::from(self.status)
    }
}

/// The directory of evidence of the supervisor that is meant.
fn evidence(of: &Of) -> Result<PathBuf, Failed> {
    Ok(meant(of)?.join("evidence"))
}

/// The state directory of the supervisor that is meant.
pub fn meant(of: &Of) -> Result<PathBuf, Failed> {
    match (&of.state_dir, &of.name) {
        (Some(directory), _) => Ok(directory.clone()),
        (None, Some(name)) => Ok(state_dir::usual(name)),
        (None, None) => match state_dir::given_by_systemd() {
            Some(directory) => Ok(directory),
            None => only_one(&state_dir::usual("")),
        },
    }
}

/// The state directory of the only supervisor that left something here.
fn only_one(all: &Path) -> Result<PathBuf, Failed> {
    let names = std::fs::read_dir(all).into_iter().flatten().flatten();
    let mut names: Vec<String> = names
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    match names.as_slice() {
        [] => Err(Failed::missing(format!("there is nothing in {}: give --state-dir or --name", all.display()))),
        [name] => Ok(all.join(name)),
        several => {
            Err(Failed::usage(format!("several left something here: give --name {}", several.join(" or --name "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_needed_only_where_several_left_something() {
        let all = tempfile::tempdir().unwrap();
        let nothing = only_one(all.path()).unwrap_err();
        assert_eq!((nothing.status, nothing.reason.contains("--state-dir")), (1, true));
        std::fs::create_dir(all.path().join("web")).unwrap();
        std::fs::write(all.path().join("note"), "").unwrap();
        assert_eq!(only_one(all.path()).unwrap(), all.path().join("web"));
        std::fs::create_dir(all.path().join("api")).unwrap();
        let several = only_one(all.path()).unwrap_err();
        assert_eq!(several.status, 2);
        assert_eq!(several.reason, "several left something here: give --name api or --name web");
    }
}

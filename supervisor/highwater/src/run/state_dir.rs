//! Where journal and evidence go.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::Failed;
use crate::cli;

/// The state directory, made if need be.
pub(super) fn state_dir(arguments: &cli::Run) -> Result<PathBuf, Failed> {
    let directory = arguments.state_dir.clone().unwrap_or_else(|| usual(&arguments.name));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o750).create(&directory).map_err(|error| unusable(&directory, &error))?;
    std::path::absolute(&directory).map_err(|error| unusable(&directory, &error))
}

/// Where systemd says, or where programs of the system or of a user keep their state.
pub fn usual(name: &str) -> PathBuf {
    let given = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = given_by_systemd() {
        return directory;
    }
    let home = || given("HOME").map(|home| home.join(".local/state"));
    let of_user = if nix::unistd::geteuid().is_root() { None } else { given("XDG_STATE_HOME").or_else(home) };
    of_user.unwrap_or_else(|| "/var/lib".into()).join("highwater").join(name)
}

/// Where systemd says, if it started this.
pub fn given_by_systemd() -> Option<PathBuf> {
    let directories = std::env::var("STATE_DIRECTORY").ok().filter(|value| !value.is_empty())?;
    Some(ours(&directories).into())
}

/// The directory that is meant for highwater: units may name several, of which one is the service's own.
pub fn ours(directories: &str) -> &str {
    let is_ours = |directory: &&str| Path::new(directory).iter().any(|part| part == "highwater");
    directories.split(':').find(is_ours).or_else(|| directories.split(':').next()).unwrap_or(directories)
}

/// Why highwater does not start: without a state directory nothing it does could be read afterwards.
pub(super) fn unusable(directory: &Path, error: &io::Error) -> Failed {
    let reason = format!("the state directory {} cannot be used: {error}; give --state-dir", directory.display());
    Failed { status: 125, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_state_directories_ours_is_taken() {
        assert_eq!(ours("/var/lib/web"), "/var/lib/web");
        assert_eq!(ours("/var/lib/web:/var/lib/highwater/web"), "/var/lib/highwater/web");
        assert_eq!(ours("/var/lib/web:/var/lib/more"), "/var/lib/web");
    }
}

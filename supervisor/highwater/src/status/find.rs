//! Which supervisor is meant, and where it is.

use std::path::{Path, PathBuf};

use super::ask::{AskError, get};
use crate::cli::Of;
use crate::past::{Failed, meant};
use crate::run::state_dir;
use crate::runtime_dir::{places, roots};
use crate::serve::SOCKET;

/// A supervisor.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// One that runs, by its socket.
    Running(PathBuf),
    /// One that does not, by its state directory.
    Gone(PathBuf),
}

impl Found {
    /// The socket of one that runs.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Running(socket) => Some(socket),
            Self::Gone(_) => None,
        }
    }
}

/// The supervisors that are meant: one that is named, whether it runs or not; else all that run; else the one that left
/// something.
pub fn find(of: &Of) -> Result<Vec<Found>, Failed> {
    let state_dir = match (&of.state_dir, &of.name) {
        (Some(directory), _) => directory.clone(),
        (None, Some(name)) => state_dir::usual(name),
        (None, None) => {
            let running = all_running(&roots())?;
            if !running.is_empty() {
                return Ok(running);
            }
            meant(of)?
        }
    };
    let named = of.name.iter().filter(|_| of.state_dir.is_none()).flat_map(|name| places(name));
    for directory in named.chain([state_dir.clone()]) {
        let socket = directory.join(SOCKET);
        if is_running(&socket).map_err(|error| Failed::missing(error.to_string()))? {
            return Ok(vec![Found::Running(socket)]);
        }
    }
    Ok(vec![Found::Gone(state_dir)])
}

/// Every supervisor that answers us, by name.
fn all_running(roots: &[PathBuf]) -> Result<Vec<Found>, Failed> {
    let (mut running, mut deaf) = (Vec::new(), None);
    for socket in roots.iter().flat_map(|root| sockets(root)) {
        match is_running(&socket) {
            Ok(true) => running.push(Found::Running(socket)),
            Ok(false) => {}
            Err(error) => deaf = Some(error),
        }
    }
    match deaf {
        Some(error) if running.is_empty() => Err(Failed::missing(error.to_string())),
        _ => Ok(running),
    }
}

fn sockets(root: &Path) -> Vec<PathBuf> {
    let directories = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut sockets: Vec<PathBuf> = directories.map(|directory| directory.path().join(SOCKET)).collect();
    sockets.sort();
    sockets
}

fn is_running(socket: &Path) -> Result<bool, AskError> {
    match get(socket, "/livez") {
        Ok(_) => Ok(true),
        Err(AskError::NotRunning) => Ok(false),
        Err(error) => Err(error),
    }
}

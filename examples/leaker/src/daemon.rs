//! The double fork of a classic daemon: whoever started the service loses sight of it.
#![allow(unsafe_code, reason = "fork is unsafe by nature; this module is all of it")]

use std::process;

use nix::unistd::{ForkResult, fork, setsid};

use crate::error::Error;

/// Goes on in a grandchild with a session of its own; the process that was started exits with 0.
///
/// Descriptors are kept, as by the worst of daemons: who waits for the end of a pipe waits for the grandchild.
pub(crate) fn detach() -> Result<(), Error> {
    go_on_in_child()?;
    setsid().map_err(Error::system("setsid"))?;
    go_on_in_child()
}

fn go_on_in_child() -> Result<(), Error> {
    // SAFETY: called before any thread is started, so the child may do whatever the parent may.
    match unsafe { fork() }.map_err(Error::system("fork"))? {
        ForkResult::Parent { .. } => process::exit(0),
        ForkResult::Child => Ok(()),
    }
}

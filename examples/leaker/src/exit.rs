//! A service that ends by itself.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::error::Error;

/// What the command line says about the end.
#[derive(Clone, Default)]
pub(crate) struct Exit {
    pub(crate) code: Option<u8>,
    pub(crate) after: Option<Duration>,
}

impl Exit {
    /// The status, when the service is to end before it begins.
    pub(crate) fn at_once(&self) -> Option<u8> {
        self.code.filter(|_| self.after.is_none())
    }
}

/// Sleeps until the service is to end by itself, mostly for ever.
pub(crate) fn wait_for_the_end(exit: &Exit) -> Result<ExitCode, Error> {
    if let Some(after) = exit.after {
        thread::sleep(after);
        return Ok(ExitCode::from(exit.code.unwrap_or_default()));
    }
    loop {
        thread::park();
    }
}

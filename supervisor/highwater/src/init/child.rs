//! A program that the init keeps running.

use std::ffi::OsString;
use std::time::Instant;

use highwater_core::signal::Signal;
use highwater_kernel::Pid;
use highwater_kernel::pidfd::{Exit, Pidfd};
use highwater_kernel::spawn::Spawn;

use super::again::Again;
use super::{home, say};

/// A program, started or to be started.
#[derive(Debug)]
pub struct Child {
    argv: Vec<OsString>,
    running: Option<Pidfd>,
    started: Instant,
    again: Again,
    /// When it is to be started.
    due: Option<Instant>,
}

impl Child {
    /// One that is to be started at once.
    pub fn due_now(argv: Vec<OsString>) -> Self {
        let now = Instant::now();
        Self { argv, running: None, started: now, again: Again::new(), due: Some(now) }
    }

    /// The moment of its next start, if there is to be one.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<Pid> {
        self.running.as_ref().map(Pidfd::pid)
    }

    /// Starts it, if that is due.
    pub fn start_if_due(&mut self) {
        if self.due.is_none_or(|due| Instant::now() < due) {
            return;
        }
        self.due = None;
        self.started = Instant::now();
        let mut spawn = Spawn::new(&self.argv);
        if std::env::var_os("PATH").is_none() {
            spawn = spawn.env("PATH", home::PATH);
        }
        match spawn.start() {
            Ok(child) => self.running = Some(child.pidfd),
            Err(error) => {
                say(format_args!("{error}"));
                self.start_later();
            }
        }
    }

    /// How it ended, if it has.
    pub fn collect(&mut self) -> Option<Exit> {
        let exit = self.running.as_ref()?.wait().ok()??;
        self.running = None;
        Some(exit)
    }

    /// It is to be started again after a while.
    pub fn start_later(&mut self) {
        self.due = Some(self.again.after(self.started, Instant::now()));
    }

    /// It is not to be started again.
    pub fn leave(&mut self) {
        self.due = None;
    }

    /// Sends it a signal, if it runs.
    pub fn signal(&self, signal: Signal) {
        if let Some(Err(error)) = self.running.as_ref().map(|process| process.send_signal(signal.number())) {
            say(format_args!("{error}"));
        }
    }

    /// Its name for people.
    pub fn name(&self) -> String {
        self.argv.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

//! What the service says, and what of it systemd is to hear.

use std::time::Duration;

use super::telling::{ALIVE, reloading_now};
use super::{Relay, Said};

impl Relay {
    /// The service said something, which systemd hears with the next [`Self::refresh`]. Whether it is ready is returned if
    /// that was said.
    pub fn heard(&mut self, said: &Said) -> Option<bool> {
        let mut lines = std::mem::take(&mut self.unsaid);
        self.hear_readiness(said, &mut lines);
        self.hear_watchdog(said, &mut lines);
        if let Some(usec) = said.extend_usec.filter(|_| !self.told.ready || self.told.stopping) {
            lines.push(format!("EXTEND_TIMEOUT_USEC={usec}"));
        }
        lines.extend(said.errors.iter().cloned());
        if let Some(status) = &said.status {
            self.service.status = Some(status.clone()).filter(|status| !status.is_empty());
        }
        // Where nobody listens nothing is kept to be told.
        self.unsaid = lines.into_iter().filter(|_| self.manager.is_some()).collect();
        match said {
            Said { ready: true, .. } => Some(true),
            Said { reloading: true, .. } | Said { stopping: true, .. } => Some(false),
            _ => None,
        }
    }

    fn hear_readiness(&mut self, said: &Said, lines: &mut Vec<String>) {
        if said.reloading && !std::mem::replace(&mut self.service.reloading, true) && self.told.ready {
            lines.push(reloading_now());
        }
        if said.ready {
            self.service.ready = true;
            self.end_reload(lines);
            self.ready(lines);
        }
    }

    fn hear_watchdog(&mut self, said: &Said, lines: &mut Vec<String>) {
        let Some(watchdog) = &mut self.watchdog else { return };
        if let Some(usec) = said.watchdog_usec.filter(|usec| *usec > 0) {
            *watchdog = Duration::from_micros(usec);
            lines.push(format!("WATCHDOG_USEC={usec}"));
        }
        if said.alive {
            self.service.pings = true;
            lines.push(ALIVE.into());
        }
        if said.wants_to_die {
            lines.push("WATCHDOG=trigger".into());
        }
    }
}

//! What systemd is told: once, in few messages, and again where it was not taken.

use highwater_kernel::clock;
use highwater_kernel::notify::Weight;

use super::Relay;

/// A sign of life; not owed when it could not be given, since the next one says the same.
pub(super) const ALIVE: &str = "WATCHDOG=1";

impl Relay {
    /// The service has reloaded, or will not any more.
    pub(super) fn end_reload(&mut self, lines: &mut Vec<String>) {
        if std::mem::take(&mut self.service.reloading) && self.told.ready {
            lines.push("READY=1".into());
        }
    }

    pub(super) fn ready(&mut self, lines: &mut Vec<String>) {
        if !std::mem::replace(&mut self.told.ready, true) {
            lines.push("READY=1".into());
        }
    }

    /// Where highwater begins or ends to speak for the service, the time until the next sign of life begins anew.
    pub(super) fn cover(&mut self, covers: bool, lines: &mut Vec<String>) {
        if std::mem::replace(&mut self.covers, covers) != covers && self.watchdog.is_some() && self.told.ready {
            lines.push(ALIVE.into());
        }
    }

    /// Sends what there is to say, and the status if it is another one. What is not taken is owed.
    pub(super) fn send(&mut self, mut lines: Vec<String>) {
        let weight = if lines.is_empty() { Weight::Light } else { Weight::Heavy };
        let status = self.status();
        let is_new = status != self.told.status;
        if is_new {
            lines.push(format!("STATUS={status}"));
        }
        if lines.is_empty() {
            return;
        }
        if self.tell(&lines.join("\n"), weight) {
            self.told.status = status;
        } else {
            lines.truncate(lines.len() - usize::from(is_new));
            self.owe(lines);
        }
    }

    /// Whether the manager took it.
    pub(super) fn tell(&self, message: &str, weight: Weight) -> bool {
        let Some(manager) = &self.manager else { return true };
        let told = manager.tell(message, weight);
        if let (Err(error), Weight::Heavy) = (&told, weight) {
            tracing::warn!("{error}");
        }
        told.is_ok()
    }

    fn owe(&mut self, lines: Vec<String>) {
        for line in lines.into_iter().filter(|line| line != ALIVE) {
            if !self.unsaid.contains(&line) {
                self.unsaid.push(line);
            }
        }
    }

    fn status(&self) -> String {
        let ladder = self.doing.as_ref().map(|(words, since)| format!("highwater: {words} since {since} UTC"));
        match (&self.service.status, ladder) {
            (Some(service), Some(ladder)) => format!("{service}; {ladder}"),
            (Some(service), None) => service.clone(),
            (None, Some(ladder)) => ladder,
            (None, None) => format!("highwater: looking after generation {}", self.service.generation),
        }
    }
}

/// Word of a reload that begins now.
pub(super) fn reloading_now() -> String {
    format!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic_ns() / 1_000)
}

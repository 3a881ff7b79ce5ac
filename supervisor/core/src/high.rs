//! The one owner of `memory.high`: what it should be, what it is, and which write is under way.

use crate::amount::Limit;
use crate::command::Command;

/// Keeps `memory.high` at what is wanted, whatever order the writes come back in.
#[derive(Clone, Debug)]
pub struct High {
    wanted: Limit,
    written: Limit,
    lowering: Option<Lowering>,
}

/// A lowering write under way in the helper thread.
#[derive(Clone, Copy, Debug)]
struct Lowering {
    to: u64,
    /// A raise was written meanwhile: which of the two came last is not known.
    overtaken: bool,
}

impl Default for High {
    /// A fresh cgroup has no limit.
    fn default() -> Self {
        Self { wanted: Limit::Max, written: Limit::Max, lowering: None }
    }
}

impl High {
    /// What is wanted now.
    pub fn wanted(&self) -> Limit {
        self.wanted
    }

    /// Whether a lowering write is still under way.
    pub fn is_lowering(&self) -> bool {
        self.lowering.is_some()
    }

    /// Whether nothing holds the service back, nor a write under way that could.
    pub fn is_lifted(&self) -> bool {
        self.written == Limit::Max && self.lowering.is_none()
    }

    /// Wants that limit; returns the write to begin, if one is needed now.
    #[must_use]
    pub fn want(&mut self, limit: Limit) -> Option<Command> {
        self.wanted = limit;
        match &mut self.lowering {
            Some(lowering) if limit > Limit::Bytes(lowering.to) => {
                lowering.overtaken = true;
                Some(Command::Raise(limit))
            }
            Some(_) => None,
            None => self.write(),
        }
    }

    /// The lowering write failed: no limit is wanted any more, since what is in force is not known. Returns the write
    /// that makes sure of it.
    #[must_use]
    pub fn failed(&mut self) -> Option<Command> {
        self.lowering.take()?;
        self.wanted = Limit::Max;
        self.written = Limit::Max;
        Some(Command::Raise(Limit::Max))
    }

    /// The lowering write came back; returns the write that follows from it, if one does.
    #[must_use]
    pub fn lowered(&mut self) -> Option<Command> {
        let lowering = self.lowering.take()?;
        self.written = Limit::Bytes(lowering.to);
        if lowering.overtaken && self.wanted <= self.written {
            self.written = Limit::Max;
        }
        self.write()
    }

    fn write(&mut self) -> Option<Command> {
        match self.wanted {
            Limit::Bytes(to) if self.wanted < self.written => {
                self.lowering = Some(Lowering { to, overtaken: false });
                Some(Command::Lower(to))
            }
            wanted if wanted > self.written => {
                self.written = wanted;
                Some(Command::Raise(wanted))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raise_is_written_at_once_and_again_after_a_lowering_it_overtook() {
        let mut high = High::default();
        assert_eq!(high.want(Limit::Bytes(100)), Some(Command::Lower(100)));
        assert_eq!(high.want(Limit::Max), Some(Command::Raise(Limit::Max)));
        assert!(!high.is_lifted());
        assert_eq!(high.lowered(), Some(Command::Raise(Limit::Max)));
        assert!(high.is_lifted());
    }

    #[test]
    fn a_failed_lowering_is_not_tried_again_by_itself() {
        let mut high = High::default();
        assert_eq!(high.want(Limit::Bytes(100)), Some(Command::Lower(100)));
        assert_eq!(high.failed(), Some(Command::Raise(Limit::Max)));
        assert!(high.is_lifted());
        assert_eq!(high.failed(), None);
        assert_eq!(high.lowered(), None);
    }

    #[test]
    fn one_lowering_at_a_time() {
        let mut high = High::default();
        assert_eq!(high.want(Limit::Bytes(100)), Some(Command::Lower(100)));
        assert_eq!(high.want(Limit::Bytes(90)), None);
        assert_eq!(high.want(Limit::Bytes(80)), None);
        assert_eq!(high.lowered(), Some(Command::Lower(80)));
        assert_eq!(high.lowered(), None);
        assert_eq!(high.want(Limit::Bytes(80)), None);
    }

    #[test]
    fn a_limit_that_was_raised_meanwhile_is_lowered_again() {
        let mut high = High::default();
        assert_eq!(high.want(Limit::Bytes(100)), Some(Command::Lower(100)));
        assert_eq!(high.want(Limit::Max), Some(Command::Raise(Limit::Max)));
        assert_eq!(high.want(Limit::Bytes(100)), None);
        assert_eq!(high.lowered(), Some(Command::Lower(100)));
    }
}

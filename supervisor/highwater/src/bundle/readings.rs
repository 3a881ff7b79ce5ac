//! Readings of an incident, at most so many: the longer it lasts, the farther they are apart.

use highwater_report::incident::Reading;

/// So many are kept: more than a chart can show.
const MOST: usize = 600;

/// Readings, oldest first.
#[derive(Debug, Default)]
pub struct Readings {
    all: Vec<Reading>,
    /// Milliseconds between two of them at least.
    spacing: i64,
}

impl Readings {
    /// Whether a reading of that moment would be kept. A full one stands in for a light sample.
    pub fn wants(&self, at_ms: i64, is_full: bool) -> bool {
        self.all.last().is_none_or(|last| at_ms - last.at_ms >= self.spacing || (is_full && last.working_set.is_none()))
    }

    /// Adds one; every second one goes when there are too many.
    pub fn push(&mut self, reading: Reading) {
        if self.all.len() >= MOST {
            let mut index = 0;
            self.all.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.spacing = (self.spacing * 2).max(20);
        }
        self.all.push(reading);
    }

    /// Readings that are known already.
    pub fn of(all: &[Reading]) -> Self {
        Self { all: all.to_vec(), spacing: 0 }
    }

    /// All of them.
    pub fn all(&self) -> Vec<Reading> {
        self.all.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_incident_keeps_its_beginning_and_its_end() {
        let mut readings = Readings::default();
        for at_ms in (0..3_600_000).step_by(50) {
            if readings.wants(at_ms, true) {
                readings.push(Reading { at_ms, working_set: Some(1), ..Reading::default() });
            }
        }
        let all = readings.all();
        assert!((MOST / 2..=MOST).contains(&all.len()), "{}", all.len());
        assert_eq!(all[0].at_ms, 0);
        assert!(all.last().unwrap().at_ms > 3_500_000);
    }
}

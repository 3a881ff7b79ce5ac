//! From moments and bytes to places, and where the ticks are.

use crate::incident::Incident;

/// What was before the incident is shown for as long as it lasted, but at least so long, milliseconds.
const SHORTEST_BEFORE: f64 = 20_000.0;
/// The shortest time that is drawn, milliseconds.
const SHORTEST: f64 = 1_000.0;
/// A limit further up than so many times the peak would flatten everything below it.
const TOO_HIGH: u64 = 4;
/// Room above the highest value.
const ROOM: f64 = 1.09;
/// Distances of ticks in time, milliseconds.
const DISTANCES: [f64; 22] = [
    100.0,
    200.0,
    500.0,
    1e3,
    2e3,
    5e3,
    10e3,
    15e3,
    30e3,
    60e3,
    120e3,
    300e3,
    600e3,
    900e3,
    1_800e3,
    3_600e3,
    7_200e3,
    21_600e3,
    43_200e3,
    86_400e3,
    604_800e3,
    2_419_200e3,
];

/// The time that is drawn, milliseconds since the incident opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// From here.
    pub from: f64,
    /// To here.
    pub to: f64,
}

impl Time {
    /// From before the opening to the last that is known.
    pub fn of(incident: &Incident) -> Self {
        let readings = incident.readings.iter().map(|reading| reading.at_ms);
        let steps = incident.steps.iter().flat_map(|step| [step.at_ms, step.ended_ms()]);
        let lives = incident.lives.iter().flat_map(|life| [life.began_ms, life.ended_ms]).flatten();
        let end = incident.took_ms.and_then(|took| i64::try_from(took).ok());
        let to = readings.clone().chain(steps).chain(lives).chain(end).max().unwrap_or(0) as f64;
        let first = readings.min().unwrap_or(0) as f64;
        let from = first.max(-to.max(SHORTEST_BEFORE)).min(0.0);
        Self { from, to: to.max(from + SHORTEST) }
    }

    /// Where a moment is between two edges; beyond them if it is not drawn.
    pub fn place(&self, at_ms: f64, left: f64, right: f64) -> f64 {
        left + (at_ms - self.from) / (self.to - self.from) * (right - left)
    }

    /// At most so many moments to label, and how far they are apart.
    pub fn ticks(&self, most: usize) -> (Vec<f64>, f64) {
        let needed = (self.to - self.from) / most as f64;
        let distance = DISTANCES.into_iter().find(|distance| *distance >= needed).unwrap_or(needed);
        (multiples(self.from, self.to, distance, most), distance)
    }
}

/// The bytes that are drawn: from none to `top`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bytes {
    /// The upper edge.
    pub top: f64,
}

impl Bytes {
    /// Nothing if there are no readings.
    pub fn of(incident: &Incident) -> Option<Self> {
        let peak = incident.peak()?.current.max(1);
        let limits = incident.readings.iter().flat_map(|reading| [reading.high, reading.max]).flatten();
        let near = limits.filter(|limit| *limit / TOO_HIGH <= peak).max().unwrap_or(0);
        Some(Self { top: peak.max(near) as f64 * ROOM })
    }

    /// Where an amount is between the upper and the lower edge.
    pub fn place(self, bytes: f64, [top, bottom]: [f64; 2]) -> f64 {
        bottom - bytes / self.top * (bottom - top)
    }

    /// Whether an amount is drawn.
    pub fn shows(self, bytes: u64) -> bool {
        bytes as f64 <= self.top
    }

    /// At most seven amounts, a power of two apart: limits are mostly some of them.
    pub fn ticks(self) -> Vec<u64> {
        let distance = (self.top / 6.0).max(1.0).log2().ceil().exp2();
        multiples(0.0, self.top, distance, 7).into_iter().map(|bytes| bytes as u64).collect()
    }
}

/// Multiples of a distance between two ends, at most so many and one.
fn multiples(from: f64, to: f64, distance: f64, most: usize) -> Vec<f64> {
    let first = (from / distance).ceil();
    let all = (0..=most).map(|index| (first + index as f64) * distance);
    all.take_while(|at| *at <= to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Reading;

    const MIB: u64 = 1 << 20;

    fn incident(current: u64, max: Option<u64>) -> Incident {
        Incident { readings: vec![Reading { current, max, ..Reading::default() }], ..Incident::default() }
    }

    #[test]
    fn ticks_of_bytes_are_powers_of_two_apart() {
        let bytes = Bytes::of(&incident(200 * MIB, Some(256 * MIB))).unwrap();
        assert_eq!(bytes.ticks(), [0, 64, 128, 192, 256].map(|mib| mib * MIB));
        for top in [0, 1, 7, 1_000, 3 << 30, u64::MAX] {
            let ticks = Bytes::of(&incident(top, None)).unwrap().ticks();
            assert!((2..=7).contains(&ticks.len()), "{top}: {ticks:?}");
        }
    }

    #[test]
    fn a_limit_far_up_does_not_flatten_what_is_below() {
        let far = Bytes::of(&incident(100 * MIB, Some(64 << 30))).unwrap();
        assert!(far.shows(100 * MIB) && !far.shows(64 << 30));
    }

    #[test]
    fn ticks_of_time_are_round_and_few() {
        let (ticks, _) = Time { from: -8_000.0, to: 61_000.0 }.ticks(10);
        assert_eq!(ticks, [0.0, 10e3, 20e3, 30e3, 40e3, 50e3, 60e3]);
        for to in [1_000.0, 59_000.0, 3e6, 9e15, i64::MAX as f64] {
            let (ticks, _) = Time { from: 0.0, to }.ticks(10);
            assert!((3..=11).contains(&ticks.len()), "{to}: {ticks:?}");
        }
    }

    #[test]
    fn a_long_time_before_does_not_squeeze_the_incident() {
        let reading = |at_ms| Reading { at_ms, current: 1, ..Reading::default() };
        let readings = vec![reading(-900_000), reading(40_000)];
        let time = Time::of(&Incident { readings, ..Incident::default() });
        assert_eq!(time, Time { from: -40_000.0, to: 40_000.0 });
    }
}

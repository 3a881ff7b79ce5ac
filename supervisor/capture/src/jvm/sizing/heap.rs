//! The most a heap may take, as the JVM works it out.

use std::fmt;

use super::{MIB, Place};
use crate::jvm::Options;

/// `MaxHeapSize` before the machine is looked at: 96 MiB, scaled by 1.3 on a 64-bit JVM.
const BUILT_IN: u64 = 96 * MIB * 13 / 10;
const HEAP: [&str; 2] = ["-Xmx", "-XX:MaxHeapSize="];
const FIRST_HEAP: [&str; 2] = ["-Xms", "-XX:InitialHeapSize="];

/// The most a heap may take.
#[derive(Debug, Clone, PartialEq)]
pub struct Heap {
    /// In bytes.
    pub bytes: u64,
    /// Why.
    pub origin: Origin,
}

/// Where a size of a heap comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// This option.
    Option(String),
    /// A share of what the JVM takes for the memory there is.
    Share {
        /// In per cent.
        percent: f64,
        /// Of so many bytes.
        of: u64,
        /// By default rather than by option.
        is_default: bool,
    },
}

impl Heap {
    /// Follows the JVM: a size that is given, else a share of the memory, 25 % by default, but of little memory half.
    pub(super) fn of(options: &Options, place: &Place) -> Self {
        if let (Some((name, text)), Some(bytes)) = (options.last(&HEAP), options.size(&HEAP)) {
            return Self { bytes, origin: Origin::Option(format!("{name}{text}")) };
        }
        let memory = memory(options, place);
        let (most, is_default) = match percentage(options, "MaxRAM") {
            Some(percent) => (percent, false),
            None => (25.0, true),
        };
        let least = percentage(options, "MinRAM").unwrap_or(50.0);
        let (small, large) = (share(memory, least), share(memory, most));
        let (percent, bytes) = if small < BUILT_IN { (least, small) } else { (most, large.max(BUILT_IN)) };
        let bytes = bytes.max(options.size(&FIRST_HEAP).unwrap_or(0));
        Self { bytes, origin: Origin::Share { percent, of: memory, is_default } }
    }
}

/// What the JVM takes for the memory there is: its limit, unless it is told not to look.
pub(super) fn memory(options: &Options, place: &Place) -> u64 {
    let sees_limit = options.switch("UseContainerSupport") != Some(false);
    let memory = if sees_limit { place.limit.min(place.machine) } else { place.machine };
    options.size(&["-XX:MaxRAM="]).map_or(memory, |most| memory.min(most))
}

/// `-XX:MaxRAMPercentage=` or its old form, `-XX:MaxRAMFraction=`, of which only the former counts if both are there.
fn percentage(options: &Options, which: &str) -> Option<f64> {
    let (percentage, fraction): (&'static str, &'static str) = match which {
        "MaxRAM" => ("-XX:MaxRAMPercentage=", "-XX:MaxRAMFraction="),
        _ => ("-XX:MinRAMPercentage=", "-XX:MinRAMFraction="),
    };
    let percent = options.number(&[percentage]);
    let percent = percent.or_else(|| Some(100.0 / options.number(&[fraction])?));
    percent.filter(|percent| (0.0..=100.0).contains(percent))
}

fn share(memory: u64, percent: f64) -> u64 {
    (memory as f64 * percent / 100.0) as u64
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(option) => f.write_str(option),
            Self::Share { percent, of, is_default } => {
                let default = if *is_default { ", as no -Xmx is given" } else { "" };
                write!(f, "{percent} % of {} MiB{default}", of / MIB)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn heap(options: &str, limit: u64) -> u64 {
        let place = Place { limit, machine: 16 * GIB, processors: 2, threads: None };
        Heap::of(&Options::from_flags(options), &place).bytes
    }

    #[test]
    fn every_spelling_of_a_size_counts_and_the_last_wins() {
        for options in ["-Xmx400m", "-Xmx409600k", "-Xmx1g -XX:MaxHeapSize=400M", "-XX:MaxHeapSize=9g -Xmx419430400"] {
            assert_eq!(heap(options, GIB), 400 * MIB, "{options}");
        }
        // A size beats a percentage, wherever it stands.
        assert_eq!(heap("-Xmx400m -XX:MaxRAMPercentage=80", GIB), 400 * MIB);
    }

    /// Compared with `java -XX:MaxRAM=... -XX:+PrintFlagsFinal`, version 17, which rounds up to 2 MiB.
    #[test]
    fn a_share_is_what_the_jvm_makes_it() {
        assert_eq!(heap("", GIB), 256 * MIB);
        assert_eq!(heap("", 16 * GIB), 4 * GIB);
        assert_eq!(heap("", 200 * MIB), 100 * MIB);
        assert_eq!(heap("", 300 * MIB), BUILT_IN);
        assert_eq!(heap("-XX:MaxRAMPercentage=75.0", GIB), 768 * MIB);
        assert_eq!(heap("-XX:MaxRAMFraction=2", GIB), 512 * MIB);
        assert_eq!(heap("-XX:MaxRAMPercentage=75 -XX:MaxRAM=512m", GIB), 384 * MIB);
        assert_eq!(heap("-Xms600m", GIB), 600 * MIB);
    }

    #[test]
    fn a_jvm_that_does_not_look_at_its_limit_takes_the_machine() {
        assert_eq!(heap("-XX:-UseContainerSupport", GIB), 4 * GIB);
        let origin = Heap::of(
            &Options::from_flags("-XX:-UseContainerSupport"),
            &Place { limit: GIB, machine: 16 * GIB, processors: 2, threads: None },
        );
        assert_eq!(origin.origin.to_string(), "25 % of 16384 MiB, as no -Xmx is given");
    }

    #[test]
    fn nonsense_is_passed_over() {
        for options in ["-XX:MaxRAMPercentage=nan", "-XX:MaxRAMPercentage=900", "-XX:MaxRAMFraction=0", "-Xmx"] {
            assert_eq!(heap(options, GIB), 256 * MIB, "{options}");
        }
    }
}

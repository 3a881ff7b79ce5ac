//! Whether a JVM fits its limit, before it has grown.
//!
//! A JVM whose heap may grow beyond its limit never throws an `OutOfMemoryError` and never writes the dump that
//! `-XX:+HeapDumpOnOutOfMemoryError` promises: the kernel kills it first.

mod heap;
mod outside;

use std::fmt;

pub use heap::{Heap, Origin};
pub use outside::Outside;

use super::Options;

const MIB: u64 = 1 << 20;

/// What is known of the place a JVM runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Limit of its memory in bytes.
    pub limit: u64,
    /// Memory of the machine in bytes: what a JVM goes by that does not know of its limit.
    pub machine: u64,
    /// Processors it may use.
    pub processors: u32,
    /// Its threads, once it has some.
    pub threads: Option<u64>,
}

/// What a JVM may take, and whether that fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizing {
    /// The limit in bytes.
    pub limit: u64,
    /// The most its heap may take.
    pub heap: Heap,
    /// What lies outside the heap.
    pub outside: Outside,
    /// Options that were not read may say otherwise.
    pub is_uncertain: bool,
}

/// Whether it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Even with a service as large as an ordinary one.
    Fits,
    /// Only if the service itself is small: what an ordinary one has outside its heap does not fit.
    Tight,
    /// Whatever the service is: a heap that is full is killed by the kernel.
    TooLarge,
}

impl Sizing {
    /// Works out what these options mean in this place.
    pub fn of(options: &Options, place: &Place) -> Self {
        let heap = Heap::of(options, place);
        let outside = Outside::of(options, place, heap.bytes);
        Self { limit: place.limit, heap, outside, is_uncertain: options.are_elsewhere_too() }
    }

    /// Whether it fits.
    pub fn verdict(&self) -> Verdict {
        let with = |outside: u64| self.heap.bytes.saturating_add(outside);
        if with(self.outside.least()) > self.limit {
            Verdict::TooLarge
        } else if with(self.outside.ordinary()) > self.limit {
            Verdict::Tight
        } else {
            Verdict::Fits
        }
    }

    /// The largest heap that would fit, in whole MiB; `None` where the limit leaves no room for one.
    pub fn fitting_heap(&self) -> Option<u64> {
        let room = self.limit.checked_sub(self.outside.apart_from_the_heap())?;
        let heap = (room as f64 / (1.0 + self.outside.share_of_heap())) as u64 / MIB * MIB;
        (heap >= 8 * MIB).then_some(heap)
    }

    /// The smallest limit that would do for this heap, its size given by `-Xmx`.
    pub fn fitting_limit(&self) -> u64 {
        self.heap.bytes.saturating_add(self.outside.ordinary())
    }
}

/// One sentence for whoever runs the service: what is the matter, and what to do.
impl fmt::Display for Sizing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.verdict();
        let (about, outside) = match verdict {
            Verdict::TooLarge => ("at least", self.outside.least()),
            Verdict::Tight | Verdict::Fits => ("about", self.outside.ordinary()),
        };
        let (heap, outside, limit) = (mib(self.heap.bytes), mib(outside), mib(self.limit));
        write!(f, "the heap may take {heap} MiB ({}), what lies outside it {about} {outside} MiB, ", self.heap.origin)?;
        write!(f, "and the limit is {limit} MiB: {verdict}")?;
        if verdict != Verdict::Fits {
            self.fmt_advice(f)?;
        }
        if self.is_uncertain {
            f.write_str(" (it takes further options from files that were not read)")?;
        }
        Ok(())
    }
}

impl Sizing {
    fn fmt_advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fitting_heap() {
            Some(heap) => write!(f, "; start it with -Xmx{}m, or ", mib(heap))?,
            None => f.write_str("; ")?,
        }
        write!(f, "raise the limit to {} MiB", self.fitting_limit().div_ceil(MIB))?;
        match self.heap.origin {
            Origin::Option(_) => Ok(()),
            // Otherwise the heap would grow with the limit.
            Origin::Share { .. } => write!(f, " with -Xmx{}m", mib(self.heap.bytes)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fits => "this fits",
            Self::Tight => "this fits only a small service, others the kernel kills before Java notices",
            Self::TooLarge => "the kernel kills it before Java can throw an OutOfMemoryError",
        })
    }
}

fn mib(bytes: u64) -> u64 {
    bytes / MIB
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizing(options: &str, limit_mib: u64) -> Sizing {
        let place = Place { limit: limit_mib * MIB, machine: 16 << 30, processors: 2, threads: Some(40) };
        Sizing::of(&Options::from_flags(options), &place)
    }

    #[test]
    fn a_heap_beyond_the_limit_is_too_large() {
        let sizing = sizing("-Xmx400m -XX:+UseSerialGC", 256);
        assert_eq!(sizing.verdict(), Verdict::TooLarge);
        let text = sizing.to_string();
        assert!(text.starts_with("the heap may take 400 MiB (-Xmx400m), what lies outside it at least "), "{text}");
        assert!(text.contains("before Java can throw an OutOfMemoryError; start it with -Xmx"), "{text}");
    }

    #[test]
    fn what_is_advised_fits() {
        for (options, limit) in
            [("-Xmx400m", 256), ("-Xmx1g -XX:+UseParallelGC", 1024), ("-XX:MaxRAMPercentage=90", 512)]
        {
            let bad = sizing(options, limit);
            assert_ne!(bad.verdict(), Verdict::Fits, "{bad}");
            let heap = bad.fitting_heap().unwrap();
            assert_eq!(sizing(&format!("{options} -Xmx{heap}"), limit).verdict(), Verdict::Fits, "{bad}");
            let same_heap = format!("{options} -Xmx{}", bad.heap.bytes);
            assert_eq!(sizing(&same_heap, bad.fitting_limit().div_ceil(MIB)).verdict(), Verdict::Fits, "{bad}");
        }
    }

    #[test]
    fn the_default_leaves_room() {
        let sizing = sizing("", 1024);
        assert_eq!((sizing.heap.bytes, sizing.verdict()), (256 * MIB, Verdict::Fits));
        assert!(sizing.to_string().ends_with("this fits"), "{sizing}");
    }

    #[test]
    fn between_the_two_it_depends_on_the_service() {
        let sizing = sizing("-Xmx200m -XX:+UseSerialGC", 256);
        assert_eq!(sizing.verdict(), Verdict::Tight, "{sizing}");
        assert!(sizing.to_string().contains("only a small service"), "{sizing}");
    }

    #[test]
    fn no_heap_fits_where_there_is_no_room() {
        let sizing = sizing("-Xmx400m", 64);
        assert_eq!(sizing.fitting_heap(), None);
        assert!(sizing.to_string().contains("; raise the limit to "), "{sizing}");
    }

    #[test]
    fn no_figure_is_too_large() {
        let sizing = sizing("-Xmx16777215t -XX:MaxMetaspaceSize=16777215t -Xss16777215t", 17_592_186_044_415);
        assert!(!sizing.to_string().is_empty());
        assert_eq!(sizing.verdict(), Verdict::TooLarge);
    }

    #[test]
    fn further_options_are_mentioned() {
        let argv = ["java", "@more", "Main"].map(str::to_owned);
        let options = Options::new(&argv, |_| None);
        let place = Place { limit: 1 << 30, machine: 1 << 30, processors: 1, threads: None };
        assert!(Sizing::of(&options, &place).to_string().contains("not read"));
    }
}

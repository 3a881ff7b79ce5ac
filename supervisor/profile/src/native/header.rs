//! The first line of a profile: how often was sampled, and what follows from it.

use crate::difference::Total;
use crate::read::Problem;

/// How samples stand for what was not sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sampling {
    /// Everything was counted.
    Whole,
    /// A sample was taken every so many bytes.
    Every(f64),
}

impl Sampling {
    /// Reads `heap_v2/524288` or `heap profile: 1: 2 [3: 4] @ heap_v2/524288`.
    pub(super) fn parse(header: &str) -> Result<Self, Problem> {
        let kind = header.rsplit_once("@ ").map_or(header, |(_, kind)| kind).trim();
        match kind.split_once('/') {
            None if kind == "heapprofile" => Ok(Self::Whole),
            Some(("heap_v2", bytes)) => match bytes.parse::<u32>() {
                Ok(0 | 1) => Ok(Self::Whole),
                Ok(bytes) => Ok(Self::Every(f64::from(bytes))),
                Err(_) => Err(Problem::malformed(format!("its sampling interval is {bytes:?}"))),
            },
            Some(("heap", _)) => Err(Problem::malformed(
                "it is the text form of a Go profile: ask for it without `debug=1`, which says more in fewer bytes",
            )),
            _ => Err(Problem::malformed(format!("its kind {kind:?} is not known"))),
        }
    }

    /// What samples stand for, from their sum.
    ///
    /// Objects of `size` bytes are hit with a probability of `1 - exp(-size / interval)`; so many times less of them were
    /// counted. `size` is the mean of a stack, as in jeprof.
    pub(super) fn scale(self, counted: Total) -> Total {
        let Self::Every(interval) = self else { return counted };
        if counted.objects == 0 || counted.bytes == 0 {
            return counted;
        }
        let size = counted.bytes as f64 / counted.objects as f64;
        let factor = 1.0 / -(-size / interval).exp_m1();
        let scaled = |number: u64| (number as f64 * factor).round() as u64;
        Total { bytes: scaled(counted.bytes), objects: scaled(counted.objects) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_kinds() {
        for (header, wanted) in [
            ("heap_v2/524288", Sampling::Every(524_288.0)),
            ("heap_v2/1", Sampling::Whole),
            ("heap profile:     10:   2000 [   12:  3000] @ heapprofile", Sampling::Whole),
            ("heap profile: 1: 2 [3: 4] @ heap_v2/4096", Sampling::Every(4096.0)),
        ] {
            assert_eq!(Sampling::parse(header).unwrap(), wanted, "{header}");
        }
        for header in ["heap_v2/", "heap_v2/-1", "heap_v3/1", "heap profile: 1: 2 [3: 4] @ heap/524288", ""] {
            assert!(Sampling::parse(header).is_err(), "{header}");
        }
    }

    #[test]
    fn small_objects_stand_for_many_and_large_ones_for_themselves() {
        let sampling = Sampling::Every(1000.0);
        let small = sampling.scale(Total { bytes: 100, objects: 10 });
        assert_eq!((small.bytes, small.objects), (10_050, 1005));
        let large = sampling.scale(Total { bytes: 1_000_000, objects: 10 });
        assert_eq!((large.bytes, large.objects), (1_000_000, 10));
        assert_eq!(sampling.scale(Total::default()), Total::default());
    }
}

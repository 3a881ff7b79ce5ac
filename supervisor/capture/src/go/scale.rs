//! What the sampled objects stand for.

/// Objects and bytes that some sampled objects of one size stand for, where one is sampled every `rate` bytes on
/// average. Of objects of `size` bytes the share 1 - exp(-size / rate) is sampled.
pub(super) fn scale(objects: u64, size: u64, rate: u64) -> [i64; 2] {
    let bytes = objects.saturating_mul(size);
    if objects == 0 || size == 0 {
        return [0, 0];
    }
    if rate <= 1 {
        return [objects, bytes].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    }
    let scale = 1.0 / (1.0 - (-(size as f64) / rate as f64).exp());
    [objects, bytes].map(|number| (number as f64 * scale) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_objects_stand_for_many_and_large_ones_for_themselves() {
        // runtime/pprof of Go 1.27 says the same of them.
        assert_eq!(scale(1, 16, 524_288), [32768, 524_296]);
        assert_eq!(scale(3, 65_536, 524_288), [25, 1_673_215]);
        assert_eq!(scale(2, 100 << 20, 524_288), [2, 200 << 20]);
    }

    #[test]
    fn a_rate_of_one_samples_everything() {
        assert_eq!(scale(7, 16, 1), [7, 112]);
        assert_eq!(scale(7, 0, 524_288), [0, 0]);
        assert_eq!(scale(u64::MAX, u64::MAX, 1), [i64::MAX, i64::MAX]);
    }
}

//! Numbers for people.

/// `512 B`, `1.5 KiB`, `14.4 MiB`: three digits say enough.
pub(crate) fn bytes(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut number = bytes as f64 / 1024.0;
    let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter().peekable();
    // What would be rounded to 1024 is one of the next unit.
    while number >= 1023.5 && units.len() > 1 {
        number /= 1024.0;
        units.next();
    }
    let decimals = usize::from(number < 99.95);
    format!("{number:.decimals$} {}", units.next().unwrap_or_default())
}

/// The same with its sign: `+1.5 KiB`, `−3 B`, `±0 B`.
pub(crate) fn gained(gained: i128) -> String {
    let sign = match gained {
        0 => '±',
        1.. => '+',
        _ => '−',
    };
    let size = u64::try_from(gained.unsigned_abs()).unwrap_or(u64::MAX);
    format!("{sign}{}", bytes(size))
}

/// `93.5 %` of a whole; `<0.1 %` of what is more than nothing.
pub(crate) fn share(share: f64) -> String {
    if share > 0.0 && share < 0.0005 { "<0.1 %".to_owned() } else { format!("{:.1} %", share * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        for (number, wanted) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (14 << 20, "14.0 MiB"),
            (200 << 20, "200 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(number), wanted);
        }
    }

    #[test]
    fn gains_have_a_sign_and_shares_are_of_a_hundred() {
        assert_eq!(gained(2048), "+2.0 KiB");
        assert_eq!(gained(-5), "−5 B");
        assert_eq!(gained(0), "±0 B");
        assert_eq!((share(0.9349), share(0.0001), share(0.0)), ("93.5 %".into(), "<0.1 %".into(), "0.0 %".into()));
    }
}

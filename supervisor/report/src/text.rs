//! Figures as people read them: bytes, spans of time, moments, shares, counts.

/// Bytes in the largest binary unit they fill, with one decimal where they are not whole, as the journal says them.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) if bytes.is_multiple_of(*size) => format!("{} {unit}", bytes / size),
        Some((size, unit)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} B"),
    }
}

/// A gain or a loss of bytes, with its sign.
pub fn change(bytes_gained: i64) -> String {
    match bytes_gained {
        0 => "0 B".into(),
        gained => format!("{}{}", sign(gained), bytes(gained.unsigned_abs())),
    }
}

/// Bytes to the last one, in groups of three.
pub fn exact(bytes: u64) -> String {
    format!("{} bytes", grouped(bytes))
}

/// A gain or a loss of bytes to the last one.
pub fn exact_change(bytes_gained: i64) -> String {
    format!("{}{}", sign(bytes_gained), exact(bytes_gained.unsigned_abs()))
}

/// A number in groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    grouped
}

/// A span of time in the two largest units that say something.
pub fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => format!("{ms} ms"),
        1..=119 => format!("{} s", format!("{:.1}", ms as f64 / 1_000.0).trim_end_matches(".0")),
        120..=7_199 => format!("{} min {} s", seconds / 60, seconds % 60),
        7_200..=172_799 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A moment of the incident as `mm:ss`, or `h:mm:ss`; what was before it opened has a minus.
pub fn clock(ms: i64) -> String {
    let seconds = ms.unsigned_abs() / 1_000;
    let sign = if ms <= -1_000 { "\u{2212}" } else { "" };
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{sign}{minutes:02}:{seconds:02}")
    }
}

/// The same with tenths of a second, where there can be several moments a second.
pub fn fine_clock(ms: i64) -> String {
    let sign = if (-999..=-100).contains(&ms) { "\u{2212}" } else { "" };
    format!("{sign}{}.{}", clock(ms), ms.unsigned_abs() % 1_000 / 100)
}

/// A share between 0 and 1 in percent; what is there at all is not called nothing.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 1.0 => "under 1 %".into(),
        percent => format!("{percent:.0} %"),
    }
}

/// So many of something, in the singular or with an `s`.
pub fn count(number: u64, what: &str) -> String {
    format!("{}\u{a0}{what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A moment in RFC 3339 (UTC) as `22 November 2026, 08:07:55 UTC`; what is not one stays as it is.
pub fn moment(rfc3339: &str) -> String {
    day_and_time(rfc3339).unwrap_or_else(|| rfc3339.to_owned())
}

fn day_and_time(rfc3339: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (date, time) = rfc3339.strip_suffix('Z')?.split_once('T')?;
    let time = time.get(..8).filter(|time| time.chars().all(|c| c.is_ascii_digit() || c == ':'))?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<usize>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let month = MONTHS.get(month.checked_sub(1)?)?;
    Some(format!("{day} {month} {year}, {time} UTC"))
}

fn sign(number: i64) -> &'static str {
    match number {
        0 => "",
        1.. => "+",
        _ => "\u{2212}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_as_in_the_journal() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(512 << 20), "512 MiB");
        assert_eq!(bytes(214_748_364), "204.8 MiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
        assert_eq!(change(-(3 << 20)), "\u{2212}3 MiB");
        assert_eq!(change(i64::MIN), "\u{2212}8388608 TiB");
        assert_eq!(exact_change(1_234_567), "+1\u{a0}234\u{a0}567 bytes");
    }

    #[test]
    fn spans_are_said_in_two_units() {
        let said = [84, 2_562, 5_004, 83_400, 125_000, 7_325_000, 200_000_000].map(span);
        assert_eq!(said, ["84 ms", "2.6 s", "5 s", "83.4 s", "2 min 5 s", "2 h 2 min", "2 d 7 h"]);
    }

    #[test]
    fn moments_of_an_incident_are_minutes_and_seconds() {
        assert_eq!(
            [-65_000, -400, 0, 83_499, 3_723_000].map(clock),
            ["\u{2212}01:05", "00:00", "00:00", "01:23", "1:02:03"]
        );
        assert_eq!([-400, 0, 3_750].map(fine_clock), ["\u{2212}00:00.4", "00:00.0", "00:03.7"]);
        assert_eq!(clock(i64::MIN).chars().next(), Some('\u{2212}'));
    }

    #[test]
    fn a_moment_that_is_none_stays_as_it_is() {
        assert_eq!(moment("2026-11-22T08:07:55.331000Z"), "22 November 2026, 08:07:55 UTC");
        for odd in ["", "yesterday", "2026-13-22T08:07:55Z", "2026-11-22T08:é:55Z", "2026-11-22T08Z"] {
            assert_eq!(moment(odd), odd);
        }
    }

    #[test]
    fn little_is_not_nothing() {
        assert_eq!([0.0, 0.004, 0.94, 1.0].map(percent), ["0 %", "under 1 %", "94 %", "100 %"]);
    }

    #[test]
    fn parts_are_listed_as_in_a_sentence() {
        let parts = ["a", "b", "c"].map(String::from);
        assert_eq!(
            [listed(&parts[..0]), listed(&parts[..1]), listed(&parts[..2]), listed(&parts)],
            ["", "a", "a and b", "a, b and c"]
        );
    }
}

//! Names in the directory of an incident, and what they say of a file.

use std::path::Path;

/// Ends the name of a file whose writer did not finish it.
pub const PARTIAL: &str = ".partial";

/// Ends the name of a file that was compressed afterwards.
pub const COMPRESSED: &str = ".gz";

/// So long a name may be; with what is put before and after it, it stays below the 255 bytes file systems take.
const LONGEST: usize = 150;

/// Whether it says what is known of the incident rather than being a capture: small, read by people, kept longest.
pub fn is_record(name: &str) -> bool {
    let is_difference = name.starts_with("difference") && [".json", ".svg"].iter().any(|end| name.ends_with(end));
    matches!(name, "incident.json" | "report.html") || is_difference
}

/// Whether its writer did not finish it.
pub fn is_partial(name: &str) -> bool {
    name.strip_suffix(COMPRESSED).unwrap_or(name).ends_with(PARTIAL)
}

/// Whether it is of our own making and not evidence yet, or no more.
pub fn is_ours(name: &str) -> bool {
    name.starts_with('.')
}

/// The name under which a file of a step is kept: the step, `_`, which no name of a step contains, then the file's own
/// name, in letters that no terminal, shell or page takes for anything else.
pub fn kept_name(step: &str, number: u32, like: &Path) -> String {
    let name = like.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.+".contains(c) { c } else { '_' };
    // The end says what kind of file it is.
    let skipped = name.chars().count().saturating_sub(LONGEST);
    let name: String = name.chars().skip(skipped).map(plain).collect();
    if number == 1 { format!("{step}_{name}") } else { format!("{step}_{number}_{name}") }
}

/// The step a file is of.
pub fn step_of(name: &str) -> &str {
    name.split_once('_').map_or("", |(step, _)| step)
}

/// Whether it may be the name of an incident and with it of a directory.
pub fn is_incident(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(plain)
}

/// Sorts incidents by age: they are named after the start of their supervisor, and counted from there.
pub fn by_age(incident: &str) -> (&str, u64) {
    let counted = incident.rsplit_once('-').and_then(|(start, number)| Some((start, number.parse().ok()?)));
    counted.unwrap_or((incident, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_says() {
        assert!(is_record("incident.json") && is_record("difference-dump.svg") && !is_record("dump-difference.json"));
        assert!(is_partial("dump-heap.partial") && is_partial("dump-heap.partial.gz") && !is_partial("partial.gz"));
        assert!(by_age("20261122T101132Z-9") < by_age("20261122T101132Z-10"));
        assert!(by_age("20261122T101132Z-10") < by_age("20261122T101133Z-1"));
        assert!(!is_incident("../x") && !is_incident("") && is_incident("20261122T101132Z-1"));
    }

    #[test]
    fn names_from_the_service_become_harmless_and_short() {
        assert_eq!(kept_name("dump", 1, Path::new("/t/heap-1.pb.gz")), "dump_heap-1.pb.gz");
        assert_eq!(kept_name("dump", 2, Path::new("/t/a b\n<é>")), "dump_2_a_b____");
        assert_eq!(["dump_heap-1", "dump-heap_1", "x"].map(step_of), ["dump", "dump-heap", ""]);
        let long = "x".repeat(300) + ".hprof";
        let kept = kept_name("dump", 1, Path::new(&long));
        assert!(kept.len() < 200 && kept.ends_with("x.hprof"), "{kept}");
    }
}

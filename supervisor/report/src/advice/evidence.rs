//! What the captures say, and how to look into them.

use highwater_profile::format::Format;

use crate::incident::{Compared, File, Incident};

/// So many captures are told how to open; the rest are opened the same way.
const MOST: usize = 3;

/// Where to begin.
pub fn look_at_the_culprit(incident: &Incident) -> Vec<String> {
    let Some(culprit) = incident.culprit() else { return Vec::new() };
    let site = quoted(&culprit.grower.site);
    vec![match culprit.compared.difference.format {
        Format::JvmHistogram => {
            format!(
                "Begin with objects of {site}: find out what keeps them, such as a map, a cache or a listener list."
            )
        }
        Format::HeapSnapshot => {
            format!(
                "Begin with objects of {site}: look at their retainers, which say what keeps them from being freed."
            )
        }
        _ => format!(
            "Begin at {site}: what is allocated there stays reachable; look for what keeps it and never lets go."
        ),
    }]
}

/// The command or program that opens each capture.
pub fn open(incident: &Incident) -> Vec<String> {
    let compared = incident.differences.iter().map(|compared| by_format(incident, compared));
    let others = incident.files.iter().filter(|file| !is_compared(incident, &file.path)).filter_map(by_name);
    let mut all: Vec<String> = compared.chain(others).collect();
    all.truncate(MOST);
    all.extend(incident.files.iter().filter(|file| !file.complete).map(cut_short).take(1));
    all
}

fn is_compared(incident: &Incident, path: &str) -> bool {
    incident.differences.iter().any(|compared| compared.after == path || compared.before.as_deref() == Some(path))
}

fn by_format(incident: &Incident, compared: &Compared) -> String {
    let after = typed(&compared.after);
    let before = compared.before.as_deref().map(|before| typed(&place_of(incident, before)));
    let base = |option: &str| before.as_deref().map(|before| format!(" {option}={before}")).unwrap_or_default();
    let what = if before.is_some() { "See what grew, call by call" } else { "See who holds what, call by call" };
    match compared.difference.format {
        Format::Pprof => format!("{what}: `go tool pprof -http=:{} {after}`.", base("-diff_base")),
        Format::JvmHistogram => format!("Read the whole class histogram, the largest first: `zless {after}`."),
        Format::Tracemalloc => unpacked(&compared.after, |after| {
            format!(
                "list the lines that hold most: `python3 -c \"import sys, tracemalloc; [print(line) for line in \
                 tracemalloc.Snapshot.load(sys.argv[1]).statistics('lineno')[:20]]\" {after}` (loading a snapshot runs \
                 what is in it, so only open your own; if it is plain text, just read it)."
            )
        }),
        Format::HeapSnapshot => unpacked(&compared.after, |after| chrome(after, before.as_deref())),
        Format::NodeReport => format!("Read the report, under `javascriptHeap`: `zless {after}`."),
        Format::Jemalloc => unpacked(&compared.after, |after| {
            format!("list who holds what: `jeprof --text{} PROGRAM {after}`.", base("--base"))
        }),
        Format::Gperftools => unpacked(&compared.after, |after| {
            format!("list who holds what: `google-pprof --text{} PROGRAM {after}`.", base("--base"))
        }),
    }
}

fn by_name(file: &File) -> Option<String> {
    let path = typed(&file.path);
    let plain = file.path.strip_suffix(".gz").unwrap_or(&file.path);
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| plain.ends_with(suffix));
    if !file.complete {
        None
    } else if ends(&[".hprof"]) {
        Some(format!(
            "Open the heap dump in Eclipse Memory Analyzer: load `{path}`, then run the report \"Leak Suspects\"."
        ))
    } else if ends(&[".heapsnapshot"]) {
        Some(unpacked(&file.path, |path| chrome(path, None)))
    } else if ends(&[".pb", ".pprof"]) {
        Some(format!("See who holds what, call by call: `go tool pprof -http=: {path}`."))
    } else if plain.starts_with("core") || ends(&[".core"]) {
        Some(unpacked(&file.path, |path| format!("open the core in a debugger: `gdb PROGRAM {path}`.")))
    } else {
        None
    }
}

fn chrome(after: &str, before: Option<&str>) -> String {
    let compare = match before {
        Some(before) => format!("load `{before}` as well and choose \"Comparison\""),
        None => "sort by retained size".into(),
    };
    format!("open the heap snapshot in Chrome DevTools: under Memory, load `{after}`, then {compare}.")
}

/// Advice for programs that cannot read what is compressed.
fn unpacked(path: &str, advice: impl FnOnce(&str) -> String) -> String {
    match path.strip_suffix(".gz") {
        Some(plain) => format!("Unpack it with `gunzip -k {}`, then {}", typed(path), advice(&typed(plain))),
        None => crate::summary::sentence(&advice(&typed(path))),
    }
}

/// Where the healthy profile is, as seen from the directory of the incident.
fn place_of(incident: &Incident, before: &str) -> String {
    let is_here = incident.files.iter().any(|file| file.path == before);
    if is_here { before.into() } else { format!("../../healthy/baseline/{before}") }
}

fn cut_short(file: &File) -> String {
    format!("`{}` was cut short: most tools refuse it, but text in it may still be of use.", typed(&file.path))
}

/// What to change so that the next incident leaves more behind.
pub fn for_next_time(incident: &Incident) -> Vec<String> {
    let mut advice = Vec::new();
    if incident.differences.is_empty() && !incident.steps.iter().any(|step| step.action == "dump") {
        advice.push(add_a_dump(incident.runtime.as_deref()));
    }
    if incident.differences.iter().any(|compared| compared.before.is_none()) {
        let how = "keep one with `baseline` under `[evidence]`, taken before the service usually gets into trouble";
        advice.push(format!("Let the next incident be compared with a profile of the healthy service: {how}."));
    }
    advice
}

fn add_a_dump(runtime: Option<&str>) -> String {
    let example = match runtime {
        Some(key @ ("go" | "jvm" | "node" | "python")) => format!("`policies/{key}.toml` shows one for this runtime"),
        _ => "the files in `policies/` show some".into(),
    };
    format!("Add a dump step to the policy, so that the next incident names what grew: {example}.")
}

/// A file name as it can be typed in a shell, from the directory of the incident.
fn typed(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=@:,".contains(c);
    let path = path.replace('`', "?");
    match path.starts_with('-') {
        _ if path.is_empty() => "''".into(),
        true => typed(&format!("./{path}")),
        false if path.chars().all(is_plain) => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

fn quoted(site: &str) -> String {
    format!("`{}`", site.replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_can_be_pasted_into_a_shell() {
        assert_eq!(typed("dump-heap.pb.gz"), "dump-heap.pb.gz");
        assert_eq!(typed("a b$(reboot)'c"), "'a b$(reboot)'\\''c'");
        assert_eq!(typed("-rf"), "./-rf");
        assert_eq!(typed(""), "''");
    }
}

//! How the limits of the runtime and of the cgroup should stand to each other.

use crate::classify::Kind;
use crate::incident::Incident;

/// Kinds of growth in which the heap of the runtime has no part.
const NOT_THE_HEAP: [Kind; 5] = [Kind::PageCache, Kind::Shmem, Kind::Kernel, Kind::MappedFiles, Kind::ManyProcesses];

/// The limit of the runtime's own heap that fits the limit in force. The shares are those of the ready-made policies.
pub fn by_runtime(incident: &Incident) -> Vec<String> {
    let Some(limit) = incident.limit.filter(|limit| *limit > 0) else {
        return vec![
            "The service has no limit: set `max` under `[memory]`, or only a limit of the whole machine can stop it."
                .into(),
        ];
    };
    if incident.classification.as_ref().is_some_and(|growth| NOT_THE_HEAP.contains(&growth.kind)) {
        return Vec::new();
    }
    of_heap(incident.runtime.as_deref(), limit).into_iter().collect()
}

fn of_heap(runtime: Option<&str>, limit: u64) -> Option<String> {
    let mib = |percent: u64| (limit >> 20).max(1).saturating_mul(percent) / 100;
    match runtime? {
        "go" => Some(format!(
            "Unless it is set, start the service with `GOMEMLIMIT={}MiB` (75 % of the limit): then garbage is collected \
             before highwater has to act, and what still grows is a leak.",
            mib(75)
        )),
        "jvm" => Some(format!(
            "See that the heap fits: `-Xmx{}m` (65 % of the limit) leaves room for what a JVM keeps outside of it.",
            mib(65)
        )),
        "node" => Some(format!(
            "See that the heap fits: `--max-old-space-size={}` (40 % of the limit) leaves room for a heap snapshot.",
            mib(40)
        )),
        _ => None,
    }
}

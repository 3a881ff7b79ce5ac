//! What to do about each kind of growth.

use crate::classify::Kind;
use crate::incident::Incident;

/// What to do about this kind of growth.
pub fn by_kind(incident: &Incident) -> Vec<String> {
    let Some(classification) = &incident.classification else { return Vec::new() };
    about(classification.kind).into_iter().map(Into::into).collect()
}

fn about(kind: Kind) -> Option<&'static str> {
    match kind {
        // The culprit says it better.
        Kind::Anon => None,
        Kind::PageCache => Some(
            "Page cache is no leak: the kernel takes it back when it is needed. Let triggers look at the working set (`of \
             = \"working-set\"`), or raise the tripwire; if the service stalls, it needs a higher limit.",
        ),
        Kind::Shmem => Some(
            "Files in tmpfs (`/dev/shm`, `/tmp`, or an `emptyDir` with `medium: Memory`) count as memory and stay until they \
             are deleted: find them with `du -x`, and keep large ones on a disk.",
        ),
        Kind::Kernel => Some(
            "The kernel holds memory for the service. Compare `slab`, `sock` and `pagetables` below: many sockets with full \
             buffers point to slow readers, much slab to many small files or watches.",
        ),
        Kind::HugePages => Some(
            "Huge pages hold more than the program uses. Let it ask for them: write `madvise` to \
             `/sys/kernel/mm/transparent_hugepage/enabled`.",
        ),
        Kind::ManyProcesses => Some(
            "No process is large, there are many: lower the number of workers, or cap it (`TasksMax=` of the unit, `pids.max` \
             of the cgroup).",
        ),
        Kind::MappedFiles => Some(
            "Files mapped into memory can be taken back by the kernel like page cache. If the service stalls, it needs a \
             higher limit, or maps less at a time.",
        ),
        Kind::OuterLimit => Some(
            "The limit that was reached is not the service's own. Set `max` under `[memory]` below what its slice, pod or \
             machine has to spare, so that this service is stopped in time, and look at what else runs there.",
        ),
        Kind::Burst => Some(
            "It was a burst and no leak. If it comes again, raise the limit or the tripwire, or let fewer requests in at a \
             time.",
        ),
        Kind::Unknown => Some(
            "Let the service be seen healthy for a while: with a look at it before the incident, the next report can say what \
             grew.",
        ),
    }
}

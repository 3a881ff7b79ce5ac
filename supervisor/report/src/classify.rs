//! What kind of growth it was, with the figures that say so.

mod burst;
mod figures;
mod growth;
mod size;

use serde::{Deserialize, Serialize};

use crate::incident::Incident;
use burst::Burst;
use growth::Growth;

/// What kind of growth it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The kind that explains most.
    pub kind: Kind,
    /// One sentence for people, with the figures that say so.
    pub because: String,
    /// What grew between the healthy service and the last look, by kind, the largest first: bytes, also negative.
    pub growth: Vec<(Kind, i64)>,
}

/// A kind of growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Anonymous memory: heaps and stacks of the processes.
    Anon,
    /// Page cache of files read and written, which the kernel can take back.
    PageCache,
    /// tmpfs and shared memory, which it cannot.
    Shmem,
    /// Memory of the kernel: slab, sockets, page tables, stacks.
    Kernel,
    /// Huge pages that hold little: `AnonHugePages` grew and the programs did not ask for as much.
    HugePages,
    /// Many processes, none of them large.
    ManyProcesses,
    /// Files mapped into memory.
    MappedFiles,
    /// The service did not grow: a limit further up was reached.
    OuterLimit,
    /// It rose and fell again by itself.
    Burst,
    /// Nothing was measured, or nothing grew.
    Unknown,
}

/// A service that grew by less than this share of what it has did not cause what happened at a limit further up.
const GREW_LITTLE: f64 = 0.25;

/// Says what kind of growth an incident was, from its snapshots, its readings and the ends of its lives. Compared are
/// the healthy service and the larger of the looks at it since. Without the former, growth since the incident opened
/// counts, or else all there is: a service begins with nothing.
pub fn classify(incident: &Incident) -> Classification {
    let growth = Growth::of(incident);
    let by_kind = growth.as_ref().map(Growth::by_kind).unwrap_or_default();
    let (kind, because) = explain(incident, growth.as_ref(), &by_kind);
    Classification { kind, because, growth: by_kind }
}

fn explain(incident: &Incident, growth: Option<&Growth<'_>>, by_kind: &[(Kind, i64)]) -> (Kind, String) {
    let outer = incident.lives.iter().any(|life| life.cause.as_deref() == Some("outer-limit"));
    if let Some(burst) = Burst::of(incident) {
        return (Kind::Burst, burst.to_string());
    }
    match growth {
        Some(growth) if outer && growth.share() < GREW_LITTLE => (Kind::OuterLimit, growth.at_outer_limit()),
        Some(growth) if growth.is_significant() => {
            let (kind, because) = growth.explain(by_kind);
            let end = if outer { "; the limit that was reached is one further up" } else { "" };
            (kind, because + end)
        }
        None if outer => (Kind::OuterLimit, "the kernel killed the service at a limit further up".into()),
        Some(growth) => (Kind::Unknown, growth.nothing_grew()),
        None => (Kind::Unknown, "there was no look at the service".into()),
    }
}

#[cfg(test)]
mod tests;

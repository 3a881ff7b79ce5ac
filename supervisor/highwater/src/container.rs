//! The container highwater finds itself in: what its cgroup means for the service, whoever set it.

use highwater_core::amount::Bytes;
use highwater_core::policy::Policy;
use highwater_kernel::cgroup::Group;
use highwater_kernel::mount::Mount;

use crate::host::{Host, Place};

/// The cgroup of the container: the root of a cgroup namespace, which has limits, unlike that of a machine.
#[derive(Debug)]
pub struct Container {
    group: Group,
}

/// What is known of its memory.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    max: Option<u64>,
    high: Option<u64>,
    killed_as_a_whole: bool,
}

impl Container {
    /// The container, if this is one and its cgroup can be seen.
    pub fn find() -> Option<Self> {
        let group = Group::open(Mount::find().ok()??.point).ok()?;
        (group.has("cgroup.type") && group.has("memory.max")).then_some(Self { group })
    }

    /// What a person should know before it matters: each with the way out.
    pub fn statements(&self, host: &Host, policy: &Policy) -> Vec<String> {
        let limit = |limit: highwater_kernel::Result<highwater_kernel::cgroup::Limit>| limit.ok()?.bytes();
        let memory = Memory {
            max: limit(self.group.max()),
            high: limit(self.group.high()),
            killed_as_a_whole: self.group.oom_group().unwrap_or(false),
        };
        let has_own = matches!(host.place, Place::Own(_));
        [no_limit(memory, policy), kill(memory, policy, has_own), slowed_down(memory, policy, has_own)]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn no_limit(memory: Memory, policy: &Policy) -> Option<String> {
    (memory.max.is_none() && policy.memory.max.is_none()).then(|| {
        "the container has no memory limit: percentages are of the memory of the whole node; set \
         resources.limits.memory"
            .into()
    })
}

/// A kill at the container's limit takes highwater along, unless the service meets a limit of its own before.
fn kill(memory: Memory, policy: &Policy, has_own: bool) -> Option<String> {
    let max = memory.max.filter(|_| memory.killed_as_a_whole)?;
    let is_apart = policy.memory.reserve.is_some() || policy.memory.max.is_some_and(|own| own < max);
    let way_out = match has_own {
        true if is_apart => return None,
        true => "set reserve or max in [memory], so that the service meets a limit of its own first",
        false => {
            "what has happened by then is in the journal and the termination message; a sidecar (highwater attach), or a \
             writable cgroup and [memory] reserve, keeps highwater apart"
        }
    };
    let max = Bytes(max);
    Some(format!(
        "at {max} the kernel kills the whole container, highwater too, as its memory.oom.group is 1: {way_out}"
    ))
}

/// The kubelet may set `memory.high` (`MemoryQoS`). It stays as it is: highwater only writes those of its own cgroups.
fn slowed_down(memory: Memory, policy: &Policy, has_own: bool) -> Option<String> {
    let high = memory.high?;
    let max = memory.max.unwrap_or(u64::MAX);
    let tripwire = policy.memory.tripwire.map(|level| level.of(max)).filter(|level| has_own && *level >= high);
    let late = tripwire.map_or_else(String::new, |level| {
        format!("; the tripwire at {} would come after it: set it lower", Bytes(level))
    });
    Some(format!(
        "the container's memory.high is {}, set by somebody else (the kubelet's MemoryQoS?): the kernel slows the service \
         down from there on, and highwater leaves it as it is{late}",
        Bytes(high)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn policy(text: &str) -> Policy {
        let whole = format!(
            "{text}\n[trigger.breach]\nmemory-event = {{ counter = \"high\" }}\n[[step]]\nname = \"k\"\nkill = {{}}\n"
        );
        let source = highwater_policy::Source { name: "policy.toml".into(), text: whole };
        highwater_policy::parse(&source).unwrap_or_else(|report| panic!("{report}")).policy
    }

    const LIMITED: Memory = Memory { max: Some(256 * MIB), high: Some(200 * MIB), killed_as_a_whole: true };

    #[test]
    fn a_kill_of_the_whole_container_is_said_where_it_can_happen() {
        let plain = policy("");
        assert!(kill(LIMITED, &plain, false).unwrap().contains("at 256 MiB"));
        assert!(kill(LIMITED, &plain, true).unwrap().contains("reserve"));
        assert!(kill(LIMITED, &policy("[memory]\nreserve = \"16MiB\""), true).is_none());
        assert!(kill(LIMITED, &policy("[memory]\nmax = \"300MiB\""), true).is_some());
        assert!(kill(LIMITED, &policy("[memory]\nmax = \"200MiB\""), true).is_none());
        assert!(kill(Memory { killed_as_a_whole: false, ..LIMITED }, &plain, false).is_none());
    }

    #[test]
    fn a_limit_of_somebody_else_is_said_and_the_tripwire_behind_it() {
        let text = slowed_down(LIMITED, &policy(""), true).unwrap();
        assert!(text.contains("200 MiB") && text.contains("204.8 MiB"), "{text}");
        let text = slowed_down(LIMITED, &policy("[memory]\ntripwire = \"60%\""), true).unwrap();
        assert!(!text.contains("tripwire"), "{text}");
        assert!(slowed_down(Memory { high: None, ..LIMITED }, &policy(""), true).is_none());
    }

    #[test]
    fn without_a_limit_percentages_are_of_the_node() {
        assert!(no_limit(Memory::default(), &policy("")).is_some());
        assert!(no_limit(Memory::default(), &policy("[memory]\nmax = \"1GiB\"")).is_none());
        assert!(no_limit(LIMITED, &policy("")).is_none());
    }
}

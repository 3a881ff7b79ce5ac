//! What a pod allows: which of the two shapes can carry out which action here. In `wrap`, highwater starts the service
//! in its container; in `observe`, it attaches to it from a sidecar.

use highwater_core::ability::Ability;
use serde::Serialize;

use crate::host::Host;

use super::neighbours::Neighbours;

/// One action in both shapes.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Key of the action in a policy.
    pub action: &'static str,
    /// With highwater as the first process of the service's container.
    pub wrap: Verdict,
    /// With highwater as a sidecar.
    pub observe: Verdict,
}

/// Whether it can be done.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Whether.
    pub can: bool,
    /// How, or why not.
    pub reason: String,
    /// The way out, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What a sidecar needs of the others to do it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing.
    Nothing,
    /// To send them signals.
    Signals,
    /// To read their memory and files.
    Trace,
}

/// Every action, in the order in which ladders have them.
pub fn rows(host: &Host, neighbours: Neighbours) -> Vec<Row> {
    let both = |action, how: &str, need| Row { action, wrap: yes(how), observe: observed(need, how, neighbours) };
    let by_cgroup = |action, ability, how: &str| Row {
        action,
        wrap: by_ability(host, ability, how),
        observe: no("the cgroup of another container cannot be written", "let highwater wrap the service"),
    };
    vec![
        both("dump", "by signal, http, or from outside; a command is one of highwater's image", Need::Trace),
        both("shed", "the readiness of its container is the pod's, too", Need::Nothing),
        Row {
            action: "shrink",
            wrap: yes("by $MEMORY_PRESSURE_WATCH"),
            observe: no("it is told to a service when it is started", "let highwater wrap the service"),
        },
        both("signal", "to the main process", Need::Signals),
        by_cgroup("throttle", Ability::Throttle, "by memory.high of a cgroup of its own"),
        by_cgroup("reclaim", Ability::Reclaim, "by memory.reclaim of a cgroup of its own"),
        Row {
            action: "restart",
            wrap: yes("in place; the kubelet does not see it"),
            observe: observed(Need::Signals, "asked to end and waited for; the kubelet starts it again", neighbours),
        },
        Row {
            action: "kill",
            wrap: yes(if host.abilities.has(Ability::CgroupKill) { "by cgroup.kill" } else { "one by one" }),
            observe: observed(Need::Signals, "one by one", neighbours),
        },
        both("command", "a program of highwater's image", Need::Nothing),
        both("http", "highwater posts", Need::Nothing),
        both("upload", "highwater sends", Need::Nothing),
        both("notify", "highwater sends", Need::Nothing),
    ]
}

/// The table for people.
pub fn print(rows: &[Row]) {
    println!("\nin this container   wrap  observe");
    let word = |verdict: &Verdict| if verdict.can { "yes" } else { "no" };
    for Row { action, wrap, observe } in rows {
        let how = if wrap.can { &wrap.reason } else { &observe.reason };
        let how = if wrap.can || observe.can { how.as_str() } else { "" };
        println!("    {action:15} {:5} {:7} {how}", word(wrap), word(observe));
    }
    for (shape, reason, remedy, actions) in causes(rows) {
        println!("\n{shape} without {}: {reason}\n    way out: {remedy}", actions.join(", "));
    }
}

type Cause<'a> = (&'static str, &'a str, &'a str, Vec<&'static str>);

/// Why some actions cannot be done, each cause once.
fn causes(rows: &[Row]) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause> = Vec::new();
    for (shape, of) in [("wrap", (|row| &row.wrap) as fn(&Row) -> &Verdict), ("observe", |row| &row.observe)] {
        for row in rows {
            let verdict = of(row);
            let Some(remedy) = verdict.remedy.as_deref() else { continue };
            match causes.iter_mut().find(|(known, reason, ..)| *known == shape && *reason == verdict.reason) {
                Some((.., actions)) => actions.push(row.action),
                None => causes.push((shape, &verdict.reason, remedy, vec![row.action])),
            }
        }
    }
    causes
}

fn by_ability(host: &Host, ability: Ability, how: &str) -> Verdict {
    match host.missing.iter().find(|lack| lack.ability == ability.name()) {
        Some(lack) => no(&lack.reason, &lack.remedy),
        None => yes(how),
    }
}

fn observed(need: Need, how: &str, neighbours: Neighbours) -> Verdict {
    let allowed = match need {
        Need::Nothing => neighbours.seen,
        Need::Signals => neighbours.can_signal,
        Need::Trace => neighbours.can_trace && neighbours.can_signal,
    };
    match (neighbours.seen, allowed) {
        (false, _) => no(
            "no process of another container is in sight",
            "give the pod shareProcessNamespace: true, and run highwater attach in a sidecar",
        ),
        (true, false) => no(
            "the processes of the other containers belong to another user",
            "give both containers the same runAsUser, or the sidecar SYS_PTRACE and KILL",
        ),
        (true, true) => yes(how),
    }
}

fn yes(how: &str) -> Verdict {
    Verdict { can: true, reason: how.into(), remedy: None }
}

fn no(reason: &str, remedy: &str) -> Verdict {
    Verdict { can: false, reason: reason.into(), remedy: Some(remedy.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Lack, Place};
    use highwater_core::ability::Abilities;

    fn host(missing: &[Ability]) -> Host {
        let lack = |ability: &Ability| Lack {
            ability: ability.name(),
            reason: "/sys/fs/cgroup is mounted read-only".into(),
            remedy: "cgroup_writable = true".into(),
        };
        let mut abilities = Abilities::all();
        for ability in missing {
            abilities.remove(*ability);
        }
        Host { place: Place::Tree, abilities, missing: missing.iter().map(lack).collect() }
    }

    fn can(rows: &[Row], of: fn(&Row) -> &Verdict) -> Vec<&'static str> {
        rows.iter().filter(|row| of(row).can).map(|row| row.action).collect()
    }

    #[test]
    fn an_ordinary_pod_lacks_what_is_written_to_cgroups() {
        let neighbours = Neighbours { seen: true, can_signal: true, can_trace: true };
        let rows = rows(&host(&[Ability::Throttle, Ability::Reclaim, Ability::CgroupKill]), neighbours);
        let common = ["dump", "shed", "signal", "restart", "kill", "command", "http", "upload", "notify"];
        assert_eq!(can(&rows, |row| &row.observe), common);
        let wrapped = can(&rows, |row| &row.wrap);
        assert!(!wrapped.contains(&"throttle") && wrapped.contains(&"shrink"), "{wrapped:?}");
        let causes = causes(&rows);
        assert_eq!(causes[0].3, ["throttle", "reclaim"]);
        assert_eq!(causes[0].2, "cgroup_writable = true");
    }

    #[test]
    fn whoever_sees_or_reaches_nobody_is_told_how_to() {
        let rows_for = |neighbours| rows(&host(&[]), neighbours);
        let alone = rows_for(Neighbours { seen: false, can_signal: false, can_trace: false });
        assert!(can(&alone, |row| &row.observe).is_empty());
        assert!(alone[0].observe.remedy.as_ref().unwrap().contains("shareProcessNamespace"));
        let strangers = rows_for(Neighbours { seen: true, can_signal: false, can_trace: false });
        assert!(strangers[0].observe.remedy.as_ref().unwrap().contains("runAsUser"));
        assert_eq!(can(&strangers, |row| &row.observe), ["shed", "command", "http", "upload", "notify"]);
        assert_eq!(can(&alone, |row| &row.wrap).len(), 12);
    }
}

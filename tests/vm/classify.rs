//! Every kind of growth, made for real, looked at from outside and given its name. What was seen is left in
//! `$HIGHWATER_RESULTS/recorded`: the cases of `supervisor/report/tests/recorded` come from there.

use std::process::{Child, Stdio};

use highwater_kernel::cgroup::Group;
use highwater_report::classify::{Classification, Kind, classify};
use highwater_report::incident::{Incident, Life, Reading};
use highwater_report::snapshot::Snapshot;
use highwater_tests::{Scratch, disk, program, wait_until};

use crate::snapshot::Grower;

const MIB: u64 = 1 << 20;

/// Classifies an incident, keeps it, and expects a kind.
#[track_caller]
fn is(expected: Kind, case: &str, incident: &Incident) -> Classification {
    let found = classify(incident);
    println!("{case}: {}", found.because);
    record(case, expected, incident);
    assert_eq!(found.kind, expected, "{}: {:?}", found.because, found.growth);
    found
}

fn record(case: &str, expected: Kind, incident: &Incident) {
    let Some(results) = std::env::var_os("HIGHWATER_RESULTS") else { return };
    let directory = std::path::Path::new(&results).join("recorded");
    std::fs::create_dir_all(&directory).unwrap();
    let kernel = highwater_tests::kernel().unwrap_or_else(|| "host".into());
    let recorded = serde_json::json!({ "expected": expected, "incident": portable(incident.clone()) });
    std::fs::write(directory.join(format!("{case}-{kernel}.json")), format!("{recorded}\n")).unwrap();
}

/// Without the paths of the machine it was recorded on.
fn portable(mut incident: Incident) -> Incident {
    let looks = [&mut incident.baseline, &mut incident.breach, &mut incident.last];
    for mapping in looks.into_iter().flatten().flat_map(|look| &mut look.mappings) {
        mapping.name = mapping.name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    incident
}

fn incident(baseline: Snapshot, breach: Snapshot) -> Incident {
    Incident { version: 1, baseline: Some(baseline), breach: Some(breach), ..Incident::default() }
}

/// Has a service of its own grow in one way, once.
#[track_caller]
fn grown(kind: &str, mib: u64) -> Incident {
    let mut service = Grower::start(Scratch::new(kind), kind, mib);
    let baseline = service.look();
    service.step();
    incident(baseline, service.look())
}

/// The leaker, in a cgroup of its own.
struct Leaker {
    scratch: Scratch,
    child: Child,
}

impl Leaker {
    /// Starts it and waits until this much is in use of a key of `memory.stat`.
    #[track_caller]
    fn start(options: &str, key: &str, mib: u64) -> Self {
        let scratch = Scratch::new("leaker");
        let mut command = scratch.command(program("leaker"));
        command.args(options.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        wait_until("the leak", || (scratch.counter("memory.stat", key) >= mib * MIB).then_some(()));
        Self { scratch, child }
    }

    fn look(&self) -> Snapshot {
        let group = Group::open(self.scratch.path()).unwrap();
        highwater::snapshot::take(self.child.id().cast_signed(), Some(&group), 1)
    }
}

impl Drop for Leaker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_leak_is_anonymous_memory() {
    let healthy = Leaker::start("--base 8", "anon", 8).look();
    let leak = Leaker::start("--base 8 --rate 200 --stop-leak-at 48 --threads 2", "anon", 56).look();
    is(Kind::Anon, "leak", &incident(healthy, leak));
}

#[test]
fn a_stream_is_page_cache() {
    let healthy = Leaker::start("--base 8", "anon", 8).look();
    let file = disk().join("stream");
    let options = format!("--base 8 --cache 200 --cache-size 48 --cache-file {}", file.display());
    let streaming = Leaker::start(&options, "file", 40).look();
    is(Kind::PageCache, "cache", &incident(healthy, streaming));
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_file_on_tmpfs_is_shared_memory() {
    is(Kind::Shmem, "shmem", &grown("shmem", 48));
}

#[test]
fn a_file_that_is_mapped_is_a_mapped_file() {
    is(Kind::MappedFiles, "mapped", &grown("mapped", 48));
}

#[test]
fn messages_that_nobody_fetches_are_kernel_memory() {
    let found = is(Kind::Kernel, "sockets", &grown("sockets", 8));
    assert!(found.because.contains("messages in sockets"), "{}", found.because);
}

#[test]
fn names_that_are_remembered_are_kernel_memory() {
    let found = is(Kind::Kernel, "names", &grown("names", 4));
    assert!(found.because.contains("names and inodes of files"), "{}", found.because);
}

#[test]
fn many_processes_are_not_a_leak_of_one() {
    is(Kind::ManyProcesses, "processes", &grown("processes", 24));
}

#[test]
fn huge_pages_that_hold_little_are_told_from_full_ones() {
    is(Kind::HugePages, "sparse", &grown("sparse", 64));
    is(Kind::Anon, "dense", &grown("dense", 64));
}

#[test]
fn what_falls_by_itself_is_a_burst() {
    let mut service = Grower::start(Scratch::new("burst"), "burst", 48);
    let baseline = service.look();
    service.step();
    let breach = service.look();
    service.step();
    let last = service.look();
    let readings =
        [&baseline, &breach, &last].map(|look| Reading { current: look.current.unwrap(), ..Reading::default() });
    let burst = incident(baseline, breach);
    let resolved = Some("quiet".to_owned());
    is(Kind::Burst, "burst", &Incident { last: Some(last), readings: readings.to_vec(), resolved, ..burst });
}

#[test]
fn a_kill_from_further_up_is_not_the_service_s_doing() {
    let machine = Scratch::new("machine");
    machine.write("cgroup.subtree_control", "+memory");
    machine.write("memory.max", 96 * MIB).write("memory.swap.max", 0);
    let [service, neighbour] = ["service", "neighbour"].map(|name| machine.below(name));
    service.write("memory.max", 256 * MIB);
    let mut service = Grower::start(service, "anon", 48);
    service.step();
    let baseline = service.look();
    let mut neighbour = Grower::start(neighbour, "anon", 16);
    neighbour.step();
    let breach = service.look();
    let mut killer = neighbour.scratch.command("tail").arg("/dev/zero").stderr(Stdio::null()).spawn().unwrap();
    wait_until("the kill", || (service.scratch.counter("memory.events", "oom_kill") > 0).then_some(()));
    killer.kill().unwrap();
    killer.wait().unwrap();
    assert_eq!(service.scratch.counter("memory.events", "max"), 0, "its own limit has nothing to do with it");
    let life = Life { generation: 1, cause: Some("outer-limit".into()), oom_killed: true, ..Life::default() };
    is(Kind::OuterLimit, "outer", &Incident { lives: vec![life], ..incident(baseline, breach) });
}

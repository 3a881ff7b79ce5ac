//! Where dumps come from, with real programs: an allocator that profiles, tools from outside, what is cheaper, and what
//! becomes of a dump that the service does not survive.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use highwater_tests::{Highwater, Launcher, Process, Scratch, Signal, program, python, wait_until};
use serde_json::Value;

use crate::contract;
use crate::evidence::{Left, hurried, leaks_until_the_restart};
use crate::incident::{MIB, Place, cgroup_of, done, evidence, limit, not_done, number, reason, start_of};
use crate::level;
use crate::runtimes::{example, line};

/// jemalloc in place of libc's allocator, taking a sample for every 64 KiB.
const JEMALLOC: &str = r#"
[service]
env = { LD_PRELOAD = "libjemalloc.so.2", MALLOC_CONF = "prof:true,lg_prof_sample:16" }
[memory]
max = "64MiB"
tripwire = "50%"
[evidence]
baseline = { after = "1s", every = "1h" }
[incident]
resolve-after = "1s"
[trigger.breach]
memory-event = { counter = "high" }
[[step]]
name = "heap-profile"
dump = { signal = "SIGUSR1", file = "DIR/sessions-*.heap", within = "10s", needs = "1MiB" }
[[step]]
name = "restart"
restart = { backoff = "1ms..2ms" }
"#;

#[test]
fn of_jemalloc_the_function() {
    let place = Place::on_disk("jemalloc");
    let mut service = line(program("native-sessions"), "5");
    service.push(place.directory().into());
    let left = leaks_until_the_restart(&place, JEMALLOC, service, "--leak-when");
    left.names("remember_session_forever");
    left.has_flame_graph();
}

fn python_service() -> Vec<OsString> {
    let service = [python(), example("python-sessions/service.py"), "--leak".into(), "5".into()];
    service.map(OsString::from).into()
}

/// Programs are found on this path, and nowhere else.
fn with_path(place: &Place, path: impl Into<OsString>) -> Launcher {
    Highwater::inside(&place.scratch).env("PATH", path.into())
}

#[test]
fn of_python_the_stacks_without_its_help() {
    let place = Place::on_disk("py-spy");
    let tools = program("py-spy").parent().expect("a directory").to_owned();
    let launcher = with_path(&place, tools).policy(level::dump("40MiB", "python = \"stacks\""));
    let mut highwater = launcher.run(python_service());
    let file = evidence(&done(highwater.journal(), "dump"));
    let stacks = fs::read_to_string(file).expect("text");
    highwater.stop();
    assert!(stacks.contains("log_in_for_ever") && stacks.contains("service.py:"), "{stacks}");
    contract::check(highwater.journal());
}

#[test]
fn a_tool_that_is_not_there_is_named_with_the_way_to_get_it() {
    let of_python = ("python = \"stacks\"", python_service(), ["py-spy", "pip install"]);
    let place = Place::on_disk("no-tool");
    let of_any = ("core = \"gcore\"", place.leaker("--base 16"), ["gcore", "gdb"]);
    for (fields, service, ways) in [of_python, of_any] {
        let place = Place::on_disk("no-such-tool");
        let mut highwater = with_path(&place, place.directory()).policy(level::dump("8MiB", fields)).run(service);
        let reason = not_done(highwater.journal(), "dump", "failed");
        assert!(ways.iter().all(|way| reason.contains(way)), "{reason}");
        highwater.stop();
    }
}

#[test]
fn a_core_is_an_elf_file_of_all_that_is_mapped() {
    let place = Place::on_disk("core");
    let mut highwater = place.start(&level::dump("16MiB", "core = \"gcore\""), place.leaker("--base 24"));
    let end = done(highwater.journal(), "dump");
    let pieces = end["evidence"].as_array().expect("evidence");
    let core = pieces.iter().find(|piece| piece["path"].as_str().is_some_and(|path| path.contains("core.")));
    let core = PathBuf::from(core.unwrap_or_else(|| panic!("no core: {end}"))["path"].as_str().unwrap());
    let (size, mapped) = (core.metadata().unwrap().len(), Process(highwater.service()).status("VmSize"));
    let mapped = mapped.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") << 10;
    // Beside the memory it has notes, and the kernel's own page, which cannot be read, is left out.
    assert!((24 * MIB..=mapped + MIB).contains(&size), "{size} bytes of {mapped}");
    // The type of a core is 4, behind the 16 bytes of identification.
    let mut head = [0; 18];
    File::open(core).unwrap().read_exact(&mut head).unwrap();
    assert_eq!((&head[..4], &head[16..]), (b"\x7fELF".as_slice(), [4, 0].as_slice()));
    assert!(Path::new("/proc").join(highwater.service().to_string()).exists(), "the service must live on");
    highwater.stop();
    contract::check(highwater.journal());
}

#[test]
fn a_core_that_does_not_fit_on_the_disk_is_not_begun() {
    let place = Place::on_disk("no-core");
    let policy = level::dump("16MiB", "core = \"gcore\"") + "[evidence]\nmin-free = \"1TiB\"\n";
    let mut highwater = place.start(&policy, place.leaker("--base 24"));
    let reason = not_done(highwater.journal(), "dump", "failed");
    highwater.stop();
    assert!(reason.contains("MiB do not fit") && reason.contains("1048576.0 MiB must stay"), "{reason}");
    contract::check(highwater.journal());
}

/// The snapshot is declared to need more than there ever is, so that the healthy service is asked for a report too.
#[test]
fn of_node_a_report_where_a_snapshot_does_not_fit() {
    let place = Place::on_disk("node-report");
    // No more than that can be lent.
    place.scratch.write("memory.max", 168 * MIB);
    // Until Node is up it handles no signal, so the healthy service is asked again and again.
    let text = hurried("node", "160MiB", "3s")
        .replace("every = \"1h\"", "every = \"3s\"")
        .replace("within = \"2m\"", "within = \"2m\", needs = \"150MiB\"");
    let service = vec!["node".into(), example("node-sessions/service.js").into(), "--leak".into(), "5".into()];
    let highwater = place.start(&text, place.cured_by_a_restart(service));
    let end = done(highwater.journal(), "heap-snapshot");
    let said = reason(&start_of(highwater.journal(), "heap-snapshot"));
    assert!(said.contains("SIGUSR2") && said.contains("does not fit") && said.contains("MiB needed"), "{said}");
    assert!(evidence(&end).extension().is_some_and(|kind| kind == "json"), "{end}");
    Left::by(highwater).names("external memory");
}

#[test]
fn a_file_that_is_empty_for_most_of_the_dump_is_waited_for() {
    let place = Place::on_disk("late");
    let writes = r#"$SIG{USR1} = sub { open my $file, ">", "$ARGV[0]/heap-1.bin"; select undef, undef, undef, 2.5;
        print $file "x" x 5000; close $file }; my $size = 32 << 20; my $x = "x" x $size; sleep 1 while 1"#;
    let service = vec!["perl".into(), "-e".into(), writes.into(), place.directory().into()];
    let mut highwater = place.start(&level::dump("24MiB", "signal = \"SIGUSR1\", file = \"DIR/heap-*.bin\""), service);
    let end = done(highwater.journal(), "dump");
    highwater.stop();
    assert_eq!(evidence(&end).metadata().unwrap().len(), 5_000);
    assert!(number(&end["evidence"][0]["took_ms"]) >= 2_500, "{end}");
}

/// A slow dump that says it needs little, beside a fast leak: the kernel ends both.
const DEADLY: &str = r#"
[memory]
max = "64MiB"
tripwire = "off"
hold = "off"
[incident]
resolve-after = "1ms"
[trigger.level]
usage = { above = "40%" }
[trigger.never]
usage = { above = "40%", for = "1h" }
[[step]]
name = "dump"
dump = { signal = "SIGUSR1", file = "DIR/heap-*.bin", needs = "1MiB", within = "1m", fallback = [
    { command = ["cat", "/proc/self/cgroup"], needs = "1MiB" },
] }
[[step]]
name = "restart"
on = ["never"]
restart = { budget = { times = 100, within = "1h" }, backoff = "1ms..2ms" }
"#;

/// That event of the dump in a generation.
#[track_caller]
fn dump_of(highwater: &Highwater, generation: u64, event: &str) -> Value {
    highwater.journal().wait_for_line(&format!("{event} of the dump of generation {generation}"), |line| {
        line["step"] == "dump" && line["event"] == event && line["generation"] == generation
    })
}

/// The dump of that generation went another way.
#[track_caller]
fn is_blamed(highwater: &Highwater, generation: u64) {
    let end = dump_of(highwater, generation, "step.finished");
    assert_eq!(end["outcome"], "done", "{end}");
    says_who_died(&dump_of(highwater, generation, "step.started"));
}

#[track_caller]
fn says_who_died(started: &Value) {
    let said = reason(started);
    assert!(said.contains("SIGUSR1") && said.contains("the service died during it"), "{said}");
}

#[test]
fn a_dump_that_the_oom_killer_ends_is_kept_blamed_and_not_repeated() {
    let place = Place::on_disk("oom");
    let policy = DEADLY.replace("DIR", place.directory().to_str().unwrap());
    let service = place.leaker("--base 24 --rate 8 --dump-size 200 --dump-rate 2");
    let mut highwater = place.start(&policy, service.clone());
    let first = dump_of(&highwater, 1, "step.finished");
    assert_eq!(first["outcome"], "failed", "{first}");
    is_kept_as_partial(&first);
    is_blamed(&highwater, 2);
    highwater.signal(Signal::HUP);
    highwater.journal().wait_for("policy.reloaded");
    assert_eq!(dump_of(&highwater, 3, "step.finished")["outcome"], "failed", "forgiven, it is tried again");
    is_blamed(&highwater, 4);
    highwater.stop();
    contract::check(highwater.journal());

    let stopped = number(&highwater.journal().lines().last().expect("its last line")["mono_ns"]);
    let scratch = Scratch::new("oom-next");
    let next = Highwater::inside(&scratch).state_dir(highwater.state_dir()).policy(policy);
    let mut next = next.run(service);
    says_who_died(&next.journal().wait_for_line("the dump of the next highwater", |line| {
        line["event"] == "step.started" && line["step"] == "dump" && line["mono_ns"].as_u64() > Some(stopped)
    }));
    next.stop();
}

/// What there is of it lies among the evidence, and its name says that it is not all.
#[track_caller]
fn is_kept_as_partial(end: &Value) {
    let named = evidence(end);
    let name = named.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    assert!(name.ends_with(".partial"), "{end}");
    // It may be compressed by now.
    let partial = wait_until("the partial dump", || {
        let mut files = fs::read_dir(named.parent()?).ok()?.map(|entry| entry.unwrap());
        files.find(|file| file.file_name().to_str().is_some_and(|found| found.starts_with(&name)))
    });
    let size = partial.metadata().unwrap().len();
    assert!((1..200 * MIB).contains(&size), "{size}");
}

#[test]
fn a_reserve_is_kept_from_the_service_and_lent_to_its_dump() {
    let place = Place::on_disk("reserve");
    place.scratch.write("memory.max", 128 * MIB);
    let policy = level::dump("48MiB", "signal = \"SIGUSR1\", file = \"DIR/heap-*.bin\", needs = \"40MiB\"")
        .replace("max = \"192MiB\"", "reserve = \"48MiB\"");
    let mut highwater = place.start(&policy, place.leaker("--base 56 --dump-size 16"));
    let cgroup = cgroup_of(&highwater.started(1));
    assert_eq!(limit(&cgroup, "memory.max"), Some(80 * MIB));
    let started = start_of(highwater.journal(), "dump");
    assert_eq!(started["plan"]["choice"], "loan", "{started}");
    let lent = number(&started["plan"]["loan"]);
    assert!((MIB..=48 * MIB).contains(&lent), "{started}");
    let end = done(highwater.journal(), "dump");
    assert_eq!(evidence(&end).metadata().unwrap().len(), 16 * MIB);
    highwater.stop();
    contract::check(highwater.journal());
}

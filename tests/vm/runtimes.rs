//! The policies that come with highwater, with real services; those whose evidence names a culprit are in `evidence.rs`.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::{Highwater, program, wait_until};

use crate::contract;
use crate::incident::{MIB, Place, done, evidence};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A policy as it is but for the limit, and for the directory of the dumps.
#[track_caller]
pub fn policy(name: &str, max: &str) -> String {
    let path = Path::new(ROOT).join("policies").join(name).with_extension("toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let limit = format!("[memory]\nmax = \"{max}\"");
    let without_limit: String =
        text.lines().filter(|line| !line.starts_with("max ")).map(|line| line.to_owned() + "\n").collect();
    let limited = if without_limit.contains("[memory]") {
        without_limit.replace("[memory]", &limit)
    } else {
        limit + "\n" + &without_limit
    };
    limited.replace("/var/tmp", "DIR")
}

/// A file of the examples.
pub fn example(file: &str) -> PathBuf {
    Path::new(ROOT).join("examples").join(file)
}

/// A command line from a program and its options.
pub fn line(program: impl Into<OsString>, options: &str) -> Vec<OsString> {
    [program.into()].into_iter().chain(options.split_whitespace().map(OsString::from)).collect()
}

/// What a command prints, which must end well.
#[track_caller]
pub fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Its first generation did.
#[track_caller]
pub fn ended_gracefully(highwater: &Highwater) {
    let exited = &highwater.journal().events("service.exited")[0];
    assert_eq!(exited["cause"], "asked", "{exited}");
    assert!(exited["code"].is_u64(), "{exited}");
}

/// Go's own tool says which function leaks.
#[track_caller]
pub fn names_the_leak(profile: &Path) {
    let top = output_of(Command::new("go").args(["tool", "pprof", "-top"]).arg(profile));
    let first = top.lines().skip_while(|line| !line.contains("flat%")).nth(1).unwrap_or_default();
    assert!(first.contains("rememberSessionForever"), "{top}");
}

fn go(place: &Place, options: &str) -> Vec<OsString> {
    let mut service = line(program("go-sessions"), options);
    service.extend(["-profile-dir".into(), place.directory().into()]);
    service
}

/// Every profile that `net/http/pprof` serves may be asked for: the goroutines show what is stuck.
#[test]
fn go_gives_its_profiles_by_http() {
    let by_http = |profile: &str| {
        let url = format!("http://127.0.0.1:16060/debug/pprof/{profile}");
        format!("dump = {{ http = \"{url}\", within = \"20s\", needs = \"4MiB\" }}")
    };
    let place = Place::on_disk("go-http");
    let text = policy("go", "160MiB");
    let by_signal = text.lines().find(|line| line.starts_with("dump = ")).expect("a dump");
    let both = format!("{}\n[[step]]\nname = \"goroutines\"\n{}", by_http("heap"), by_http("goroutine"));
    let service = place.cured_by_a_restart(go(&place, "-self-load 5 -pprof-addr 127.0.0.1:16060"));
    let mut highwater = place.start(&text.replace(by_signal, &both), service);
    let (heap, goroutines) = (done(highwater.journal(), "heap-profile"), done(highwater.journal(), "goroutines"));
    highwater.stop();
    names_the_leak(&evidence(&heap));
    let stacks = output_of(Command::new("go").args(["tool", "pprof", "-traces"]).arg(evidence(&goroutines)));
    assert!(stacks.contains("Type: goroutine") && stacks.contains("main.main"), "{stacks}");
    contract::check(highwater.journal());
}

#[test]
fn three_tiers_profile_shed_and_restart() {
    let place = Place::on_disk("three-tiers");
    let service = place.cured_by_a_restart(go(&place, "-self-load 5"));
    // An early tripwire, so that a leak that gets there soon leaves time for three breaches.
    let text = policy("three-tiers", "96MiB").replace("tripwire = \"80%\"", "tripwire = \"60%\"");
    let mut highwater = place.start(&text, service);
    for step in ["heap-profile", "halve-load", "restart"] {
        done(highwater.journal(), step);
    }
    highwater.stop();
    let breaches = highwater.journal().events("trigger.fired");
    assert!(breaches.iter().filter(|line| line["trigger"] == "breach").count() >= 3, "{breaches:?}");
    assert!(highwater.stderr().contains("admitting half of the requests"), "the service was not told");
    ended_gracefully(&highwater);
    contract::check(highwater.journal());
}

#[test]
fn a_jvm_dumps_its_heap_without_jcmd() {
    let place = Place::on_disk("jvm");
    // A mount namespace of its own, as a container has one, with a disk at /var/tmp.
    let within = r#"mount --bind "$0" /var/tmp && exec "$@""#;
    let mut service: Vec<OsString> = ["unshare", "--mount", "sh", "-c", within].map(Into::into).into();
    service.push(place.directory().into());
    service.extend(line("java", "-XX:+UseSerialGC -Xmx100m -cp"));
    service.push(program("java-sessions").into());
    service.extend(line("Sessions", "--leak 8"));
    let text = policy("jvm", "144MiB");
    let histogram = text.lines().find(|line| line.starts_with("dump = ")).expect("a dump");
    let text = text.replace(histogram, "dump = { jvm = \"heap\", within = \"60s\" }");
    let mut highwater = place.start(&text, place.cured_by_a_restart(service));
    let dump = done(highwater.journal(), "histogram");
    highwater.stop();
    let file = evidence(&dump);
    let mut magic = [0; 12];
    fs::File::open(file).unwrap().read_exact(&mut magic).unwrap();
    assert_eq!(&magic, b"JAVA PROFILE");
    contract::check(highwater.journal());
}

#[test]
fn the_built_in_policy_restarts_before_the_limit() {
    let place = Place::on_disk("default");
    place.scratch.write("memory.max", 128 * MIB);
    let service = place.cured_by_a_restart(place.leaker("--base 90 --rate 5"));
    let mut highwater = Highwater::inside(&place.scratch).run(service);
    let restart = done(highwater.journal(), "restart");
    assert!(restart["took_ms"].is_u64());
    highwater.stop();
    ended_gracefully(&highwater);
    assert!(place.leaker_log().iter().any(|line| line.starts_with("graceful ")));
    contract::check(highwater.journal());
}

#[test]
fn the_edge_policy_dumps_and_restarts() {
    let place = Place::on_disk("edge");
    let dump_file = place.file("dump-%p-%n");
    let mut service = place.leaker("--base 88 --rate 2 --dump-size 2 --dump-file");
    service.push(dump_file.into());
    let text = policy("edge", "128MiB").replace("backoff = \"5s..10m\"", "backoff = \"1ms..10m\"");
    let mut highwater = place.start(&text, place.cured_by_a_restart(service));
    let dump = done(highwater.journal(), "dump");
    wait_until("a step of reclaim", || highwater.journal().lines().into_iter().find(|line| line["step"] == "reclaim"));
    done(highwater.journal(), "restart");
    highwater.stop();
    assert_eq!(evidence(&dump).metadata().unwrap().len(), 2 * MIB);
    ended_gracefully(&highwater);
    contract::check(highwater.journal());
}

//! Dumps by signal: what becomes of each where something goes wrong, and that the ladder goes on.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::{Highwater, disk};

use crate::contract;
use crate::incident::{MIB, Place, done, evidence, not_done, skipped, start_of};
use crate::level::{steps, to_the_last_step, with_leaker};

/// One dump by signal, with these further fields.
fn dump_by_signal(fields: &str) -> String {
    steps(&format!(
        "[[step]]\nname = \"dump\"\ndump = {{ signal = \"SIGUSR1\", file = \"DIR/heap-*.bin\", needs = \"1MiB\"{fields} }}"
    ))
}

/// A service of one thread that does this on SIGUSR1, with `$ARGV[0]` for the directory of the place. The size is a
/// variable because Perl makes constants before the first line of a script runs.
fn perl(place: &Place, on_signal: &str) -> Vec<OsString> {
    let script =
        format!("$SIG{{USR1}} = sub {{ {on_signal} }}; my $size = 32 << 20; my $x = \"x\" x $size; sleep 1 while 1");
    vec!["perl".into(), "-e".into(), script.into(), place.directory().into()]
}

#[test]
fn a_signal_that_nobody_handles_is_not_sent() {
    let place = Place::on_disk("unhandled");
    let highwater = with_leaker(&place, &dump_by_signal(""), "--dump-handler none");
    let reason = skipped(highwater.journal(), "dump");
    assert!(reason.contains("does not handle SIGUSR1"), "{reason}");
}

#[test]
fn a_dump_of_no_bytes_is_a_failure() {
    let place = Place::on_disk("empty");
    let highwater = with_leaker(&place, &dump_by_signal(""), "--dump-empty");
    let reason = not_done(highwater.journal(), "dump", "failed");
    assert!(reason.contains("is empty"), "{reason}");
}

#[test]
fn a_dump_without_end_is_given_up_at_its_deadline() {
    let place = Place::on_disk("endless");
    let highwater = with_leaker(&place, &dump_by_signal(", within = \"2s\""), "--dump-forever --dump-size 1");
    not_done(highwater.journal(), "dump", "timed-out");
}

#[test]
fn a_dump_that_appears_by_renaming_is_taken_whole() {
    let place = Place::on_disk("renamed");
    let writes = r#"open my $file, ">", "$ARGV[0]/.partial"; print $file "x" x 5000; close $file;
        rename "$ARGV[0]/.partial", "$ARGV[0]/heap-1.bin""#;
    let mut highwater = place.start(&dump_by_signal(""), perl(&place, writes));
    to_the_last_step(&mut highwater);
    let file = evidence(&done(highwater.journal(), "dump"));
    assert_eq!(file.metadata().unwrap().len(), 5_000);
}

/// A small file system of a test's own.
struct SmallDisk(PathBuf);

impl SmallDisk {
    #[track_caller]
    fn new(name: &str, mib: u64) -> Self {
        let path = disk().join(format!("small-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        let size = format!("size={mib}M");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).status().unwrap();
        assert!(mounted.success(), "{mounted}");
        Self(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_dump_cut_short_by_a_full_disk_is_a_failure() {
    let small = SmallDisk::new("dump", 4);
    let place = Place::below(&small.0, "full");
    let highwater = with_leaker(&place, &dump_by_signal(""), "--dump-size 16");
    let reason = not_done(highwater.journal(), "dump", "failed");
    assert!(reason.contains("full"), "{reason}");
}

#[test]
fn a_dump_that_does_not_fit_among_the_evidence_stays_where_it_is() {
    let small = SmallDisk::new("state", 4);
    let place = Place::on_disk("no-room");
    let directory = place.directory().to_str().unwrap();
    let policy = dump_by_signal("").replace("DIR", directory);
    let launcher = Highwater::inside(&place.scratch).policy(policy).state_dir(small.0.join("state"));
    let mut highwater = launcher.run(place.leaker("--base 32 --dump-size 16"));
    to_the_last_step(&mut highwater);
    let reason = not_done(highwater.journal(), "dump", "failed");
    assert!(reason.contains("stays at"), "{reason}");
    let dump = files(place.directory()).into_iter().find(|path| path.extension().is_some_and(|kind| kind == "bin"));
    assert_eq!(dump.expect("the dump").metadata().unwrap().len(), 16 * MIB);
}

pub fn files(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_dump_that_ends_the_service_is_blamed_and_not_repeated() {
    let place = Place::on_disk("deadly");
    let policy =
        dump_by_signal("") + "[[step]]\nname = \"rule\"\nrestart = { backoff = \"1ms..2ms\" }\nafter = \"1h\"\n";
    let mut highwater = place.start(&policy, perl(&place, "kill 9, $$"));
    let reason = not_done(highwater.journal(), "dump", "failed");
    assert!(reason.contains("ended during it"), "{reason}");
    let skipped = highwater.journal().wait_for("step.skipped");
    assert_eq!((&skipped["step"], &skipped["generation"]), (&"dump".into(), &2.into()), "{skipped}");
    assert!(skipped["reason"].as_str().unwrap().contains("died during it"), "{skipped}");
    done(highwater.journal(), "last");
    highwater.stop();
    assert_eq!(highwater.journal().events("incident.opened").len(), 1);
    contract::check(highwater.journal());
}

#[test]
fn a_stop_waits_for_the_dump_that_is_under_way() {
    let place = Place::on_disk("stop");
    let mut highwater = place.start(&dump_by_signal(""), place.leaker("--base 32 --dump-size 8 --dump-rate 4"));
    start_of(highwater.journal(), "dump");
    highwater.stop();
    let file = evidence(&done(highwater.journal(), "dump"));
    assert_eq!(file.metadata().unwrap().len(), 8 * MIB);
    let said = place.leaker_log();
    assert!(said.last().is_some_and(|line| line.starts_with("graceful ")), "{said:?}");
    contract::check(highwater.journal());
}

#[test]
fn only_the_newest_dumps_are_kept() {
    let place = Place::on_disk("keep");
    let policy = dump_by_signal(", keep = 2") + "[[step]]\nname = \"restart\"\nrestart = { backoff = \"1ms..2ms\" }\n";
    let mut highwater = place.start(&policy, place.leaker("--base 32 --dump-size 1"));
    highwater.started(4);
    highwater.stop();
    let ends = highwater.journal().events("step.finished").into_iter();
    let dumps: Vec<PathBuf> = ends.filter(|line| line["step"] == "dump").map(|line| evidence(&line)).collect();
    assert!(dumps.len() >= 3, "{dumps:?}");
    let kept: Vec<bool> = dumps.iter().map(|path| path.exists()).collect();
    let newest = kept.len() - 2;
    assert!(kept[newest..].iter().all(|kept| *kept) && !kept[..newest].contains(&true), "{kept:?}");
    contract::check(highwater.journal());
}

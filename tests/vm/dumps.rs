//! Dumps and the other steps: what becomes of each where something goes wrong, and that the ladder goes on.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};

use highwater_tests::{Highwater, Process, disk, wait_until};
use serde_json::Value;

use crate::contract;
use crate::incident::{MIB, Place, cgroup_of, done, end_of, evidence, limit, not_done, number, skipped, start_of};

/// Steps that answer a level of usage at which the service stands still.
fn policy(steps: &str) -> String {
    format!(
        r#"
[memory]
max = "128MiB"
tripwire = "off"
[trigger.level]
usage = {{ of = "current", above = "24MiB" }}
{steps}
[[step]]
name = "last"
command = {{ run = ["true"], within = "10s" }}
"#
    )
}

/// One dump by signal, with these further fields.
fn dump_by_signal(fields: &str) -> String {
    policy(&format!(
        "[[step]]\nname = \"dump\"\ndump = {{ signal = \"SIGUSR1\", file = \"DIR/heap-*.bin\", needs = \"1MiB\"{fields} }}"
    ))
}

/// Lets the ladder come to its last step, ends highwater and checks the journal.
#[track_caller]
fn to_the_last_step(highwater: &mut Highwater) {
    done(highwater.journal(), "last");
    highwater.stop();
    contract::check(highwater.journal());
}

/// Runs the leaker with these options, whatever becomes of its dump.
#[track_caller]
fn with_leaker(place: &Place, policy: &str, options: &str) -> Highwater {
    let mut highwater = place.start(policy, place.leaker(&format!("--base 32 {options}")));
    to_the_last_step(&mut highwater);
    assert_eq!(highwater.journal().events("service.started").len(), 1, "the service must live on");
    highwater
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

fn files(directory: &Path) -> Vec<PathBuf> {
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

/// Answers one request with these bytes, and gives it back.
fn answer_once(answer: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        let _ = stream.shutdown(Shutdown::Both);
        request
    };
    (port, thread::spawn(serve))
}

/// Head and body, whose length the head says.
fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// Answers that are asked for one after the other, in steps that are named after them.
#[test]
fn a_dump_by_http_is_a_whole_answer_that_says_yes() {
    let answers = [
        ("yes", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nprofile"),
        ("no", "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n"),
        ("cut", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nprof"),
        ("void", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ];
    let (ports, servers): (Vec<u16>, Vec<_>) = answers.iter().map(|(_, answer)| answer_once(answer)).unzip();
    let steps = answers.iter().zip(ports).map(|((name, _), port)| get(name, port));
    let steps: Vec<String> = steps.chain([get("refused", unused_port())]).collect();
    let place = Place::on_disk("http");
    let highwater = with_leaker(&place, &policy(&steps.concat()), "");
    for server in servers {
        let request = server.join().unwrap();
        assert!(request.starts_with("GET /debug/heap?gc=1 HTTP/1.1\r\n"), "{request}");
    }
    let journal = highwater.journal();
    let file = evidence(&done(journal, "yes"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "profile");
    assert!(not_done(journal, "no", "failed").contains("404"));
    assert!(not_done(journal, "void", "failed").contains("empty"));
    not_done(journal, "cut", "failed");
    assert!(not_done(journal, "refused", "failed").to_lowercase().contains("refused"));
    let cut = file.with_file_name("cut_heap.partial");
    let mut captures = files(file.parent().unwrap());
    captures.retain(|path| !is_record(path));
    captures.sort();
    assert_eq!(captures, [cut, file], "what was cut off is kept and called partial, of the rest nothing is left");
}

fn get(name: &str, port: u16) -> String {
    let url = format!("http://127.0.0.1:{port}/debug/heap?gc=1");
    format!("[[step]]\nname = \"{name}\"\ndump = {{ http = \"{url}\", within = \"20s\" }}\n")
}

fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_dump_by_command_is_what_it_prints_and_what_it_leaves() {
    let scripts = [
        ("both", r#"cat /proc/self/cgroup; readlink /proc/$HIGHWATER_PID/exe >"$HIGHWATER_EVIDENCE/exe""#, "20s"),
        ("fails", "echo something; exit 3", "20s"),
        ("silent", "exit 0", "20s"),
        ("hangs", "sleep 1000 & echo $! >DIR/child; echo $$ >DIR/shell; wait", "2s"),
    ];
    let steps = scripts.map(|(name, script, within)| {
        let run = format!("command = [\"sh\", \"-c\", '{script}']");
        format!("[[step]]\nname = \"{name}\"\ndump = {{ {run}, within = \"{within}\" }}\n")
    });
    let place = Place::on_disk("command");
    let highwater = with_leaker(&place, &policy(&steps.concat()), "");
    let journal = highwater.journal();
    check_pieces(&done(journal, "both"));
    assert!(not_done(journal, "fails", "failed").contains("status 3"));
    assert!(not_done(journal, "silent", "failed").contains("nothing"));
    not_done(journal, "hangs", "timed-out");
    for name in ["child", "shell"] {
        let pid: u32 = fs::read_to_string(place.file(name)).unwrap().trim().parse().unwrap();
        wait_until(&format!("the end of the command's {name}"), || (!Process(pid).is_alive()).then_some(()));
    }
}

/// What was printed says where the command ran, the file which process it was told of.
#[track_caller]
fn check_pieces(end: &Value) {
    let pieces = end["evidence"].as_array().unwrap().iter();
    let texts: Vec<String> = pieces.map(|piece| fs::read_to_string(piece["path"].as_str().unwrap()).unwrap()).collect();
    assert_eq!(texts.len(), 2, "{end}");
    assert!(texts.iter().any(|text| text.trim().ends_with("/leaker")), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("0::/") && !text.contains("service.")), "{texts:?}");
}

#[test]
fn a_signal_a_command_and_a_post_are_steps_of_their_own() {
    let (port, server) = answer_once("HTTP/1.1 204 No Content\r\n\r\n");
    let place = Place::on_disk("steps");
    let steps = format!(
        r#"
[[step]]
name = "shed"
signal = {{ send = "SIGUSR2" }}
[[step]]
name = "call"
command = {{ run = ["sh", "-c", 'echo "$HIGHWATER_NAME $HIGHWATER_STEP $HIGHWATER_PID" >DIR/called'], within = "10s" }}
[[step]]
name = "tell"
http = {{ post = "http://127.0.0.1:{port}/hook", within = "10s" }}
"#
    );
    let highwater = with_leaker(&place, &policy(&steps), "--dump-signal USR2 --dump-size 1");
    let told = done(highwater.journal(), "tell");
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&body["incident"], &body["step"]), (&told["incident"], &"tell".into()), "{body}");
    done(highwater.journal(), "shed");
    done(highwater.journal(), "call");
    let called = fs::read_to_string(place.file("called")).unwrap();
    assert_eq!(called.trim(), format!("leaker call {}", highwater.service()));
    wait_until("what the signal is for", || {
        place.leaker_log().iter().any(|line| line.starts_with("dump ")).then_some(())
    });
}

#[test]
fn a_post_that_is_refused_and_a_command_that_fails_do_not_stop_the_ladder() {
    let (port, server) = answer_once("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    let place = Place::on_disk("steps-fail");
    let steps = format!(
        r#"
[[step]]
name = "tell"
http = {{ post = "http://127.0.0.1:{port}/hook", within = "10s" }}
[[step]]
name = "call"
command = {{ run = ["sh", "-c", "exit 4"], within = "10s" }}
[[step]]
name = "hang"
command = {{ run = ["sleep", "1000"], within = "1s" }}
"#
    );
    let highwater = with_leaker(&place, &policy(&steps), "");
    server.join().unwrap();
    assert!(not_done(highwater.journal(), "tell", "failed").contains("500"));
    assert!(not_done(highwater.journal(), "call", "failed").contains("status 4"));
    not_done(highwater.journal(), "hang", "timed-out");
}

#[test]
fn page_cache_is_reclaimed() {
    let place = Place::on_disk("reclaim");
    let writes = r#"open my $file, ">", "$ARGV[0]/cached"; print $file "x" x 65536 for 1 .. 768; close $file;
        system "sync"; sleep 1 while 1"#;
    let service = vec!["perl".into(), "-e".into(), writes.into(), place.directory().into()];
    let policy = r#"
[memory]
max = "128MiB"
tripwire = "off"
[trigger.cached]
usage = { of = "current", above = "40MiB", for = "3s" }
[[step]]
name = "reclaim"
reclaim = { amount = "32MiB" }
"#;
    let mut highwater = place.start(policy, service);
    let cgroup = cgroup_of(&highwater.started(1));
    let end = done(highwater.journal(), "reclaim");
    let left = limit(&cgroup, "memory.current").expect("usage");
    let started = start_of(highwater.journal(), "reclaim");
    assert!(left + 30 * MIB < number(&started["memory"]["current"]), "{left} left: {started} {end}");
    highwater.stop();
    contract::check(highwater.journal());
}

#[test]
fn there_is_nothing_to_reclaim_from_a_leak() {
    let place = Place::on_disk("reclaim-anon");
    let steps = "[[step]]\nname = \"reclaim\"\nreclaim = { amount = \"64MiB\" }";
    let highwater = with_leaker(&place, &policy(steps), "");
    let end = end_of(highwater.journal(), "reclaim");
    assert_ne!(end["outcome"], "done", "{end}");
}

#[test]
fn a_kill_is_a_step_and_the_policy_says_what_follows() {
    let place = Place::on_disk("kill");
    let policy = r#"
[memory]
max = "128MiB"
tripwire = "off"
[trigger.level]
usage = { of = "current", above = "24MiB" }
[[step]]
name = "kill"
kill = {}
"#;
    let mut highwater = place.start(policy, place.cured_by_a_restart(place.leaker("--base 32")));
    done(highwater.journal(), "kill");
    let exited = highwater.journal().wait_for("service.exited");
    assert_eq!((&exited["signal"], &exited["cause"]), (&9.into(), &"asked".into()), "{exited}");
    assert_eq!(exited["oom_killed"], false, "{exited}");
    highwater.started(2);
    highwater.stop();
    assert!(!place.leaker_log().iter().any(|line| line.starts_with("graceful")), "it must not be asked");
    contract::check(highwater.journal());
}

/// Whether it says what is known of the incident.
fn is_record(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "incident.json")
}

//! The heap profile of a Go service, read out of it while it is frozen, is the one it writes itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use highwater_capture::go::{self, Moment};
use highwater_tests::{Process, Signal, program, wait_until};

use crate::incident::{MIB, Place};

/// Enough for a few collections, each of which publishes what the one before it has seen.
const SESSIONS: usize = 600;

/// The service, with some sessions that it will never forget and nothing more to do: it collects nothing between two
/// looks at its heap.
struct Service {
    place: Place,
    child: Child,
}

impl Service {
    #[track_caller]
    fn start(name: &str, program: impl FnOnce(&Place) -> PathBuf) -> Self {
        let place = Place::on_disk(name);
        let mut command = place.scratch.command(program(&place));
        let mut child = command.arg("-profile-dir").arg(place.directory()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let (_, address) = line.trim().rsplit_once("listening on ").unwrap_or_else(|| panic!("{line}"));
        log_in(address);
        child.stderr = Some(said.into_inner());
        Self { place, child }
    }

    fn process(&self) -> Process {
        Process(self.child.id())
    }

    fn freeze(&self, freeze: bool) {
        self.place.scratch.write("cgroup.freeze", u8::from(freeze));
        wait_until("the freezer", || {
            (self.place.scratch.counter("cgroup.events", "frozen") == u64::from(freeze)).then_some(())
        });
    }

    /// Bytes charged to it.
    fn charged(&self) -> u64 {
        self.place.scratch.read("memory.current").parse().unwrap()
    }

    /// What the service writes when it is asked.
    fn own_profile(&self) -> PathBuf {
        self.process().signal(Signal::USR1);
        let path = self.place.file(&format!("heap-{}-1.pb.gz", self.child.id()));
        wait_until("the service's own profile", || path.exists().then_some(()));
        path
    }

    fn keep(&self, name: &str, profile: &[u8]) -> PathBuf {
        let path = self.place.file(name);
        fs::write(&path, profile).unwrap();
        path
    }
}

/// Opens sessions through one connection.
fn log_in(address: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let one = "POST /login HTTP/1.1\r\nHost: service\r\nContent-Length: 0\r\n\r\n";
    let last = one.replace("Content-Length", "Connection: close\r\nContent-Length");
    stream.write_all((one.repeat(SESSIONS - 1) + &last).as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("200 OK").count(), SESSIONS, "{answers}");
}

/// The functions of a profile as Go's own tool sums them up.
#[track_caller]
fn top(profile: &Path, values: &str) -> String {
    let mut tool = Command::new("go");
    tool.args(["tool", "pprof", "-top", "-nodecount=1000", "-nodefraction=0", values]).arg(profile);
    let output = tool.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, table) = text.split_once("Showing nodes").unwrap_or_else(|| panic!("{output:?}"));
    table.to_owned()
}

#[track_caller]
fn names_the_leak(table: &str) {
    let first = table.lines().skip_while(|line| !line.contains("flat%")).nth(1).unwrap_or_default();
    assert!(first.contains("rememberSessionForever"), "{table}");
}

#[track_caller]
fn is_read_while_frozen(service: &Service) {
    let pid = service.child.id();
    go::preflight(pid).unwrap();
    service.freeze(true);
    let charged = service.charged();
    let [published, last, now] = [Moment::Published, Moment::LastCollection, Moment::Now]
        .map(|moment| go::heap_profile_of(pid, moment).unwrap_or_else(|error| panic!("{moment:?}: {error}")));
    // The kernel charges in batches of 64 pages.
    assert!(service.charged() <= charged + MIB / 4, "the service paid for it");
    service.freeze(false);
    let own = service.own_profile();

    assert!(published.is_whole && last.is_whole && now.is_whole);
    let outside = service.keep("outside.pb.gz", &published.pprof);
    for values in ["-sample_index=inuse_space", "-sample_index=inuse_objects", "-sample_index=alloc_space"] {
        assert_eq!(top(&outside, values), top(&own, values), "{values}");
    }
    names_the_leak(&top(&outside, "-inuse_space"));
    names_the_leak(&top(&service.keep("last.pb.gz", &last.pprof), "-inuse_space"));
    // Of so large objects every eighth is sampled.
    let sessions = SESSIONS as u64 * (MIB / 16);
    assert!((sessions / 2..sessions * 3 / 2).contains(&now.bytes_in_use), "{} of {sessions}", now.bytes_in_use);
}

#[test]
fn a_frozen_go_service_is_read_from_outside() {
    is_read_while_frozen(&Service::start("go-outside", |_| program("go-sessions")));
}

#[test]
fn a_stripped_go_service_is_read_from_outside() {
    is_read_while_frozen(&Service::start("go-stripped", |place| {
        let stripped = place.file("go-sessions");
        fs::copy(program("go-sessions"), &stripped).unwrap();
        hide_symbols(&stripped);
        stripped
    }));
}

/// Makes the table of symbols a section of no kind.
fn hide_symbols(path: &Path) {
    const SYMBOLS: u8 = 2;
    let mut bytes = fs::read(path).unwrap();
    let number =
        |at: usize, length: usize| bytes[at..at + length].iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte));
    let (table, count) = (number(40, 8), number(60, 2));
    let kinds: Vec<usize> = (0..count).map(|index| table + 64 * index + 4).collect();
    let symbols = kinds.into_iter().find(|&kind| bytes[kind] == SYMBOLS).expect("symbols");
    bytes[symbols] = 0;
    fs::write(path, bytes).unwrap();
}

impl Drop for Service {
    fn drop(&mut self) {
        self.place.scratch.write("cgroup.freeze", 0);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! What highwater asks of the kernel from a breach to the stop of its service. Where memory is short, each file to open,
//! each page and each new thread may take seconds: all of it is to be there before.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use highwater_tests::{Highwater, program, wait_until};

use crate::incident::{Place, done};

/// What the service uses is far from its limit, however slowly highwater is traced.
const POLICY: &str = r#"
[service]
stop-timeout = "60s"
[memory]
max = "256MiB"
tripwire = "40%"
[trigger.breach]
memory-event = { counter = "high" }
[[step]]
name = "throttle"
throttle = { high = "50%", for = "1s" }
[[step]]
name = "restart"
after = "2s"
restart = { backoff = "1ms..2ms" }
[incident]
resolve-after = "500ms"
"#;

/// Takes memory when it is told to, and ends when it is allowed to: then the next one takes none.
const SERVICE: &str = r"
[ -e DIR/end ] && exec sleep 1000
trap 'kill $leaker; until [ -e DIR/end ]; do sleep 0.1; done; exit 0' TERM
until [ -e DIR/go ]; do sleep 0.1; done
LEAKER --base 110 --rate 1 --stop-leak-at 20 & leaker=$!
while :; do wait; done
";

const CALLS: &str = "open,openat,openat2,mmap,mremap,brk,clone,clone3,fork,vfork,execve,write,pidfd_send_signal";
const OPEN: [&str; 3] = ["open", "openat", "openat2"];
/// KiB that all of highwater may take meanwhile: the stacks of its threads grow when they are first used.
const MOST: u64 = 64;

/// What runs in the service is found out while it is healthy, or, if its first breach comes before that, then.
#[test]
fn a_throttle_and_a_restart_open_nothing_and_take_no_memory() {
    let place = Place::on_disk("path");
    let service = SERVICE.replace("DIR", place.directory().to_str().expect("text"));
    let service = service.replace("LEAKER", program("leaker").to_str().expect("text"));
    let mut highwater = place.start(POLICY, ["/bin/sh", "-c", &service].map(Into::into).into());
    let pid = highwater.service();
    let calls = place.file("calls");
    let mut strace = trace(&highwater, &calls);
    let before = anonymous(highwater.pid());
    fs::write(place.file("go"), "").expect("a place to write");

    let path = wait_until("the stop of the service", || path(&fs::read_to_string(&calls).ok()?));
    let taken = anonymous(highwater.pid()).saturating_sub(before);
    fs::write(place.file("end"), "").expect("a place to write");
    highwater.started(2);
    done(highwater.journal(), "throttle");
    highwater.stop();
    strace.wait().expect("it ends with what it traces");

    let of_the_loop = format!("{} ", highwater.pid());
    let is_early = |line: &str| ["exe", "maps"].iter().any(|file| line.contains(&format!("\"/proc/{pid}/{file}\"")));
    let opens = |line: &&String| line.starts_with(&of_the_loop) && is_one_of(line, &OPEN) && !is_early(line);
    let grows = |line: &&String| !is_one_of(line, &OPEN) && !is_one_of(line, &["write", "pidfd_send_signal"]);
    let in_the_way: Vec<_> = path.iter().filter(|line| opens(line) || grows(line)).collect();
    assert!(in_the_way.is_empty(), "{in_the_way:#?}\n of {path:#?}");
    println!("{taken} KiB more than the {before} KiB from before the breach");
    assert!(taken <= MOST, "{taken} KiB were taken");
}

/// Traces highwater with all of its threads, but not what it has started.
#[track_caller]
fn trace(highwater: &Highwater, calls: &Path) -> Child {
    let pid = highwater.pid();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-s", "400", "-e", &format!("trace={CALLS}"), "-p", &pid.to_string(), "-o"]).arg(calls);
    let strace = strace.stderr(Stdio::null()).spawn().expect("strace: tests/lane/setup tools installs it");
    wait_until("strace at every thread", || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
        let status = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        threads
            .map(status)
            .all(|status| status.contains("TracerPid:") && !status.contains("TracerPid:\t0"))
            .then_some(())
    });
    strace
}

/// The calls from the record of the trigger to the signal that stops the service, once it was sent.
fn path(calls: &str) -> Option<Vec<String>> {
    let from_trigger = calls.lines().skip_while(|line| !line.contains(r#"\"event\":\"trigger.fired\""#));
    let path: Vec<String> = from_trigger.filter(|line| !line.contains("resumed>")).map(str::to_owned).collect();
    let stop = path.iter().position(|line| line.contains("pidfd_send_signal") && line.contains("SIGTERM"))?;
    Some(path[..=stop].to_vec())
}

/// Whether a line, `PID CALL(...`, is of one of those calls.
fn is_one_of(line: &str, calls: &[&str]) -> bool {
    let call = line.split_whitespace().nth(1).and_then(|call| call.split('(').next());
    call.is_some_and(|call| calls.contains(&call))
}

/// Memory of its own that a process has, in KiB. What `status` says may be off by some hundred.
#[track_caller]
fn anonymous(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("a process of ours");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or_else(|| panic!("no number in {rollup}"))
}

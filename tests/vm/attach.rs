//! `highwater attach`: a service that others run is taken through the ladder, and left as it was found.

use std::ffi::OsString;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use highwater_tests::{Highwater, Ladder, Launcher, Process, Scratch, joining, wait_until};

use crate::incident::{MIB, Place, done, evidence, skipped, start_of};

/// Others' `memory.high`, above everything the ladder wants.
const THEIR_HIGH: u64 = 250 * MIB;

/// Runs highwater where it can only read, as beside a container.
const READ_ONLY: [&str; 5] =
    ["unshare", "--mount", "/bin/sh", "-c", "mount -o remount,bind,ro /sys/fs/cgroup && exec \"$0\" \"$@\""];

/// Does nothing, under a command line like that of the leaker.
const CALM: [&str; 4] = ["/bin/sh", "-c", "sleep 1000; :", "--base 140 --rate 6"];

/// Somebody who runs the service, again whenever it has ended: first the one that leaks, then one that does not.
struct Others {
    over: Arc<AtomicBool>,
    runner: Option<JoinHandle<()>>,
}

impl Others {
    fn run(service: Vec<OsString>, wrapper: Vec<OsString>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let runner = std::thread::spawn(move || {
            start(&wrapper, &service).wait().unwrap();
            while !is_over.load(Ordering::Relaxed) {
                start(&wrapper, &CALM.map(OsString::from)).wait().unwrap();
            }
        });
        Self { over, runner: Some(runner) }
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if !std::thread::panicking() {
            self.runner.take().unwrap().join().unwrap();
        }
    }
}

fn start(wrapper: &[OsString], service: &[OsString]) -> Child {
    let mut line = wrapper.iter().chain(service);
    Command::new(line.next().unwrap()).args(line).spawn().unwrap()
}

fn limited(scratch: &Scratch) -> Scratch {
    scratch.write("cgroup.subtree_control", "+memory");
    let theirs = scratch.below("theirs");
    theirs.write("memory.max", 256 * MIB).write("memory.high", THEIR_HIGH);
    theirs
}

fn attach(place: &Place) -> Launcher {
    let file = place.file("heap-*.bin");
    let ladder = Ladder {
        near_limit: Some("80%"),
        throttle: ("70%", "2s"),
        restart_after: "4s",
        ..Ladder::new(file.to_str().unwrap())
    };
    Highwater::here().policy(ladder.policy())
}

fn first_process(theirs: &Scratch) -> Process {
    wait_until("a process of the service", || theirs.read("cgroup.procs").lines().next()?.parse().ok().map(Process))
}

#[test]
fn a_service_of_others_climbs_the_whole_ladder_and_goes_on_alone() {
    let place = Place::on_disk("attach");
    let theirs = limited(&place.scratch);
    let service = place.leaker("--base 140 --rate 6 --leak-after 3 --dump-size 16");
    let others = Others::run(service, joining(theirs.path()).into());
    let leaker = first_process(&theirs);
    let mut highwater = attach(&place).attach("--cgroup", theirs.path());
    assert_eq!(highwater.service(), leaker.0);
    let journal = highwater.journal();
    assert!(evidence(&done(journal, "dump")).exists());
    done(journal, "throttle");
    done(journal, "restart");
    let second = highwater.started(2)["pid"].as_u64().unwrap();
    assert_ne!(second, u64::from(leaker.0));
    assert!(place.leaker_log().last().is_some_and(|line| line.starts_with("graceful ")), "{:?}", place.leaker_log());
    assert_eq!(journal.events("service.exited")[0]["cause"], "asked");
    journal.wait_for("incident.resolved");
    assert!(highwater.stop().success());
    let second = Process(u32::try_from(second).unwrap());
    assert!(second.is_alive(), "the end of highwater must not be the end of the service");
    assert_eq!(theirs.read("memory.high"), THEIR_HIGH.to_string());
    drop_with(others, &theirs);
}

#[test]
fn a_killed_supervisor_leaves_their_limit_as_it_was() {
    let place = Place::on_disk("attach-killed");
    let theirs = limited(&place.scratch);
    let service = place.leaker("--base 140 --rate 6 --leak-after 3 --dump-size 1");
    let others = Others::run(service, joining(theirs.path()).into());
    let leaker = first_process(&theirs);
    let mut highwater = attach(&place).attach("--pid", leaker.0.to_string());
    start_of(highwater.journal(), "throttle");
    wait_until("a throttle", || (theirs.read("memory.high") != THEIR_HIGH.to_string()).then_some(()));
    highwater.kill();
    wait_until("their limit", || (theirs.read("memory.high") == THEIR_HIGH.to_string()).then_some(()));
    drop_with(others, &theirs);
}

#[test]
fn a_service_that_ended_leaves_no_limit_of_ours_behind() {
    let place = Place::on_disk("attach-ended");
    let theirs = limited(&place.scratch);
    let mut service = start(&joining(theirs.path()), &["sleep".into(), "1000".into()]);
    let mut highwater = attach(&place).attach("--cgroup", theirs.path());
    highwater.service();
    wait_until("a tripwire", || (theirs.read("memory.high") != THEIR_HIGH.to_string()).then_some(()));
    service.kill().unwrap();
    service.wait().unwrap();
    highwater.journal().wait_for("service.exited");
    assert!(highwater.stop().success());
    assert_eq!(theirs.read("memory.high"), THEIR_HIGH.to_string());
}

#[test]
fn where_nothing_can_be_written_it_is_dumped_and_asked_to_end() {
    const OWN_FILES: &str = "mkdir -p $0/inner && mount --bind $0/inner $0 && exec \"$@\"";
    let place = Place::on_disk("attach-read-only");
    let theirs = limited(&place.scratch);
    let service = place.leaker("--base 140 --rate 6 --leak-after 3 --dump-size 1");
    // It sees another directory at that path than we do.
    let mut wrapper: Vec<OsString> = joining(theirs.path()).into();
    wrapper.extend(["unshare", "--mount", "/bin/sh", "-c", OWN_FILES].map(OsString::from));
    wrapper.push(place.directory().into());
    let others = Others::run(service, wrapper);
    // Before it is that, a shell has its command line, and so have the children of the shell.
    wait_until("the leaker", || place.file("inner/log").exists().then_some(()));
    let mut highwater = attach(&place).under(READ_ONLY).attach("--command", "base 140 --rate 6");
    let journal = highwater.journal();
    assert!(evidence(&done(journal, "dump")).exists());
    assert!(skipped(journal, "throttle").contains("lacks throttle"));
    done(journal, "restart");
    highwater.stop();
    drop_with(others, &theirs);
}

#[test]
fn a_limit_that_others_resize_counts_at_once() {
    let place = Place::on_disk("attach-resized");
    let theirs = limited(&place.scratch);
    let others = Others::run(place.leaker("--base 100"), joining(theirs.path()).into());
    let policy = "[trigger.near]\nusage = { of = \"anon\", above = \"80%\" }\n\
                  [[step]]\nname = \"look\"\nsignal = { send = \"SIGCONT\" }\n";
    let highwater = Highwater::here().policy(policy).under(READ_ONLY).attach("--cgroup", theirs.path());
    wait_until("the base", || (theirs.read("memory.current").parse::<u64>().unwrap() > 100 * MIB).then_some(()));
    // 100 MiB are far from 80 % of 256 MiB; of 112 MiB they are not.
    theirs.write("memory.max", 112 * MIB);
    let fired = highwater.journal().wait_for("trigger.fired");
    assert!(fired["reading"]["above"].as_u64().is_some_and(|level| level < 100 * MIB), "{fired}");
    drop_with(others, &theirs);
}

/// Ends the service for good.
fn drop_with(others: Others, theirs: &Scratch) {
    others.over.store(true, Ordering::Relaxed);
    theirs.write("cgroup.kill", 1);
    drop(others);
}

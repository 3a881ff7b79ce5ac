//! From the breach to the signal: highwater against a poll at 100 ms, over the same leak in one run each.
//!
//! The leaker notes when its usage passes a mark by the clock all processes share; the dump request arrives as SIGUSR1,
//! whose handler notes the time as well. Here both ends are taken from outside: the breach from `memory.events` by a
//! busy watcher, the signal from the first byte of the dump file.

use std::fs;
use std::time::{Duration, Instant};

use highwater_tests::{Highwater, Scratch, disk, program, wait_until};

use crate::table::{Table, median};

const ROUNDS: u32 = 9;
const LIMIT: u64 = 256 << 20;

pub fn run() {
    let table = Table::new(&["who", "breach to signal, ms (median)", "least", "most", "of the poll"]);
    let polled: Vec<Duration> = (0..ROUNDS).map(poll).collect();
    let woken: Vec<Duration> = (0..ROUNDS).map(|_| highwater()).collect();
    let whole = median(polled.clone()).unwrap_or_default();
    for (name, times) in [("poll at 100 ms", polled), ("highwater", woken)] {
        let middle = median(times.clone()).unwrap_or_default();
        let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
        table.row(&[
            name.into(),
            ms(middle),
            ms(times.iter().min().copied().unwrap_or_default()),
            ms(times.iter().max().copied().unwrap_or_default()),
            format!("{:.2}", middle.as_secs_f64() / whole.as_secs_f64()),
        ]);
    }
}

fn highwater() -> Duration {
    let scratch = Scratch::new("latency");
    let launcher = Highwater::inside(&scratch);
    let log = launcher.directory().join("asked");
    let policy = format!(
        r#"
        [memory]
        max = "{LIMIT}B"
        hold = "off"
        [trigger.breach]
        memory-event = {{ counter = "high" }}
        [[step]]
        name = "ask"
        signal = {{ send = "SIGUSR1" }}
        "#
    );
    let mut highwater = launcher.policy(policy).run(service(&log));
    highwater.started(1);
    let group = scratch.path().join("service.1");
    let breach = wait_for_breach(&group.join("memory.current"));
    wait_until_fine(|| log.exists());
    let took = breach.elapsed();
    highwater.stop();
    took
}

/// What a tool that polls does: compares usage with its threshold every 100 ms, and signals.
fn poll(round: u32) -> Duration {
    let scratch = Scratch::new("poll");
    let log = disk().join(format!("asked-{round}"));
    scratch.write("memory.max", LIMIT);
    let arguments = service(&log);
    let mut service = scratch.command(&arguments[0]).args(&arguments[1..]).spawn().expect("the leaker runs");
    let pid = rustix::process::Pid::from_child(&service);
    let current = scratch.file("memory.current");
    let watched = current.clone();
    let poller = std::thread::spawn(move || {
        while usage(&watched) < LIMIT / 10 * 8 {
            std::thread::sleep(Duration::from_millis(100));
        }
        rustix::process::kill_process(pid, rustix::process::Signal::USR1).expect("it runs");
    });
    let breach = wait_for_breach(&current);
    wait_until_fine(|| log.exists());
    let took = breach.elapsed();
    poller.join().expect("the poller ends");
    let _ = (service.kill(), service.wait(), fs::remove_file(&log));
    took
}

/// A leak of 20 MB/s whose dump is one MiB: the file is there some milliseconds after the signal.
fn service(log: &std::path::Path) -> Vec<std::ffi::OsString> {
    let mut arguments = vec![program("leaker").into_os_string()];
    arguments.extend(["--base", "180", "--rate", "20", "--leak-after", "1", "--dump-size", "1"].map(Into::into));
    arguments.extend(["--dump-file".into(), log.into()]);
    arguments
}

fn wait_for_breach(current: &std::path::Path) -> Instant {
    wait_until_fine(|| usage(current) >= LIMIT / 10 * 8);
    Instant::now()
}

/// Looks every half millisecond, for at most a minute.
fn wait_until_fine(happened: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    wait_until("an event of the benchmark", || {
        while !happened() && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(500));
        }
        Some(())
    });
}

fn usage(current: &std::path::Path) -> u64 {
    fs::read_to_string(current).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

//! Time that highwater adds to the start of a service, against plain exec in the same cgroup.

use std::time::{Duration, Instant};

use highwater_tests::{Highwater, Scratch};

use crate::table::{Table, median};

const ROUNDS: u32 = 11;

pub fn run() {
    let plain: Vec<Duration> = (0..ROUNDS).map(|_| exec()).collect();
    let wrapped: Vec<Duration> = (0..ROUNDS).map(|_| highwater()).collect();
    let table = Table::new(&["who", "start to end of `true`, ms (median)", "of plain exec"]);
    let whole = median(plain.clone()).unwrap_or_default();
    for (name, times) in [("exec", plain), ("highwater run", wrapped)] {
        let middle = median(times).unwrap_or_default();
        let ratio = middle.as_secs_f64() / whole.as_secs_f64();
        table.row(&[name.into(), format!("{:.1}", middle.as_secs_f64() * 1e3), format!("{ratio:.2}")]);
    }
}

fn exec() -> Duration {
    let scratch = Scratch::new("exec");
    let started = Instant::now();
    scratch.command("/bin/true").status().expect("true runs");
    started.elapsed()
}

fn highwater() -> Duration {
    let scratch = Scratch::new("start");
    let launcher = Highwater::inside(&scratch);
    let started = Instant::now();
    let mut highwater = launcher.run(["/bin/true"]);
    while highwater.ended().is_none() {
        std::thread::sleep(Duration::from_micros(500));
    }
    started.elapsed()
}

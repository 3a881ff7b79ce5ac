//! Waiting for something to become true.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen: long enough for an emulated machine that shares its processors. It is
/// never a measurement.
pub const PATIENCE: Duration = Duration::from_mins(3);

const PAUSE: Duration = Duration::from_millis(10);

/// Asks every 10 ms until `condition` gives a value, and returns it. Panics with `what` after [`PATIENCE`].
#[track_caller]
pub fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        thread::sleep(PAUSE);
    }
}

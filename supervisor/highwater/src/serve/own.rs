//! What highwater itself takes.

use std::time::Duration;

use highwater_kernel::process;

/// Ticks of a second in `/proc`, the same on every architecture.
const TICKS: u64 = 100;

/// Its memory and CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Resident memory in bytes.
    pub resident: u64,
    /// User and system time.
    pub cpu: Duration,
}

impl Own {
    /// Reads them, where `/proc` is there.
    pub fn read() -> Option<Self> {
        let resident = process::usage(process::own()).ok()?.resident;
        Some(Self { resident, cpu: cpu_time(&std::fs::read_to_string("/proc/self/stat").ok()?)? })
    }
}

/// The name of the process, in parentheses, may contain anything.
fn cpu_time(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Duration::from_millis((number(14)? + number(15)?) * 1_000 / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_count_from_behind_the_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 95 0 0 0 30 12 0 0 20 0 1 0 5 9904128 500 18446744073709551615 1 1";
        assert_eq!(cpu_time(stat), Some(Duration::from_millis(420)));
        assert!(Own::read().unwrap().resident > 0);
    }
}

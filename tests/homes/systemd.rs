//! A service under systemd.

use std::fs;

use highwater_tests::call;

#[test]
fn systemd_is_pid_1_and_runs_units() {
    assert_eq!(fs::read_to_string("/proc/1/comm").unwrap(), "systemd\n");
    let cgroup = call(["systemd-run", "--wait", "--pipe", "--quiet", "--unit=probe", "cat", "/proc/self/cgroup"]);
    assert_eq!(cgroup, "0::/system.slice/probe.service");
}

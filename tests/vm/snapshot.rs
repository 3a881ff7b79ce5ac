//! What can be had of a service from outside: taken on a real kernel.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use highwater_kernel::cgroup::Group;
use highwater_report::snapshot::Snapshot;
use highwater_tests::{Scratch, disk, python};

const MIB: u64 = 1 << 20;

/// `grow.py` in a cgroup of its own.
pub struct Grower {
    /// Its cgroup.
    pub scratch: Scratch,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Grower {
    /// Starts it and waits until it is calm.
    #[track_caller]
    pub fn start(scratch: Scratch, kind: &str, mib: u64) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/vm/grow.py");
        let mut command = scratch.command(python());
        // Without what a site adds, it starts in half the time.
        command.args(["-IS", script, kind, &mib.to_string()]).arg(disk());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut grower = Self { scratch, child, input, output };
        grower.says("calm");
        grower
    }

    /// Has it do its next step, to the end.
    #[track_caller]
    pub fn step(&mut self) {
        self.input.write_all(b"\n").unwrap();
        self.says("done");
    }

    #[track_caller]
    fn says(&mut self, word: &str) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), word, "{:?}", self.child.try_wait());
    }

    /// Looks at it from outside.
    pub fn look(&self) -> Snapshot {
        let group = Group::open(self.scratch.path()).unwrap();
        highwater::snapshot::take(self.child.id().cast_signed(), Some(&group), 1)
    }
}

impl Drop for Grower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn grew_by(mib: u64, before: u64, after: u64) {
    let grown = after - before;
    assert!(grown >= mib * MIB && grown < (mib + 8) * MIB, "{before} {after}: not by {mib} MiB");
}

#[test]
fn a_snapshot_from_outside_sees_what_grew() {
    let scratch = Scratch::new("snapshot");
    scratch.write("memory.max", 256 * MIB);
    let mut service = Grower::start(scratch, "anon", 64);
    let before = service.look();
    service.step();
    let after = service.look();
    assert_eq!((after.max, after.generation), (Some(256 * MIB), 1));
    grew_by(64, before.current.unwrap(), after.current.unwrap());
    grew_by(64, before.memory_stat["anon"], after.memory_stat["anon"]);
    for key in ["Rss", "Pss", "Anonymous"] {
        grew_by(64, before.rollup[key], after.rollup[key]);
    }
    assert_eq!(after.mappings[0].name, "[anon]", "{:?}", after.mappings);
    assert!(after.mappings[0].anonymous >= 64 * MIB && after.mappings.len() > 3);
    grew_by(64, before.processes[0].own, after.processes[0].own);
    assert!(after.processes[0].name.starts_with("python"), "{:?}", after.processes);
    assert_eq!((after.process_count, after.threads), (1, 1));
    assert!(after.open_files["pipe"] >= 2, "its input and output: {:?}", after.open_files);
    assert!(after.pressure_total_us.is_some() && after.memory_events["oom_kill"] == 0);
}

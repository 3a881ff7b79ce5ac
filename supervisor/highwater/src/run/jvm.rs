//! A JVM is looked at before it is short of memory: whether it fits its limit, and that it listens.

use std::path::Path;
use std::time::{Duration, Instant};

use highwater_capture::jvm::sizing::{Place, Sizing, Verdict};
use highwater_capture::jvm::{Jvm, Options};
use highwater_kernel::Pid;
use highwater_kernel::machine::Memory;

/// A healthy JVM listens within 20 ms.
const LISTEN_TIME: Duration = Duration::from_secs(10);

/// What is wrong with a command line, if it is that of a JVM and its heap does not fit the limit.
pub fn doubt_about_command(argv: &[String], limit: u64) -> Option<String> {
    let program = Path::new(argv.first()?).file_name()?;
    let options = (program == "java").then(|| Options::new(argv, |name| std::env::var(name).ok()))?;
    doubt(&options, limit)
}

/// The same of a running process.
pub fn doubt_about_process(pid: Pid, limit: u64) -> Option<String> {
    doubt(&Options::of(pid).ok()?, limit)
}

/// Has a JVM listen, so that it need not be asked for that when it is short of memory.
pub fn make_it_listen(pid: Pid) -> Option<String> {
    let listens = Jvm::of(pid).and_then(|jvm| jvm.listen(Instant::now() + LISTEN_TIME));
    listens.err().map(|error| format!("the JVM will not answer: {error}"))
}

fn doubt(options: &Options, limit: u64) -> Option<String> {
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
    let machine = Memory::read().map_or(u64::MAX, |memory| memory.total);
    let sizing = Sizing::of(options, &Place { limit, machine, processors, threads: None });
    (sizing.verdict() != Verdict::Fits).then(|| sizing.to_string())
}

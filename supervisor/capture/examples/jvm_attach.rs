//! Asks a JVM from outside, without a JDK: what `jcmd` is used for, in a small static program.
//!
//! ```text
//! jvm_attach WHAT [PID]        PID is $HIGHWATER_PID where it is left out
//! WHAT: histogram | histogram-all | threads | flags | heap-info | native-memory | heap=PATH | heap-all=PATH | listen
//! ```
//!
//! The answer goes to standard output, so that a policy can use it: `dump = { command = ["jvm_attach", "threads"] }`.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use highwater_capture::jvm::{Command, Jvm};

const PATIENCE: Duration = Duration::from_secs(60);
const MOST_BYTES: u64 = 64 << 20;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let pid = arguments.next().or_else(|| std::env::var("HIGHWATER_PID").ok()).and_then(|pid| pid.parse().ok());
    let Some(pid) = pid else {
        eprintln!("usage: jvm_attach WHAT [PID]");
        return ExitCode::from(2);
    };
    match run(&what, pid) {
        Ok(said) => eprintln!("jvm_attach: {said}"),
        Err(error) => {
            eprintln!("jvm_attach: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(what: &str, pid: i32) -> Result<String, Box<dyn std::error::Error>> {
    let deadline = Instant::now() + PATIENCE;
    let jvm = Jvm::of(pid)?;
    let Some(command) = command(what)? else {
        jvm.listen(deadline)?;
        return Ok("it listens".into());
    };
    let mut out = std::io::stdout().lock();
    let answer = jvm.ask(&command, deadline, MOST_BYTES, &mut out)?;
    out.flush()?;
    Ok(format!("{:?} after {:.1?}", answer.finished, answer.took))
}

fn command(what: &str) -> Result<Option<Command>, String> {
    let heap = |path: &str, live| Command::HeapDump { path: path.into(), live, gzip: None };
    Ok(Some(match what.split_once('=').unwrap_or((what, "")) {
        ("histogram", _) => Command::Histogram { all: false },
        ("histogram-all", _) => Command::Histogram { all: true },
        ("threads", _) => Command::Threads,
        ("flags", _) => Command::Flags,
        ("heap-info", _) => Command::HeapInfo,
        ("native-memory", _) => Command::NativeMemory,
        ("heap", path) => heap(path, true),
        ("heap-all", path) => heap(path, false),
        ("listen", _) => return Ok(None),
        _ => return Err(format!("{what} is nothing that can be asked")),
    }))
}

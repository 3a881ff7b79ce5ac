//! Dumps that need nothing in the image of the service: asked of a JVM by its own protocol, or taken from outside.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highwater_capture::go;
use highwater_capture::jvm::{self, Command, Jvm};
use highwater_core::command::Finished;
use highwater_core::policy::JvmDump;
use highwater_evidence::store::{Incident, Offered, Piece, Store};
use highwater_kernel::Pid;
use highwater_kernel::process::file_owner;

use super::program::{self, About};
use super::{Outcome, Surroundings, Wanted, beside, evidence, keep_newest, offload, offload_deep};

/// A histogram has some 60 KiB, a thread dump some 2 KiB a thread: what is longer is cut off.
const MOST_TEXT: u64 = 16 << 20;
/// What reads the tables of a program goes deeper than a system call.
pub const STACK: usize = beside::DEEP;

/// Asks a JVM.
pub async fn jvm(pid: Pid, what: JvmDump, within: Duration, around: Surroundings, wanted: Wanted) -> Outcome {
    let deadline = Instant::now() + within;
    let Wanted { incident, step, keep } = wanted;
    let root = around.evidence.clone();
    let ask = move || {
        let kept = open(&root, &incident)?;
        let jvm = Jvm::of(pid).map_err(|error| error.to_string())?;
        let asked = Instant::now();
        let file = match what {
            JvmDump::Histogram => {
                text(&jvm, &Command::Histogram { all: true }, "histogram.txt", &kept, &step, deadline)
            }
            JvmDump::Threads => text(&jvm, &Command::Threads, "threads.txt", &kept, &step, deadline),
            JvmDump::Heap => heap(&jvm, &kept, &step, deadline),
        }?;
        let took = asked.elapsed();
        let note = keep_newest(&root, &step, keep);
        Ok(Finished { evidence: vec![evidence(&file.path, file.bytes, took)], note, took })
    };
    offload_deep(STACK, ask).await.map_err(|error| error.to_string())?
}

/// Reads the heap profile of a Go program out of its memory.
pub async fn go_heap(pid: Pid, around: Surroundings, wanted: Wanted) -> Outcome {
    let Wanted { incident, step, keep } = wanted;
    let root = around.evidence.clone();
    let capture = move || {
        let asked = Instant::now();
        let kept = open(&root, &incident)?;
        let piece = write_go_heap(pid, &kept, &step)?;
        let took = asked.elapsed();
        let note = keep_newest(&root, &step, keep);
        Ok(Finished { evidence: vec![evidence(&piece.path, piece.bytes, took)], note, took })
    };
    offload_deep(STACK, capture).await.map_err(|error| error.to_string())?
}

/// Writes the heap profile of a Go program into the directory of an incident. Blocks.
pub fn write_go_heap(pid: Pid, kept: &Incident, step: &str) -> Result<Piece, String> {
    let said = |error: highwater_evidence::Error| error.to_string();
    let profile = go::heap_profile(pid.cast_unsigned()).map_err(|error| error.to_string())?;
    let name = kept.free_name(step, Path::new("outside.pb.gz"));
    let mut file = kept.create(&name).map_err(said)?;
    file.write_all(&profile.pprof).map_err(|error| format!("{}: {error}", kept.path(&name).display()))?;
    kept.keep(&name).map_err(said)
}

/// Has `py-spy` say what the threads of a Python program do.
pub async fn python_stacks(pid: Pid, around: Surroundings, about: About, keep: usize) -> Outcome {
    py_spy_is_here()?;
    let run = ["py-spy", "dump", "--pid", &pid.to_string()].map(Into::into).into();
    program::dump(run, around, about, keep).await
}

/// Has `gcore` write a core of the main process, refused where it may not fit. It writes reservations and untouched pages
/// too: measured, a Go program with 6 MiB resident and 1.1 GiB mapped made a core of 1.1 GiB.
pub async fn core(pid: Pid, around: Surroundings, about: About, keep: usize) -> Outcome {
    gcore_is_here()?;
    let (root, limits) = (around.evidence.clone(), around.limits);
    let make_room = move || {
        let mapped = highwater_kernel::process::address_space(pid).map_err(|error| error.to_string())?;
        let made = Store::open(&root).and_then(|store| store.make_room(mapped, limits));
        made.map(drop).map_err(|error| error.to_string())
    };
    offload(make_room).await.map_err(|error| error.to_string())??;
    let run = ["gcore", "-o", "core", &pid.to_string()].map(Into::into).into();
    program::dump(run, around, about, keep).await
}

/// What the stacks of Python are taken by.
pub fn py_spy_is_here() -> Result<(), String> {
    must_be_here("py-spy", "`pip install py-spy`")
}

/// What a core is written by.
pub fn gcore_is_here() -> Result<(), String> {
    must_be_here("gcore", "it comes with gdb")
}

/// A tool that does not come with highwater, and the way to get it.
fn must_be_here(tool: &str, way: &str) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_here = std::env::split_paths(&path).any(|directory| directory.join(tool).is_file());
    is_here.then_some(()).ok_or_else(|| format!("{tool} is not installed on this host, or not in PATH: {way}"))
}

fn open(root: &Path, incident: &str) -> Result<Incident, String> {
    Store::open(root).and_then(|store| store.incident(incident)).map_err(|error| error.to_string())
}

/// An answer that is the dump itself.
fn text(
    jvm: &Jvm,
    command: &Command,
    like: &str,
    kept: &Incident,
    step: &str,
    deadline: Instant,
) -> Result<Piece, String> {
    let said = |error: highwater_evidence::Error| error.to_string();
    let name = kept.free_name(step, Path::new(like));
    let mut file = kept.create(&name).map_err(said)?;
    match jvm.ask(command, deadline, MOST_TEXT, &mut file) {
        Ok(jvm::Answer { finished: jvm::Finished::Cut, .. }) => kept.keep_partial(&name).map_err(said),
        Ok(_) => kept.keep(&name).map_err(said),
        Err(error) => {
            let _ = kept.directory().remove(&name);
            Err(error.to_string())
        }
    }
}

/// A heap dump, which the JVM writes into its own file system.
fn heap(jvm: &Jvm, kept: &Incident, step: &str, deadline: Instant) -> Result<Piece, String> {
    let resident = highwater_kernel::process::tree_usage(jvm.pid()).map_or(0, |usage| usage.resident);
    let place = jvm.place_for_dump(resident + resident / 2).map_err(|error| error.to_string())?;
    let path = &jvm.free_name(&place, "hprof");
    let said = |error: highwater_evidence::Error| error.to_string();
    let here = seen_from_here(jvm.pid(), path);
    let owners: Vec<u32> = file_owner(jvm.pid()).into_iter().collect();
    let command = Command::HeapDump { path: path.into(), live: false, gzip: None };
    if let Err(error) = jvm.ask(&command, deadline, MOST_TEXT, &mut std::io::sink()) {
        let name = kept.free_name(step, path);
        let partial = Offered::open_partial(&here, &owners).and_then(|offered| kept.take_partial(&offered, &name));
        let left = partial.map(|piece| format!("; what there is of it: {}", piece.path.display())).unwrap_or_default();
        return Err(format!("{error}{left}"));
    }
    let offered = Offered::open(&here, &owners).map_err(said)?;
    kept.take(&offered, &kept.free_name(step, path)).map_err(said)
}

/// A path in the file system of a process, from ours.
fn seen_from_here(pid: Pid, path: &Path) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join("root").join(path.strip_prefix("/").unwrap_or(path))
}

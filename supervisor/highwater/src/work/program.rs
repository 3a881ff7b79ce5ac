//! Commands of a policy: run outside the service cgroup, killed with everything they started when they are given up.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highwater_core::command::Finished;
use highwater_core::record::Evidence;
use highwater_evidence::store::{Incident, Offered, Store};
use highwater_kernel::Pid;
use highwater_kernel::pidfd::{Exit, Pidfd};
use highwater_kernel::spawn::{Child, Spawn};
use nix::sys::signal::{Signal, killpg};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;

use super::{Outcome, Surroundings, done, evidence, keep_newest, offload};
use crate::ready::register;

/// No line of our own is longer.
const LONGEST_LINE: usize = 64 << 10;

/// What a command is told, as environment variables.
#[derive(Clone, Debug)]
pub struct About {
    /// Main process of the service, as `HIGHWATER_PID`.
    pub pid: Option<Pid>,
    /// The service cgroup, as `HIGHWATER_CGROUP`.
    pub cgroup: Option<PathBuf>,
    /// The incident, as `HIGHWATER_INCIDENT`.
    pub incident: String,
    /// The step, as `HIGHWATER_STEP`.
    pub step: String,
}

/// Runs a command to its end. It may leave files in `$HIGHWATER_EVIDENCE`.
pub async fn run(argv: Vec<String>, around: Surroundings, about: About) -> Outcome {
    let kept = kept(&around, &about)?;
    let directory = kept.directory().path();
    let started = Instant::now();
    let stderr = std::io::stderr();
    let running = Running::start(&argv, &around, &about, directory, &stderr)?;
    ended_well(running.wait().await?, name_of(&argv))?;
    let _ = std::fs::remove_dir(directory);
    Ok(done(started.elapsed()))
}

/// Runs highwater itself for work that is not the loop's, and passes each line on that it prints.
pub async fn run_own(argv: Vec<OsString>, around: Surroundings, line: impl FnMut(&str)) -> Result<(), String> {
    run_lines(Spawn::new(&argv), around, line).await
}

/// Has somebody else carry an order out. It does not outlive us: who comes after us may order the contrary.
pub async fn run_order(argv: Vec<OsString>, around: Surroundings) -> Result<(), String> {
    run_lines(Spawn::new(&argv).ends_with_us(), around, |_| ()).await
}

async fn run_lines(spawn: Spawn<'_>, around: Surroundings, mut line: impl FnMut(&str)) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    let null = File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?;
    let (reader, writer) = std::io::pipe().map_err(said)?;
    let spawn = spawn.stdin(null.as_fd()).stdout(writer.as_fd());
    let running = Running::of(spawn.start().map_err(|error| error.to_string())?, around)?;
    drop(writer);
    let lines = Receiver::from_owned_fd(reader.into()).map_err(said)?;
    let mut rest = Vec::new();
    while let Some(bytes) = next_bytes(&lines).await.map_err(said)? {
        rest.extend(bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let whole: Vec<u8> = rest.drain(..=end).collect();
            line(String::from_utf8_lossy(&whole).trim_end());
        }
        rest.truncate(LONGEST_LINE);
    }
    ended_well(running.wait().await?, "highwater")
}

async fn next_bytes(lines: &Receiver) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        lines.readable().await?;
        let mut buffer = [0; 4096];
        match lines.try_read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => return Ok(Some(buffer[..read].to_vec())),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Runs a command whose standard output and files are the dump.
pub async fn dump(argv: Vec<String>, around: Surroundings, about: About, keep: usize) -> Outcome {
    let kept = kept(&around, &about)?;
    let output = kept.free_name(&about.step, Path::new("output"));
    let workplace = format!(".{}-{}", about.step, super::unique());
    let workplace = kept.directory().make_inside(workplace).map_err(|error| error.to_string())?.path().to_path_buf();
    let started = Instant::now();
    let file = kept.create(&output).map_err(|error| error.to_string())?;
    let status = {
        let running = Running::start(&argv, &around, &about, &workplace, &file)?;
        running.wait().await
    };
    let took = started.elapsed();
    let (root, step) = (around.evidence.clone(), about.step.clone());
    let gather = move || {
        let mut found = gather(&kept, &workplace, &step, took);
        let is_filled = kept.piece(&output).is_ok_and(|piece| piece.bytes > 0);
        match kept.keep(&output) {
            Ok(piece) if is_filled => found.push(evidence(&piece.path, piece.bytes, took)),
            _ => drop(std::fs::remove_file(kept.path(&output))),
        }
        let note = keep_newest(&root, &step, keep.max(found.len()));
        (found, note)
    };
    let (evidence, note) = offload(gather).await.map_err(|error| error.to_string())?;
    ended_well(status?, name_of(&argv))?;
    if evidence.is_empty() {
        return Err("it left nothing behind, neither on its standard output nor in $HIGHWATER_EVIDENCE".into());
    }
    Ok(Finished { evidence, note, took })
}

fn kept(around: &Surroundings, about: &About) -> Result<Incident, String> {
    let kept = Store::open(&around.evidence).and_then(|store| store.incident(&about.incident));
    kept.map_err(|error| error.to_string())
}

/// Takes the files in that a command left behind, and clears away where it worked.
fn gather(kept: &Incident, workplace: &Path, step: &str, took: Duration) -> Vec<Evidence> {
    let us = [nix::unistd::geteuid().as_raw()];
    let take = |path: PathBuf| {
        let name = kept.free_name(step, &path);
        let piece = Offered::open(&path, &us).and_then(|offered| kept.take(&offered, &name)).ok()?;
        Some(evidence(&piece.path, piece.bytes, took))
    };
    let left = std::fs::read_dir(workplace).into_iter().flatten().flatten();
    let found = left.filter_map(|entry| take(entry.path())).collect();
    let _ = std::fs::remove_dir_all(workplace);
    found
}

/// A command that runs. Dropped before its end, it is killed.
struct Running {
    pidfd: AsyncFd<Pidfd>,
    around: Surroundings,
}

impl Running {
    fn start(
        argv: &[String],
        around: &Surroundings,
        about: &About,
        directory: &Path,
        output: &impl AsFd,
    ) -> Result<Self, String> {
        let null = File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?;
        let mut spawn = Spawn::new(argv)
            .env("HIGHWATER_NAME", &around.name)
            .env("HIGHWATER_INCIDENT", &about.incident)
            .env("HIGHWATER_STEP", &about.step)
            .env("HIGHWATER_EVIDENCE", directory)
            .stdin(null.as_fd())
            .stdout(output.as_fd());
        if let Some(pid) = about.pid {
            spawn = spawn.env("HIGHWATER_PID", pid.to_string());
        }
        if let Some(cgroup) = &about.cgroup {
            spawn = spawn.env("HIGHWATER_CGROUP", cgroup);
        }
        // What names no file of its own leaves it here.
        let child = spawn.directory(directory).start().map_err(|error| error.to_string())?;
        Self::of(child, around.clone())
    }

    fn of(child: Child, around: Surroundings) -> Result<Self, String> {
        around.known.borrow_mut().insert(child.pid());
        let pidfd = register(child.pidfd, Interest::READABLE).map_err(|error| error.to_string())?;
        Ok(Self { pidfd, around })
    }

    async fn wait(&self) -> Result<Exit, String> {
        loop {
            let mut ready = self.pidfd.readable().await.map_err(|error| error.to_string())?;
            match self.pidfd.get_ref().wait() {
                Ok(Some(exit)) => return Ok(exit),
                Ok(None) => ready.clear_ready(),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.pidfd.get_ref().pid();
        // It leads a session of its own, so that its group is everything it started.
        let _ = killpg(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
        self.around.known.borrow_mut().remove(&pid);
    }
}

fn name_of(argv: &[String]) -> &str {
    argv.first().map_or("", String::as_str)
}

fn ended_well(exit: Exit, command: &str) -> Result<(), String> {
    match exit {
        Exit::Code(0) => Ok(()),
        Exit::Code(code) => Err(format!("{command} ended with status {code}")),
        Exit::Signal { number, .. } => Err(format!("{command} was ended by signal {number}")),
    }
}

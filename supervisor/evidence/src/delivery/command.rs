//! A bundle by a command, killed with everything it started when its time is over.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use highwater_kernel::pidfd::{Exit, Pidfd};
use highwater_kernel::spawn::Spawn;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::failure::Failure;

/// Runs a command to its end. What it prints goes to standard error.
pub async fn run(argv: &[String], within: Duration, bundle: &Path, incident: &str) -> Result<(), Failure> {
    let Some(program) = argv.first() else { return Err(Failure::lasting("there is no command")) };
    let child = start(argv, bundle, incident)?;
    let failed = |why: String| Failure::passing(format!("{program} {why}"));
    match tokio::time::timeout(within, child.wait()).await {
        Err(_) => Err(failed(format!("was killed: it took longer than {} ms", within.as_millis()))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Ok(Ok(Exit::Code(0))) => Ok(()),
        Ok(Ok(Exit::Code(code))) => Err(failed(format!("ended with status {code}"))),
        Ok(Ok(Exit::Signal { number, .. })) => Err(failed(format!("was ended by signal {number}"))),
    }
}

fn start(argv: &[String], bundle: &Path, incident: &str) -> Result<Running, Failure> {
    let null = File::open("/dev/null").map_err(|error| Failure::passing(format!("/dev/null: {error}")))?;
    let stderr = std::io::stderr();
    let spawn = Spawn::new(argv)
        .env("HIGHWATER_BUNDLE", bundle)
        .env("HIGHWATER_INCIDENT", incident)
        .stdin(null.as_fd())
        .stdout(stderr.as_fd());
    let child = spawn.start().map_err(|error| Failure::passing(error.to_string()))?;
    register(child.pidfd).map(Running).map_err(|error| Failure::passing(error.to_string()))
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for the sake of types without ownership of their descriptor; this one owns its own"
)]
fn register(pidfd: Pidfd) -> std::io::Result<AsyncFd<Pidfd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

/// A command that runs. Dropped before its end, it is killed.
struct Running(AsyncFd<Pidfd>);

impl Running {
    async fn wait(&self) -> std::io::Result<Exit> {
        loop {
            let mut ready = self.0.readable().await?;
            match self.0.get_ref().wait().map_err(std::io::Error::other)? {
                Some(exit) => return Ok(exit),
                None => ready.clear_ready(),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It leads a session of its own, so that its group is everything it started.
        let _ = killpg(Pid::from_raw(self.0.get_ref().pid()), Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(argv: &[&str], within: Duration) -> Result<(), Failure> {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&argv, within, Path::new("/bundle"), "i-1"))
    }

    #[test]
    fn a_command_is_told_and_believed() {
        let minute = Duration::from_secs(60);
        let check = r#"[ "$HIGHWATER_BUNDLE:$HIGHWATER_INCIDENT" = /bundle:i-1 ]"#;
        assert_eq!(ran(&["sh", "-c", check], minute), Ok(()));
        let reason = |argv: &[&str], within| format!("{:?}", ran(argv, within).unwrap_err());
        assert!(reason(&["sh", "-c", "exit 3"], minute).contains("sh ended with status 3"));
        assert!(reason(&["sh", "-c", "kill -9 $$"], minute).contains("signal 9"));
        assert!(reason(&["/nowhere"], minute).contains("/nowhere"));
        assert!(reason(&["sleep", "600"], Duration::ZERO).contains("longer than 0 ms"));
        assert!(matches!(ran(&[], minute), Err(Failure::Lasting { .. })));
    }
}

//! Units of systemd: it owns their cgroups, so it is asked, and asked to change them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_kernel::Pid;
use highwater_kernel::cgroup::Limit;
use highwater_kernel::guard::Errand;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;

use highwater_core::command::Input;
use highwater_core::reading::{Exit, Told, Verdict};

use crate::run::Wake;
use crate::work::{Surroundings, program};

/// What is asked for, in `systemctl`'s words.
const ASKED: &str = "--property=LoadState,MainPID,InvocationID";
/// What is asked for when the main process has ended.
const ASKED_OF_END: &str = "--property=InvocationID,ExecMainPID,ExecMainCode,ExecMainStatus,Result";
/// How a service ended is worth waiting for that long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of a property that is not set.
const NO_LIMIT: &str = "infinity";
/// Where systemd keeps what was set until the next boot.
const CONTROL: &str = "/run/systemd/system.control";

/// What systemd says of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Properties {
    /// Its name.
    pub name: String,
    /// The main process of its service.
    pub main: Pid,
    /// Which life of it this is; it is another one after each start.
    pub invocation: String,
}

/// Whether systemd is PID 1 here.
pub fn is_systemd_here() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Asks systemd before there is a loop to wait in. Nothing if the unit does not run; an error if it does not exist.
pub fn look(name: &str) -> Result<Option<Properties>, String> {
    let output = std::process::Command::new("systemctl").args(["show", ASKED, "--", name]).output();
    let output = output.map_err(|error| format!("systemctl: {error}"))?;
    if !output.status.success() {
        return Err(format!("systemctl show {name}: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    parse(name, &String::from_utf8_lossy(&output.stdout))
}

/// The same from within the loop.
pub async fn ask(name: &str, around: Surroundings) -> Result<Option<Properties>, String> {
    let argv = words(&["systemctl", "show", ASKED, "--", name]);
    let mut text = String::new();
    program::run_own(argv, around, |line| text.extend([line, "\n"])).await?;
    parse(name, &text)
}

fn parse(name: &str, text: &str) -> Result<Option<Properties>, String> {
    if value(text, "LoadState") == Some("not-found") {
        return Err(format!("systemd knows no unit {name}"));
    }
    let main = value(text, "MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid > 0);
    let invocation = value(text, "InvocationID").unwrap_or_default().to_owned();
    Ok(main.map(|main| Properties { name: name.to_owned(), main, invocation }))
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

/// How the main process of that life ended, if that is what systemd speaks of: it may have started the next one, or not
/// have seen the end yet.
fn end(invocation: &str, main: Pid, text: &str) -> Option<Told> {
    let number = |key: &str| value(text, key)?.parse::<i32>().ok();
    if invocation.is_empty() || value(text, "InvocationID")? != invocation || number("ExecMainPID")? != main {
        return None;
    }
    let status = number("ExecMainStatus")?;
    let exit = match number("ExecMainCode")? {
        nix::libc::CLD_EXITED => Exit::Code(status),
        nix::libc::CLD_KILLED | nix::libc::CLD_DUMPED => Exit::Signal(status),
        _ => return None,
    };
    let verdict = match value(text, "Result")? {
        "success" => Verdict::Right,
        "oom-kill" => Verdict::OomKilled,
        _ => Verdict::Failed,
    };
    Some(Told { exit, verdict })
}

/// Sets `MemoryHigh=` back to what it was, without a loop to wait in.
pub fn give_back(name: &str, high: Limit) -> Result<(), String> {
    let command = set_high(name, high);
    let output = std::process::Command::new(&command[0]).args(&command[1..]).output();
    let output = output.map_err(|error| format!("systemctl: {error}"))?;
    if !output.status.success() {
        return Err(format!("systemctl set-property {name}: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let _ = std::fs::remove_file(drop_in(name));
    Ok(())
}

/// The way to change a unit: orders are carried out one after the other, beside the loop.
#[derive(Clone, Debug)]
pub struct Unit {
    name: String,
    invocation: String,
    orders: UnboundedSender<Order>,
}

#[derive(Debug)]
enum Order {
    /// `MemoryHigh=`, for the generation that is to be told, if it is.
    High(Limit, Option<u32>),
    Restart,
    Kill,
    /// Nothing; told when everything before it is done.
    Flush(tokio::sync::oneshot::Sender<()>),
}

impl Unit {
    /// Begins to take orders.
    pub fn start(properties: Properties, around: Surroundings, wake: UnboundedSender<Wake>) -> Self {
        let (orders, taken) = unbounded_channel();
        let Properties { name, invocation, .. } = properties;
        spawn_local(carry_out(name.clone(), taken, around, wake));
        Self { name, invocation, orders }
    }

    /// The same unit in another life.
    pub fn in_life(&self, properties: Properties) -> Self {
        Self { invocation: properties.invocation, ..self.clone() }
    }

    /// Asks systemd, once, how this life ended, in which that was the main process.
    pub async fn how_it_ended(&self, main: Pid, around: Surroundings) -> Option<Told> {
        let argv = words(&["systemctl", "show", ASKED_OF_END, "--", &self.name]);
        let mut text = String::new();
        let asked = program::run_own(argv, around, |line| text.extend([line, "\n"]));
        tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
        end(&self.invocation, main, &text)
    }

    /// Sets `MemoryHigh=` until the next boot, and tells the generation when it is done.
    pub fn lower(&self, bytes: u64, generation: u32) {
        self.order(Order::High(Limit::Bytes(bytes), Some(generation)));
    }

    /// Sets `MemoryHigh=` until the next boot.
    pub fn raise(&self, limit: Limit) {
        self.order(Order::High(limit, None));
    }

    /// Has it stopped and started again.
    pub fn restart(&self) {
        self.order(Order::Restart);
    }

    /// Kills every process of it.
    pub fn kill(&self) {
        self.order(Order::Kill);
    }

    /// Waits until everything ordered is done.
    pub async fn flush(&self) {
        let (done, told) = tokio::sync::oneshot::channel();
        self.order(Order::Flush(done));
        let _ = told.await;
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Removes what says until the next boot what the unit itself says again.
    pub fn forget(&self) {
        let _ = std::fs::remove_file(drop_in(&self.name));
    }

    /// What gives `MemoryHigh=` back when we are gone.
    pub fn errand(&self, high: Limit) -> io::Result<Errand> {
        Errand::new(&set_high(&self.name, high).each_ref().map(String::as_str), &drop_in(&self.name))
    }

    fn order(&self, order: Order) {
        // The task ends only with the last sender.
        let _ = self.orders.send(order);
    }
}

async fn carry_out(
    name: String,
    mut orders: UnboundedReceiver<Order>,
    around: Surroundings,
    wake: UnboundedSender<Wake>,
) {
    while let Some(order) = orders.recv().await {
        let (argv, told) = match order {
            Order::High(high, told) => (words(&set_high(&name, high)), told),
            Order::Restart => (words(&["systemctl", "restart", "--no-block", "--", &name]), None),
            Order::Kill => (words(&["systemctl", "kill", "--signal=SIGKILL", "--", &name]), None),
            Order::Flush(done) => {
                let _ = done.send(());
                continue;
            }
        };
        let result = program::run_order(argv, around.clone()).await;
        if let Err(error) = &result {
            tracing::warn!("systemctl for {name}: {error}");
        }
        if let Some(generation) = told {
            let _ = wake.send(Wake::Input(generation, Input::Lowered { error: result.err() }));
        }
    }
}

/// The command that sets `MemoryHigh=` until the next boot.
fn set_high(name: &str, high: Limit) -> [String; 7] {
    let value = high.bytes().map_or_else(|| NO_LIMIT.to_owned(), |bytes| bytes.to_string());
    let property = format!("MemoryHigh={value}");
    ["systemctl", "set-property", "--runtime", "--no-ask-password", "--", name, &property].map(str::to_owned)
}

/// Where systemd keeps what that command has set.
fn drop_in(name: &str) -> PathBuf {
    format!("{CONTROL}/{name}.d/50-MemoryHigh.conf").into()
}

fn words<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Vec<std::ffi::OsString> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_says_is_read() {
        let text = "MainPID=4711\nLoadState=loaded\nInvocationID=2f\n";
        let expected = Properties { name: "a.service".into(), main: 4711, invocation: "2f".into() };
        assert_eq!(parse("a.service", text), Ok(Some(expected)));
        assert_eq!(parse("a.service", "MainPID=0\nLoadState=loaded\n"), Ok(None));
        assert!(parse("b.service", "MainPID=0\nLoadState=not-found\n").unwrap_err().contains("no unit b.service"));
    }

    #[test]
    fn the_end_of_a_life_is_read_and_no_other() {
        let says = |code: u8, status: u8, result: &str| {
            format!("Result={result}\nExecMainPID=47\nExecMainCode={code}\nExecMainStatus={status}\nInvocationID=2f\n")
        };
        let end_of = |text: &str| end("2f", 47, text).map(|told| (told.exit, told.verdict));
        assert_eq!(end_of(&says(1, 3, "exit-code")), Some((Exit::Code(3), Verdict::Failed)));
        assert_eq!(end_of(&says(1, 143, "success")), Some((Exit::Code(143), Verdict::Right)));
        assert_eq!(end_of(&says(2, 15, "success")), Some((Exit::Signal(15), Verdict::Right)));
        assert_eq!(end_of(&says(3, 11, "core-dump")), Some((Exit::Signal(11), Verdict::Failed)));
        assert_eq!(end_of(&says(2, 9, "oom-kill")), Some((Exit::Signal(9), Verdict::OomKilled)));
        // systemd has not seen it yet, or has started the next one.
        assert_eq!(end_of(&says(0, 0, "success")), None);
        assert_eq!(end_of(&says(1, 3, "exit-code").replace("2f", "30")), None);
        assert_eq!(end_of(&says(1, 3, "exit-code").replace("47", "48")), None);
        assert_eq!(end_of(""), None);
        assert_eq!(end("", 47, &says(1, 3, "exit-code").replace("2f", "")), None);
    }

    #[test]
    fn the_longest_name_of_a_unit_fits_into_what_the_guard_keeps() {
        let (orders, _) = unbounded_channel();
        let unit = Unit { name: "x".repeat(255), invocation: String::new(), orders };
        assert!(unit.errand(Limit::Bytes(u64::MAX - 1)).is_ok());
    }
}

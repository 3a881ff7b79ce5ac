//! Units of systemd: it owns their cgroups, so it is asked, and asked to change them.

use std::io;
use std::path::{Path, PathBuf};

use highwater_kernel::Pid;
use highwater_kernel::cgroup::Limit;
use highwater_kernel::guard::Errand;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;

use highwater_core::command::Input;

use crate::run::Wake;
use crate::work::{Surroundings, program};

/// What is asked for, in `systemctl`'s words.
const ASKED: &str = "--property=LoadState,MainPID";
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
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    if value("LoadState") == Some("not-found") {
        return Err(format!("systemd knows no unit {name}"));
    }
    let main = value("MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid > 0);
    Ok(main.map(|main| Properties { name: name.to_owned(), main }))
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
        let name = properties.name;
        spawn_local(carry_out(name.clone(), taken, around, wake));
        Self { name, orders }
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
        let text = "MainPID=4711\nLoadState=loaded\n";
        assert_eq!(parse("a.service", text), Ok(Some(Properties { name: "a.service".into(), main: 4711 })));
        assert_eq!(parse("a.service", "MainPID=0\nLoadState=loaded\n"), Ok(None));
        assert!(parse("b.service", "MainPID=0\nLoadState=not-found\n").unwrap_err().contains("no unit b.service"));
    }

    #[test]
    fn the_longest_name_of_a_unit_fits_into_what_the_guard_keeps() {
        let (orders, _) = unbounded_channel();
        let unit = Unit { name: "x".repeat(255), orders };
        assert!(unit.errand(Limit::Bytes(u64::MAX - 1)).is_ok());
    }
}

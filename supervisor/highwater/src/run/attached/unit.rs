//! Units of systemd: it owns their cgroups, so it is asked, and asked to change them.

use std::io;
use std::path::PathBuf;

use highwater_kernel::Pid;
use highwater_kernel::cgroup::Limit;
use highwater_kernel::guard::Errand;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;

use highwater_core::command::Input;
use highwater_core::reading::Told;

use super::said::{self, Properties, words};
use crate::run::Wake;
use crate::work::{Surroundings, program};

/// Of a property that is not set.
const NO_LIMIT: &str = "infinity";
/// Where systemd keeps what was set until the next boot.
const CONTROL: &str = "/run/systemd/system.control";

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
        said::how_it_ended((&self.name, &self.invocation), main, around).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_of_a_unit_fits_into_what_the_guard_keeps() {
        let (orders, _) = unbounded_channel();
        let unit = Unit { name: "x".repeat(255), invocation: String::new(), orders };
        assert!(unit.errand(Limit::Bytes(u64::MAX - 1)).is_ok());
    }
}

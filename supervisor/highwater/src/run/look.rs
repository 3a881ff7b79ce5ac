//! A look at the main process: what it does with signals, and what it is.

use std::path::Path;

use highwater_core::reading::{Inspection, Runtime};
use highwater_core::signal::Signal;
use highwater_kernel::Pid;
use highwater_kernel::process::{self, SignalUse};

use super::service::Service;

impl Service {
    /// A look at the main process: what it does with those signals, and what it is.
    pub fn inspect(&mut self, signals: &[Signal]) -> Inspection {
        let pid = self.main.pid();
        let runtime = self.find_runtime();
        let threads = process::thread_count(pid).unwrap_or(1);
        let mut inspection =
            Inspection { threads: threads as u32, runtime, stopped: is_stopped(pid), ..Default::default() };
        for signal in signals {
            match process::signal_use(pid, signal.number()) {
                Ok(SignalUse::Caught) => inspection.caught |= signal.bit(),
                Ok(SignalUse::Blocked | SignalUse::Awaited) => inspection.blocked |= signal.bit(),
                Ok(SignalUse::Ignored | SignalUse::Default) | Err(_) => {}
            }
        }
        inspection
    }

    /// What runs in the main process. It is found out once: its executable has to be read for it.
    pub fn find_runtime(&mut self) -> Runtime {
        let pid = self.main.pid();
        *self.runtime.get_or_insert_with(|| runtime(pid))
    }
}

fn runtime(pid: Pid) -> Runtime {
    match process::runtime(pid) {
        Ok(process::Runtime::Go) => Runtime::Go,
        Ok(process::Runtime::Jvm) => Runtime::Jvm,
        Ok(process::Runtime::Node) => Runtime::Node,
        Ok(process::Runtime::Python) => Runtime::Python,
        Ok(process::Runtime::Native) | Err(_) => Runtime::Native,
    }
}

/// State `T` in `/proc/PID/stat`: stopped by a signal.
fn is_stopped(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}

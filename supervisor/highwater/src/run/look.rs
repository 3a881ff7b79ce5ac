//! A look at the main process: what it does with signals, and what it is.

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
        let Some(status) = self.status.as_ref().and_then(|status| status.read().ok()) else {
            return Inspection { threads: 1, runtime, ..Inspection::default() };
        };
        let (threads, stopped) = (status.threads as u32, status.stopped);
        let mut inspection = Inspection { threads, runtime, stopped, ..Inspection::default() };
        for signal in signals {
            match status.signals.signal_use(pid, signal.number()) {
                Ok(SignalUse::Caught) => inspection.caught |= signal.bit(),
                Ok(SignalUse::Blocked | SignalUse::Awaited) => inspection.blocked |= signal.bit(),
                Ok(SignalUse::Ignored | SignalUse::Default) | Err(_) => {}
            }
        }
        inspection
    }

    /// What runs in the main process. It is found out once, because its executable has to be read for it.
    pub fn find_runtime(&mut self) -> Runtime {
        self.runtime = self.runtime.or_else(|| runtime(self.main.pid()));
        self.runtime.unwrap_or_default()
    }
}

/// `None` where the process may not be looked into.
fn runtime(pid: Pid) -> Option<Runtime> {
    Some(match process::runtime(pid).ok()? {
        process::Runtime::Go => Runtime::Go,
        process::Runtime::Jvm => Runtime::Jvm,
        process::Runtime::Node => Runtime::Node,
        process::Runtime::Python => Runtime::Python,
        process::Runtime::Native => Runtime::Native,
    })
}

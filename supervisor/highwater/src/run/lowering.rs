//! The helper thread that lowers `memory.high`: the kernel reclaims in the context of the writer, which may block for
//! seconds.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use highwater_core::command::Input;
use highwater_kernel::cgroup::{HighWriter, Limit};
use tokio::sync::mpsc::UnboundedSender;

use super::Wake;

const STACK: usize = 64 << 10;

/// The way to the helper thread.
#[derive(Debug)]
pub struct Lowering(Sender<(Arc<HighWriter>, u64, u32)>);

impl Lowering {
    /// Starts the thread, which sleeps until there is something to lower.
    pub fn start(wake: UnboundedSender<Wake>) -> io::Result<Self> {
        let (sender, wishes) = channel::<(Arc<HighWriter>, u64, u32)>();
        let work = move || {
            for (writer, bytes, generation) in wishes {
                let error = writer.set(Limit::Bytes(bytes)).err().map(|error| error.to_string());
                if wake.send(Wake::Input(generation, Input::Lowered { error })).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("lowering".into()).stack_size(STACK).spawn(work)?;
        Ok(Self(sender))
    }

    /// Lowers the limit of that generation in the background; [`Input::Lowered`] tells when it is done.
    pub fn lower(&self, writer: &Arc<HighWriter>, bytes: u64, generation: u32) {
        // The thread lives as long as the process.
        let _ = self.0.send((Arc::clone(writer), bytes, generation));
    }
}

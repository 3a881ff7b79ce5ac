//! Signals to highwater itself, with who sent them.

use std::io;

use highwater_core::signal::Signal;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use tokio::sync::mpsc::UnboundedSender;

use super::Wake;

/// The thread only waits and passes on.
const STACK: usize = 64 << 10;
/// Signals that are passed on to the service if it handles them. TSTP, TTIN and TTOU are left as they are: passed on,
/// they would stop the service for ever.
const PASSED_ON: [Signal; 5] = [Signal::QUIT, Signal::USR1, Signal::USR2, Signal::WINCH, Signal::CONT];
const CHLD: i32 = 17;

/// Begins to listen, on a thread that sleeps until a signal comes.
pub fn listen(wake: UnboundedSender<Wake>) -> io::Result<()> {
    let ours = [Signal::TERM, Signal::INT, Signal::HUP].map(Signal::number);
    let all = PASSED_ON.map(Signal::number).into_iter().chain(ours).chain([CHLD]);
    let mut signals = SignalsInfo::<WithOrigin>::new(all)?;
    let relay = move || {
        for origin in &mut signals {
            let sender = origin.process.map(|process| (process.pid, process.uid));
            if wake.send(meaning(origin.signal, sender)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).stack_size(STACK).spawn(relay)?;
    Ok(())
}

fn meaning(number: i32, sender: Option<(i32, u32)>) -> Wake {
    match Signal::new(number) {
        Some(Signal::HUP) => Wake::Reload,
        Some(signal @ (Signal::TERM | Signal::INT)) => Wake::Stop(match sender {
            Some((pid, uid)) if pid > 0 => format!("{signal} from process {pid} of user {uid}"),
            _ => format!("{signal} from the kernel or another namespace"),
        }),
        Some(signal) if PASSED_ON.contains(&signal) => Wake::Forward(signal),
        _ => Wake::Child,
    }
}

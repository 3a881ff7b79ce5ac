//! What is told of programs as they really are.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;

use highwater_kernel::process::{Runtime, SignalUse, runtime, signal_use};
use highwater_kernel::spawn::{Child, Spawn};
use nix::fcntl::OFlag;
use nix::libc::{SIGKILL, SIGUSR1, SIGUSR2};

/// A Python process that has run `prepare` and then runs `last`.
struct Program(Child);

impl Program {
    fn python(prepare: &str, last: &str) -> Self {
        let (heard, told) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
        let script = format!("import signal, threading, time\n{prepare}\nprint('ready', flush=True)\n{last}");
        let child = Spawn::new(["python3", "-c", &script]).stdout(told.as_fd()).start().unwrap();
        drop(told);
        let mut line = String::new();
        BufReader::new(File::from(heard)).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn use_of(&self, signal: i32) -> SignalUse {
        signal_use(self.0.pid(), signal).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.pidfd.send_signal(SIGKILL);
    }
}

const SLEEP: &str = "time.sleep(1000)";

#[test]
fn a_handler_is_seen_and_its_absence_too() {
    let program = Program::python("signal.signal(signal.SIGUSR1, lambda *_: None)", SLEEP);
    assert_eq!(program.use_of(SIGUSR1), SignalUse::Caught);
    assert_eq!(program.use_of(SIGUSR2), SignalUse::Default);
    assert!(!program.use_of(SIGUSR2).is_handled());
}

#[test]
fn an_ignored_signal_is_not_handled() {
    let program = Program::python("signal.signal(signal.SIGUSR1, signal.SIG_IGN)", SLEEP);
    assert_eq!(program.use_of(SIGUSR1), SignalUse::Ignored);
    assert!(!program.use_of(SIGUSR1).is_handled());
}

#[test]
fn a_dedicated_signal_thread_is_seen_by_the_mask_of_the_others() {
    let prepare = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n\
                   threading.Thread(target=lambda: signal.sigwait([signal.SIGUSR1]), daemon=True).start()";
    let program = Program::python(prepare, SLEEP);
    assert_eq!(program.use_of(SIGUSR1), SignalUse::Blocked);
}

#[test]
fn the_only_thread_waiting_in_sigwait_is_seen_although_its_mask_is_clear() {
    let prepare = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])";
    let program = Program::python(prepare, "signal.sigwait([signal.SIGUSR1])");
    // Blocked until it waits, awaited from then on.
    while program.use_of(SIGUSR1) == SignalUse::Blocked {
        std::thread::yield_now();
    }
    assert_eq!(program.use_of(SIGUSR1), SignalUse::Awaited);
    assert_eq!(program.use_of(SIGUSR2), SignalUse::Default);
}

#[test]
fn runtimes_are_told_apart() {
    let python = Program::python("", SLEEP);
    assert_eq!(runtime(python.0.pid()).unwrap(), Runtime::Python);
    let native = Program(Spawn::new(["sleep", "1000"]).start().unwrap());
    assert_eq!(runtime(native.0.pid()).unwrap(), Runtime::Native);
}

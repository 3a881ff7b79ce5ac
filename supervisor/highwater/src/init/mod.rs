//! `highwater init`: PID 1 of a machine that has no other init.
//!
//! PID 1 does little, so that little can go wrong in the one process that must not end: it mounts what is missing, starts
//! `highwater run` and whatever is to run beside it, starts anew what ends, reaps, and brings the machine down. What looks
//! after the service is a child, which may die of a bug without taking the machine along.

mod again;
mod child;
mod down;
mod duty;
mod home;
mod mounts;
mod signals;

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use highwater_kernel::memory_lock;

use crate::cli;
use duty::Duty;
use signals::Signals;

/// What `/proc/self/ns/pid` is in the first pid namespace, whatever machine.
const FIRST_NAMESPACE: &str = "pid:[4026531836]";

/// Is the init of a machine. It returns only to say that it cannot be that.
pub fn init(arguments: cli::Init) -> ExitCode {
    if std::process::id() != 1 {
        let pid = std::process::id();
        return refuse(&format!(
            "init is for PID 1 of a machine, and this is process {pid}: `highwater run` runs a service"
        ));
    }
    let signals = match Signals::block() {
        Ok(signals) => signals,
        Err(error) => return refuse(&format!("signals cannot be read: {error}")),
    };
    mounts::mount_proc();
    if is_in_container() {
        return refuse("init is for a machine, and this is a container: `highwater run` is all that a container needs");
    }
    mounts::mount_missing();
    home::settle();
    // It is to reap and to bring the machine down when memory is short as well. Children do not inherit that.
    if let Err(error) = memory_lock::lock() {
        say(format_args!("{error}"));
    }
    let mut duty = Duty::new(arguments, signals);
    loop {
        // Whatever goes wrong in here, PID 1 goes on: its end is a panic of the kernel.
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| duty.go_on()));
        let reason = panic.downcast_ref::<String>().map_or("unknown", String::as_str);
        say(format_args!("going on after a mistake of its own: {reason}"));
    }
}

/// Whether reboot(2) would end a namespace and not a machine.
fn is_in_container() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|namespace| namespace.as_os_str() != FIRST_NAMESPACE)
}

fn refuse(reason: &str) -> ExitCode {
    say(format_args!("{reason}"));
    ExitCode::from(125)
}

/// Says something on the console. Where there is none, there is nobody to tell.
fn say(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "highwater init: {what}");
}

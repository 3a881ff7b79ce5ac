//! Signals by number and name.

use std::fmt;

/// A signal, by its Linux number (1 to 31; the numbers of x86 and Arm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(u8);

/// Names in the order of their numbers, starting with 1.
const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

impl Signal {
    /// Hang-up.
    pub const HUP: Self = Self(1);
    /// Interrupt from the terminal.
    pub const INT: Self = Self(2);
    /// Quit from the terminal.
    pub const QUIT: Self = Self(3);
    /// Abort.
    pub const ABRT: Self = Self(6);
    /// Kill: cannot be handled.
    pub const KILL: Self = Self(9);
    /// First of the two signals left to applications.
    pub const USR1: Self = Self(10);
    /// Second of the two signals left to applications.
    pub const USR2: Self = Self(12);
    /// Ask to end.
    pub const TERM: Self = Self(15);
    /// Continue if stopped.
    pub const CONT: Self = Self(18);
    /// Stop: cannot be handled.
    pub const STOP: Self = Self(19);
    /// Stop from the terminal.
    pub const TSTP: Self = Self(20);
    /// Background read from the terminal.
    pub const TTIN: Self = Self(21);
    /// Background write to the terminal.
    pub const TTOU: Self = Self(22);
    /// Urgent data.
    pub const URG: Self = Self(23);
    /// Window size changed.
    pub const WINCH: Self = Self(28);

    /// The signal of that number, if it is one of the 31 standard ones.
    pub fn new(number: i32) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| (1..=31).contains(number)).map(Self)
    }

    /// The signal of that name, with or without `SIG`, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES.iter().position(|known| known[3..] == *bare).map(|index| Self(index as u8 + 1))
    }

    /// Its Linux number.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// Its name with `SIG`.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0) - 1]
    }

    /// Its bit in the masks of `/proc/PID/status`.
    pub fn bit(self) -> u64 {
        1 << (self.0 - 1)
    }

    /// Every standard signal, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=31).map(Self)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for signal in Signal::all() {
            assert_eq!(Signal::named(signal.name()), Some(signal));
            assert_eq!(Signal::new(signal.number()), Some(signal));
        }
        assert_eq!(Signal::named("usr1"), Some(Signal::USR1));
        assert_eq!(Signal::named("SIGTERM").map(Signal::number), Some(15));
        assert_eq!(Signal::named("SIGRTMIN"), None);
        assert_eq!(Signal::new(0), None);
    }
}

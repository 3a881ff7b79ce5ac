//! What a message of `sd_notify` says, as far as it means anything to highwater.

use highwater_kernel::Pid;

/// The assignments of one message. Those not listed here (descriptors to be stored, process ids of others) go nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a message says any of them, alone or together")]
pub struct Said {
    /// `READY=1`: it has started, or has reloaded.
    pub ready: bool,
    /// `RELOADING=1`.
    pub reloading: bool,
    /// `STOPPING=1`.
    pub stopping: bool,
    /// `STATUS=`, for people.
    pub status: Option<String>,
    /// `WATCHDOG=1`: it is alive.
    pub alive: bool,
    /// `WATCHDOG=trigger`: it wants to be treated as dead.
    pub wants_to_die: bool,
    /// `WATCHDOG_USEC=`: how often it will say that it is alive from now on.
    pub watchdog_usec: Option<u64>,
    /// `EXTEND_TIMEOUT_USEC=`: it needs so much longer to start or stop.
    pub extend_usec: Option<u64>,
    /// `MAINPID=`: another process is the main one now.
    pub main_pid: Option<Pid>,
    /// `ERRNO=` and `BUSERROR=`, as they are.
    pub errors: Vec<String>,
}

impl Said {
    /// Reads a message.
    pub fn read(text: &str) -> Self {
        let mut said = Self::default();
        for line in text.lines() {
            if let Some((name, value)) = line.split_once('=') {
                said.take(name, value, line);
            }
        }
        said
    }

    fn take(&mut self, name: &str, value: &str, line: &str) {
        match (name, value) {
            ("READY", "1") => self.ready = true,
            ("RELOADING", "1") => self.reloading = true,
            ("STOPPING", "1") => self.stopping = true,
            ("STATUS", text) => self.status = Some(text.to_owned()),
            ("WATCHDOG", "1") => self.alive = true,
            ("WATCHDOG", "trigger") => self.wants_to_die = true,
            ("WATCHDOG_USEC", number) => self.watchdog_usec = number.parse().ok(),
            ("EXTEND_TIMEOUT_USEC", number) => self.extend_usec = number.parse().ok(),
            ("MAINPID", number) => self.main_pid = number.parse().ok().filter(|pid| *pid > 1),
            ("ERRNO" | "BUSERROR", _) => self.errors.push(line.to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_read_and_the_rest_passed_over() {
        let said = Said::read("READY=1\nSTATUS=a=b; c\nMAINPID=77\nFDSTORE=1\nX_OWN=1\nERRNO=2\nnonsense\n");
        let expected = Said {
            ready: true,
            status: Some("a=b; c".into()),
            main_pid: Some(77),
            errors: vec!["ERRNO=2".into()],
            ..Said::default()
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn numbers_that_are_none_and_other_values_say_nothing() {
        let said = Said::read("READY=0\nMAINPID=1\nMAINPID=x\nWATCHDOG_USEC=-1\nEXTEND_TIMEOUT_USEC=\nWATCHDOG=2");
        assert_eq!(said, Said::default());
    }
}

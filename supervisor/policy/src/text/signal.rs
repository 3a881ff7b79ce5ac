//! Signals by name, as far as they can be used.

use toml::de::DeValue;

use highwater_core::signal::Signal;

use crate::nearest::nearest;
use crate::value::{Fault, Text, describe};

/// Signals that stop a process until something continues it: a service stopped by one never comes back.
const STOPPING: [Signal; 4] = [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU];

/// Any standard signal of that name.
fn named(text: &str) -> Result<Signal, Fault> {
    if let Some(signal) = Signal::named(text) {
        return Ok(signal);
    }
    let full = if text.to_uppercase().starts_with("SIG") {
        text.to_uppercase()
    } else {
        format!("SIG{}", text.to_uppercase())
    };
    let by_number = text.parse().ok().and_then(Signal::new).map(Signal::name);
    let meant = by_number.or_else(|| nearest(&full, Signal::all().map(Signal::name)));
    let help = match meant {
        Some(meant) => Some(format!("did you mean \"{meant}\"?")),
        None if full.contains("RT") => Some("real-time signals are not supported".to_owned()),
        None => None,
    };
    Err(Fault { message: format!("unknown signal \"{text}\""), help })
}

/// What to say about a value that is not a string.
fn not_a_name(found: &DeValue<'_>) -> Fault {
    let number = match found {
        DeValue::Integer(number) => number.as_str().parse().ok().and_then(Signal::new),
        _ => None,
    };
    let help = number.map(|signal| format!("signals go by name: \"{signal}\""));
    Fault { message: format!("found {}", describe(found)), help }
}

/// The fault of a signal that stops a process for ever.
fn stops(signal: Signal) -> Fault {
    Fault::with(format!("{signal} stops the process for ever"), "nothing would continue it: choose another signal")
}

/// A schema with every signal but these.
#[cfg(test)]
fn all_but(refused: &[Signal]) -> serde_json::Value {
    let names: Vec<&str> = Signal::all().filter(|signal| !refused.contains(signal)).map(Signal::name).collect();
    let bare = names.iter().map(|name| &name[3..]).collect::<Vec<_>>().join("|");
    serde_json::json!({ "anyOf": [{ "enum": names }, { "type": "string", "pattern": format!("^(SIG)?({bare})$") }] })
}

/// A signal that asks the service to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopSignal(pub(crate) Signal);

impl Text for StopSignal {
    const ALLOWED: &'static str = "a signal that ends the service, like \"SIGTERM\", \"SIGINT\" or \"SIGQUIT\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        let signal = named(text)?;
        if STOPPING.contains(&signal) { Err(stops(signal)) } else { Ok(Self(signal)) }
    }

    fn instead(found: &DeValue<'_>) -> Fault {
        not_a_name(found)
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        all_but(&STOPPING)
    }
}

/// A signal the service handles itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AppSignal(pub(crate) Signal);

impl Text for AppSignal {
    const ALLOWED: &'static str = "a signal the service handles, like \"SIGUSR1\" or \"SIGUSR2\"";

    fn from_text(text: &str) -> Result<Self, Fault> {
        match named(text)? {
            Signal::KILL => {
                Err(Fault::with("SIGKILL cannot be handled", "to kill the service, use a step with `kill = {}`"))
            }
            signal if STOPPING.contains(&signal) => Err(stops(signal)),
            signal => Ok(Self(signal)),
        }
    }

    fn instead(found: &DeValue<'_>) -> Fault {
        not_a_name(found)
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        let refused: Vec<Signal> = STOPPING.into_iter().chain([Signal::KILL]).collect();
        all_but(&refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_stop_or_cannot_be_handled_are_refused() {
        assert_eq!(AppSignal::from_text("usr1"), Ok(AppSignal(Signal::USR1)));
        assert_eq!(StopSignal::from_text("SIGKILL"), Ok(StopSignal(Signal::KILL)));
        assert!(AppSignal::from_text("SIGKILL").unwrap_err().help.unwrap().contains("kill = {}"));
        for name in ["SIGSTOP", "TSTP", "SIGTTIN", "ttou"] {
            assert!(AppSignal::from_text(name).unwrap_err().message.contains("for ever"));
            assert!(StopSignal::from_text(name).unwrap_err().message.contains("for ever"));
        }
    }

    #[test]
    fn an_unknown_signal_has_its_nearest() {
        assert_eq!(AppSignal::from_text("SIGUSER1").unwrap_err().help.as_deref(), Some("did you mean \"SIGUSR1\"?"));
        assert_eq!(AppSignal::from_text("12").unwrap_err().help.as_deref(), Some("did you mean \"SIGUSR2\"?"));
    }
}

//! `[service]`.

use highwater_core::policy::{NotifyMode, RestartOn};

use crate::shape::shape;
use crate::text::env::Env;
use crate::text::signal::StopSignal;
use crate::text::words::words;
use std::time::Duration;

shape! {
    /// How the service is run and stopped.
    Service in "[service]" {
        /// Sent to the main process to end it.
        "stop-signal" stop_signal: StopSignal = Default("'SIGTERM'"),
        /// Grace period after the stop signal, before everything left is killed.
        "stop-timeout" stop_timeout: Duration = Default("'20s'"),
        /// Whether the service is started again when it ends by itself: never, on-failure (a status other than 0, or a
        /// signal) or always. An end that highwater brought about by a restart step always starts it again.
        "restart" restart: RestartOn = Default("'on-failure'"),
        /// Variables added to its environment.
        "env" env: Env = Default("{}"),
        /// What becomes of what the service tells systemd (`sd_notify`): "relay" passes it on, and the service is ready
        /// when it says so, as with `Type=notify`; "auto" passes it on where systemd listens, and the service is ready
        /// when it is started; "off" gives it nobody to tell. A reload changes nothing about it.
        "notify" notify: NotifyMode = Default("'auto'"),
    }
}

words! {
    NotifyMode {
        "auto" => Auto,
        "relay" => Relay,
        "off" => Off,
    }
}

words! {
    RestartOn {
        "never" => Never,
        "on-failure" => Failure,
        "always" => Always,
    }
}

//! What systemd hears, word by word.

use std::time::Duration;

use highwater_core::policy::NotifyMode;
use highwater_core::status::{State, Status};
use highwater_kernel::notify::{Inbox, Manager, Weight};
use tempfile::TempDir;

use super::words::tests::{calm, on_step};
use super::{Relay, Said};

/// A relay and the systemd it talks to.
struct Stage {
    relay: Relay,
    systemd: Inbox,
    _place: TempDir,
}

impl Stage {
    fn new(mode: NotifyMode) -> Self {
        let place = tempfile::tempdir().unwrap();
        let systemd = Inbox::make(&place.path().join("notify")).unwrap();
        let manager = Manager::at(systemd.path().as_os_str()).unwrap();
        let relay = Relay::between(mode, Some(manager), Some(Duration::from_secs(10)));
        Self { relay, systemd, _place: place }
    }

    /// One that has got as far as a ready service.
    fn ready(mode: NotifyMode) -> Self {
        let mut stage = Self::new(mode);
        stage.relay.refresh(&calm());
        stage.says("READY=1");
        stage.heard();
        stage
    }

    /// The service says something while all is calm.
    fn says(&mut self, text: &str) -> Option<bool> {
        let ready = self.relay.heard(&Said::read(text));
        self.relay.refresh(&calm());
        ready
    }

    /// Everything systemd was told since the last time, without the clock.
    fn heard(&self) -> Vec<String> {
        let messages = std::iter::from_fn(|| self.systemd.receive().unwrap());
        let plain = |text: String| match text.split_once("MONOTONIC_USEC=") {
            Some((before, _)) => format!("{before}MONOTONIC_USEC="),
            None => text.split(" since ").next().unwrap().to_owned(),
        };
        messages.map(|message| plain(message.text)).collect()
    }
}

#[test]
fn a_silent_service_is_ready_when_it_is_started() {
    let mut stage = Stage::new(NotifyMode::Auto);
    stage.relay.refresh(&Status { state: State::Starting, ..calm() });
    assert_eq!(stage.heard(), ["STATUS=highwater: starting generation 1"]);
    stage.relay.refresh(&calm());
    assert_eq!(stage.heard(), ["READY=1\nWATCHDOG=1\nSTATUS=highwater: looking after generation 1"]);
    stage.relay.refresh(&calm());
    assert!(stage.heard().is_empty(), "nothing is told twice");
}

#[test]
fn readiness_of_the_first_generation_is_ours_and_told_once() {
    let mut stage = Stage::new(NotifyMode::Relay);
    stage.relay.refresh(&calm());
    assert_eq!(stage.heard(), ["STATUS=highwater: looking after generation 1"]);
    assert_eq!(stage.says("READY=1\nSTATUS=serving\nMAINPID=7"), Some(true));
    assert_eq!(stage.heard(), ["READY=1\nSTATUS=serving"]);
    stage.relay.refresh(&Status { generation: 2, ..calm() });
    assert_eq!(stage.relay.heard(&Said::read("READY=1")), Some(true));
    stage.relay.refresh(&Status { generation: 2, ..calm() });
    assert_eq!(stage.heard(), ["STATUS=highwater: looking after generation 2"]);
}

#[test]
fn the_status_joins_service_and_ladder() {
    let mut stage = Stage::ready(NotifyMode::Relay);
    stage.says("STATUS=serving requests");
    stage.relay.refresh(&on_step(2));
    stage.relay.refresh(&calm());
    let told = stage.heard();
    assert_eq!(told[0], "STATUS=serving requests");
    assert_eq!(told[1], "WATCHDOG=1\nSTATUS=serving requests; highwater: throttling, step 2 of 3");
    assert_eq!(told[2], "WATCHDOG=1\nSTATUS=serving requests");
}

#[test]
fn a_service_that_stops_or_reloads_is_not_the_unit() {
    let mut stage = Stage::ready(NotifyMode::Relay);
    assert_eq!(stage.says("STOPPING=1"), Some(false));
    assert!(stage.heard().is_empty());
    assert_eq!(stage.says("RELOADING=1\nMONOTONIC_USEC=5"), Some(false));
    assert_eq!(stage.says("READY=1"), Some(true));
    assert_eq!(stage.heard(), ["RELOADING=1\nMONOTONIC_USEC=", "READY=1"]);
    stage.says("RELOADING=1");
    stage.relay.refresh(&Status { generation: 2, ..calm() });
    let told = stage.heard();
    assert!(told[1].starts_with("READY=1"), "a reload ends with its generation: {told:?}");
}

#[test]
fn only_the_service_says_that_it_is_alive_unless_it_cannot() {
    let mut stage = Stage::ready(NotifyMode::Relay);
    stage.relay.time_to_ping();
    assert!(stage.heard().is_empty(), "it is not spoken for");
    stage.says("WATCHDOG=1");
    assert_eq!(stage.heard(), ["WATCHDOG=1"]);
    stage.relay.refresh(&on_step(1));
    stage.heard();
    stage.relay.time_to_ping();
    assert_eq!(stage.heard(), ["WATCHDOG=1"]);
}

#[test]
fn a_service_that_never_says_so_is_spoken_for() {
    let mut stage = Stage::ready(NotifyMode::Auto);
    stage.relay.time_to_ping();
    assert_eq!(stage.heard(), ["WATCHDOG=1"]);
    stage.says("WATCHDOG=1\nWATCHDOG_USEC=4000000");
    assert_eq!(stage.heard(), ["WATCHDOG_USEC=4000000\nWATCHDOG=1"]);
    stage.relay.time_to_ping();
    assert!(stage.heard().is_empty(), "it has begun to say so itself");
    assert_eq!(stage.relay.beat(), Some(Duration::from_secs(2)));
}

#[test]
fn the_end_is_told_once_and_with_the_time_it_takes() {
    let mut stage = Stage::ready(NotifyMode::Auto);
    assert_eq!(stage.says("EXTEND_TIMEOUT_USEC=1"), None);
    stage.relay.stopping(Duration::from_secs(30));
    stage.relay.stopping(Duration::from_secs(30));
    stage.says("STOPPING=1\nEXTEND_TIMEOUT_USEC=9\nERRNO=5");
    stage.relay.ends();
    assert_eq!(stage.heard(), ["STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000", "EXTEND_TIMEOUT_USEC=9\nERRNO=5"]);
}

#[test]
fn a_reload_of_ours_is_told_around_it() {
    let stage = Stage::ready(NotifyMode::Auto);
    stage.relay.reloading();
    stage.relay.reloaded();
    assert_eq!(stage.heard(), ["RELOADING=1\nMONOTONIC_USEC=", "READY=1"]);
}

#[test]
fn what_systemd_did_not_take_is_told_again() {
    let mut stage = Stage::new(NotifyMode::Relay);
    stage.relay.refresh(&calm());
    while stage.relay.tell("STATUS=full", Weight::Light) {}
    stage.says("READY=1\nWATCHDOG=1\nSTATUS=up");
    assert!(stage.relay.owes());
    assert!(stage.heard().iter().all(|text| !text.contains("READY=1")));
    stage.relay.refresh(&calm());
    assert_eq!(stage.heard(), ["READY=1\nSTATUS=up"]);
    assert!(!stage.relay.owes());
}

#[test]
fn nothing_is_kept_for_a_systemd_that_is_not_there() {
    let mut relay = Relay::between(NotifyMode::Relay, None, None);
    assert_eq!(relay.heard(&Said::read("READY=1\nERRNO=1")), Some(true));
    assert!(!relay.owes());
}

//! Notifications, as systemd gets them.

use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;

use highwater_kernel::notify::Inbox;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;

use crate::stage::Plan;

const UNREADY: &str = "highwater: the service has not said that it is ready";

/// A systemd that hears what highwater says.
struct Systemd(Inbox);

impl Systemd {
    /// The next message, without the time in it.
    fn hears(&self) -> String {
        loop {
            if let Some(message) = self.0.receive().unwrap() {
                let text = message.text;
                let untimed = text.split_once("MONOTONIC_USEC=").map(|(before, _)| before.to_owned());
                return untimed.unwrap_or_else(|| text.split(" since ").next().unwrap().to_owned());
            }
            let ready = poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], 60_000_u16).unwrap();
            assert_eq!(ready, 1, "systemd hears nothing any more");
        }
    }

    /// Passes over everything until a message that contains that.
    fn hears_at_last(&self, text: &str) {
        while !self.hears().contains(text) {}
    }
}

fn plan(policy: &str, says: &str) -> (Plan, Systemd) {
    let plan = Plan::new(policy, "notifier").env("SAYS", says);
    let systemd = Inbox::make(&plan.path().join("systemd")).unwrap();
    let plan = plan.env("NOTIFY_SOCKET", systemd.path());
    (plan, Systemd(systemd))
}

#[test]
fn systemd_hears_a_whole_life_in_order() {
    let says = "STATUS=warming up|MAINPID=1|FDSTORE=1\nREADY=1|STATUS=serving|ERRNO=0\nSTOPPING=1";
    let (mut plan, systemd) = plan("service.notify = 'relay'", says);
    let highwater = plan.start();
    assert_eq!(systemd.hears(), format!("STATUS={UNREADY}"));
    assert_eq!(systemd.hears(), format!("STATUS=warming up; {UNREADY}"));
    assert_eq!(systemd.hears(), "READY=1\nERRNO=0\nSTATUS=serving");
    assert_eq!(
        systemd.hears(),
        format!("STATUS=serving; {UNREADY}"),
        "it stops by itself, which is not the unit's end"
    );
    highwater.send(Signal::SIGHUP);
    assert_eq!(systemd.hears(), "RELOADING=1\n");
    assert_eq!(systemd.hears(), "READY=1");
    highwater.send(Signal::SIGTERM);
    assert_eq!(systemd.hears(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000");
}

#[test]
fn strangers_are_not_the_service() {
    let (mut plan, systemd) = plan("service.notify = 'relay'", "STATUS=own");
    let highwater = plan.start();
    systemd.hears_at_last("STATUS=own");
    let inbox = plan.path().join("run/notify.sock");
    UnixDatagram::unbound().unwrap().send_to(b"READY=1\nSTATUS=not mine", inbox).unwrap();
    // The next that systemd hears is about the stop: what came before it was passed over.
    highwater.send(Signal::SIGTERM);
    assert!(systemd.hears().starts_with("STOPPING=1\n"));
}

#[test]
fn a_silent_service_is_ready_when_it_runs_and_spoken_for() {
    let (plan, systemd) = plan("", "STATUS=hello");
    let mut plan = plan.env("WATCHDOG_USEC", "200000");
    let _highwater = plan.start();
    systemd.hears_at_last("READY=1\n");
    // Signs of life come all the time, the word of the service whenever it has got so far.
    let (mut alive, mut has_said_hello) = (0, false);
    while alive < 3 || !has_said_hello {
        let told = systemd.hears();
        alive += u32::from(told == "WATCHDOG=1");
        has_said_hello |= told == "STATUS=hello";
        assert!(alive < 1_000, "the service was not spoken for");
    }
}

#[test]
fn without_systemd_the_service_is_asked_all_the_same_if_the_policy_says_so() {
    let mut plan = Plan::new("service.notify = 'relay'", "notifier").env("SAYS", "READY=1");
    let mut highwater = plan.start();
    highwater.until("service.started");
    assert!(plan.path().join("run/notify.sock").exists());
}

#[test]
fn a_restart_is_over_when_the_next_generation_is_ready() {
    let policy = r#"
        service.notify = "relay"
        trigger.always.usage = { above = "1B", for = "5s" }
        [[step]]
        name = "again"
        restart = { budget = { times = 1, within = "1h" }, backoff = "1ms..2ms" }
        [incident]
        resolve-after = "1h"
    "#;
    let (mut plan, systemd) = plan(policy, "READY=1|STATUS=up");
    let mut highwater = plan.start();
    systemd.hears_at_last("READY=1\n");
    systemd.hears_at_last("STATUS=up; highwater: restarting, step 1 of 1");
    systemd.hears_at_last("STATUS=up");
    highwater.until(r#""event":"service.started","pid""#);
    highwater.until(r#""event":"service.started","pid""#);
    highwater.until(r#""event":"step.finished","step":"again","action":"restart","outcome":"done""#);
}

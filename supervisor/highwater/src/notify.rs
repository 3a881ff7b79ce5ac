//! Between systemd and the service: what either tells the other goes through highwater, which knows more than both.
//!
//! systemd looks after highwater and must not act on what highwater is about to repair. So a service that stops, reloads or
//! starts again is not what the unit does; readiness is told once; and while a dump, a throttle or a restart keeps the
//! service from saying that it is alive, highwater says so in its place.

mod hearing;
mod said;
mod telling;
mod words;

use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use highwater_core::policy::NotifyMode;
use highwater_core::status::{Progress, State, Status};
use highwater_kernel::clock::{self, Rfc3339};
use highwater_kernel::notify::{Inbox, Manager, Weight};
use highwater_kernel::spawn::Spawn;

pub use said::Said;
use telling::{ALIVE, reloading_now};
use words::words;

/// A generation that never says that it is ready is spoken for no longer than this.
const START: Duration = Duration::from_secs(90);

/// What systemd was told, and what the service said.
#[derive(Debug)]
pub struct Relay {
    mode: NotifyMode,
    manager: Option<Manager>,
    /// Where the service sends to, if it may.
    heard_at: Option<PathBuf>,
    inbox: Option<Inbox>,
    /// How often systemd wants to hear that we are alive.
    watchdog: Option<Duration>,
    told: Told,
    service: Service,
    /// What systemd is to hear of what the service said.
    unsaid: Vec<String>,
    /// What highwater does, and since when.
    doing: Option<(String, String)>,
    /// highwater speaks for the service, which cannot just now.
    covers: bool,
}

/// What systemd was told so far.
#[derive(Debug, Default)]
struct Told {
    ready: bool,
    stopping: bool,
    status: String,
}

/// What the present generation of the service said so far.
#[derive(Debug)]
struct Service {
    generation: u32,
    started: Instant,
    ready: bool,
    reloading: bool,
    /// It says by itself that it is alive.
    pings: bool,
    status: Option<String>,
}

impl Relay {
    /// The manager that this process was started by, if it wants to be told anything.
    pub fn new(mode: NotifyMode) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let open = |name: OsString| Manager::at(&name).map_err(|error| tracing::warn!("{error}")).ok();
        let is_ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == *std::process::id().to_string());
        let number = |text: OsString| text.to_str()?.parse().ok().filter(|number| *number > 0);
        let watchdog = variable("WATCHDOG_USEC").filter(|_| is_ours).and_then(number).map(Duration::from_micros);
        Self::between(mode, variable("NOTIFY_SOCKET").and_then(open), watchdog)
    }

    fn between(mode: NotifyMode, manager: Option<Manager>, watchdog: Option<Duration>) -> Self {
        Self {
            mode,
            watchdog: watchdog.filter(|_| manager.is_some()),
            manager,
            heard_at: None,
            inbox: None,
            told: Told::default(),
            service: Service::new(0),
            unsaid: Vec::new(),
            doing: None,
            covers: true,
        }
    }

    /// Whether the service is to be listened to.
    pub fn listens(&self) -> bool {
        match self.mode {
            NotifyMode::Auto => self.manager.is_some(),
            NotifyMode::Relay => true,
            NotifyMode::Off => false,
        }
    }

    /// The service is listened to there.
    pub fn listen_at(&mut self, inbox: Inbox) {
        self.heard_at = Some(inbox.path().into());
        self.inbox = Some(inbox);
    }

    /// What is to be read from now on.
    pub fn take_inbox(&mut self) -> Option<Inbox> {
        self.inbox.take()
    }

    /// Whether the service is ready only when it says so.
    pub fn waits_for_ready(&self) -> bool {
        self.mode == NotifyMode::Relay
    }

    /// Whether anybody listens to us.
    pub fn has_manager(&self) -> bool {
        self.manager.is_some()
    }

    /// Whether systemd did not take something that it must hear.
    pub fn owes(&self) -> bool {
        !self.unsaid.is_empty()
    }

    /// Half of the time after which systemd would take us for dead.
    pub fn beat(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog / 2)
    }

    /// Gives the service what it needs to be heard.
    pub fn equip<'a>(&self, mut command: Spawn<'a>) -> Spawn<'a> {
        let Some(heard_at) = &self.heard_at else { return command };
        command = command.env("NOTIFY_SOCKET", heard_at);
        if let Some(watchdog) = self.watchdog {
            command = command.env("WATCHDOG_USEC", watchdog.as_micros().to_string()).env_pid("WATCHDOG_PID");
        }
        command
    }

    /// Takes descriptors back from systemd that nobody wants any more, and leaves others there for the next supervisor.
    pub fn store<'a>(&self, sockets: impl Iterator<Item = (String, BorrowedFd<'a>)>, unwanted: &[String]) {
        let Some(manager) = &self.manager else { return };
        for name in unwanted {
            self.tell(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), Weight::Heavy);
        }
        for (name, socket) in sockets {
            let stored = manager.hand_over(&format!("FDSTORE=1\nFDPOLL=0\nFDNAME={name}"), socket);
            stored.unwrap_or_else(|error| tracing::warn!("{name} is not kept by systemd: {error}"));
        }
    }

    /// How things stand, whenever that has changed or the service has said something.
    pub fn refresh(&mut self, status: &Status) {
        let mut lines = std::mem::take(&mut self.unsaid);
        if status.generation != self.service.generation {
            self.end_reload(&mut lines);
            self.service = Service::new(status.generation);
        }
        if self.mode != NotifyMode::Relay && status.state == State::Running {
            self.ready(&mut lines);
        }
        self.cover(is_disturbed(status), &mut lines);
        let words = words(status);
        if words.as_deref() != self.doing.as_ref().map(|(words, _)| words.as_str()) {
            let time = Rfc3339(clock::wall()).to_string();
            self.doing = words.map(|words| (words, time[11..19].to_owned()));
        }
        self.send(lines);
    }

    /// Some time has passed.
    pub fn time_to_ping(&self) {
        if self.watchdog.is_some() && self.speaks_for_the_service() {
            self.tell(ALIVE, Weight::Light);
        }
    }

    /// highwater was asked to end, and needs no longer than that for it.
    pub fn stopping(&mut self, within: Duration) {
        if !std::mem::replace(&mut self.told.stopping, true) {
            self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={}", within.as_micros()), Weight::Heavy);
        }
    }

    /// highwater ends.
    pub fn ends(&mut self) {
        if !std::mem::replace(&mut self.told.stopping, true) {
            self.tell("STOPPING=1", Weight::Heavy);
        }
    }

    /// highwater reads its policy again.
    pub fn reloading(&self) {
        if self.told.ready {
            self.tell(&reloading_now(), Weight::Heavy);
        }
    }

    /// It has.
    pub fn reloaded(&self) {
        if self.told.ready && !self.service.reloading {
            self.tell("READY=1", Weight::Heavy);
        }
    }

    fn speaks_for_the_service(&self) -> bool {
        let is_starting = !self.service.ready && self.service.started.elapsed() < START;
        match self.mode {
            NotifyMode::Off => true,
            NotifyMode::Auto => self.covers || !self.service.pings,
            NotifyMode::Relay => self.covers || is_starting,
        }
    }
}

impl Service {
    fn new(generation: u32) -> Self {
        Self { generation, started: Instant::now(), ready: false, reloading: false, pings: false, status: None }
    }
}

/// Whether something goes on that keeps the service from what it does otherwise.
fn is_disturbed(status: &Status) -> bool {
    let acts = status.ladder.iter().any(|rung| rung.progress == Progress::Running);
    acts || status.throttle.is_some() || status.state != State::Running
}

#[cfg(test)]
mod tests;

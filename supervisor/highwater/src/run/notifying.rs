//! What the service tells, and what systemd is told, as far as the loop has to do with it.

use std::time::Duration;

use highwater_core::command::Input;
use highwater_core::policy::{Action, NotifyMode, Policy};
use highwater_core::status::Progress;
use highwater_core::supervisor::Supervisor;
use highwater_kernel::notify::{Inbox, Message};
use tokio::io::Interest;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{spawn_local, yield_now};

use super::event_loop::now;
use super::hands::Hands;
use super::{Failed, Wake};
use crate::notify::{Relay, Said};
use crate::ready::register;
use crate::runtime_dir::RuntimeDir;

/// The service's socket in the runtime directory.
const INBOX: &str = "notify.sock";
/// A stop may take this much longer than its grace period: throttled threads that still sleep, a kill, the last records.
const STOP_MARGIN: Duration = Duration::from_secs(15);
/// A systemd that takes no message is left alone for so long.
const PAUSE: Duration = Duration::from_secs(1);
/// Messages that are taken at once: a service that talks all the time keeps nobody else waiting.
const AT_ONCE: usize = 16;

/// Opens what is needed to listen to the service. One that somebody else started tells whom it was told to.
pub(super) fn relay(mode: NotifyMode, directory: Option<&RuntimeDir>) -> Result<Relay, Failed> {
    let mut relay = Relay::new(mode);
    if !relay.listens() {
        return Ok(relay);
    }
    let inbox = match directory {
        Some(directory) => Inbox::make(&directory.path().join(INBOX)).map_err(|error| error.to_string()),
        None => Err("there is no runtime directory".to_owned()),
    };
    match inbox {
        Ok(inbox) => relay.listen_at(inbox),
        Err(reason) if mode == NotifyMode::Relay => {
            return Err(Failed::own(format!("the service cannot say that it is ready: {reason}")));
        }
        Err(reason) => tracing::warn!("what the service tells systemd is not passed on: {reason}"),
    }
    Ok(relay)
}

impl Hands {
    /// Begins to listen to the service, and to show systemd signs of life.
    pub fn begin_to_relay(&mut self) {
        if let Some(inbox) = self.relay.take_inbox()
            && let Err(error) = listen(inbox, self.wake.clone())
        {
            tracing::error!("the service cannot be listened to: {error}");
        }
        self.show_life();
    }

    /// Shows systemd a sign of life if it is ours to show, and again in time.
    pub fn show_life(&self) {
        self.relay.time_to_ping();
        let Some(beat) = self.relay.beat() else { return };
        let wake = self.wake.clone();
        spawn_local(async move {
            tokio::time::sleep(beat).await;
            let _ = wake.send(Wake::Beat);
        });
    }

    /// Somebody sent a notification. It counts if it comes from the service.
    pub fn told(&mut self, message: &Message) -> Option<Input> {
        let service = self.service.as_mut().filter(|service| service.has(message.pid))?;
        let said = Said::read(&message.text);
        if let Some(pid) = said.main_pid.filter(|pid| service.has(*pid)) {
            service.follow(pid);
        }
        self.has_news = true;
        let longer = said.extend_usec.map(|usec| Input::Extended(Duration::from_micros(usec)));
        self.relay.heard(&said).map(Input::Ready).or(longer)
    }

    /// Tells systemd how things stand, if something has happened.
    pub fn refresh_relay(&mut self, core: &Supervisor) {
        if std::mem::take(&mut self.has_news) && self.relay.has_manager() {
            self.relay.refresh(&core.status(now()));
            if self.relay.owes() {
                self.tell_again();
            }
        }
    }

    /// What systemd did not take is told once more a little later.
    fn tell_again(&self) {
        let wake = self.wake.clone();
        spawn_local(async move {
            tokio::time::sleep(PAUSE).await;
            let _ = wake.send(Wake::TellAgain);
        });
    }

    /// Tells systemd that we were asked to end, and how long that may take.
    pub fn tell_of_stop(&mut self, core: &Supervisor) {
        let status = core.status(now());
        let dumps = status.ladder.iter().any(|rung| rung.progress == Progress::Running && rung.action == "dump");
        let within = if dumps { longest_dump(core.policy()) } else { Duration::ZERO };
        self.relay.stopping(core.policy().service.stop_timeout + within + STOP_MARGIN);
    }
}

fn longest_dump(policy: &Policy) -> Duration {
    let recipes = policy.steps.iter().flat_map(|step| match &step.action {
        Action::Dump(dump) => dump.recipes.as_slice(),
        _ => &[],
    });
    recipes.map(|recipe| recipe.within).max().unwrap_or_default()
}

/// Passes on what the service says, in order.
fn listen(inbox: Inbox, wake: UnboundedSender<Wake>) -> std::io::Result<()> {
    let ready = register(inbox, Interest::READABLE)?;
    spawn_local(async move {
        while let Ok(mut guard) = ready.readable().await {
            for _ in 0..AT_ONCE {
                match ready.get_ref().receive() {
                    Ok(Some(message)) => drop(wake.send(Wake::Told(message))),
                    Ok(None) => {
                        guard.clear_ready();
                        break;
                    }
                    Err(error) => return tracing::error!("{error}"),
                }
            }
            yield_now().await;
        }
    });
    Ok(())
}

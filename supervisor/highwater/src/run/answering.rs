//! Answers to whoever asks over HTTP, and where they may ask.

use highwater_core::policy::Policy;
use highwater_core::supervisor::Supervisor;

use super::Wake;
use super::attached::Following;
use super::event_loop::now;
use super::hands::Hands;
use super::service::Service;
use crate::serve::{self, Events, Figures, Process, Question, Server, View};

impl Hands {
    /// Begins to answer. A service is looked after also where nobody can ask about it.
    pub fn serve(&mut self) {
        let (directory, state_dir) = (self.runtime_dir.as_ref(), self.state_dir());
        let (server, result) = Server::start(directory, &state_dir, self.around.clone(), self.wake.clone());
        self.server = Some(server);
        if let Err(error) = result {
            self.notice(format!("there is no control socket: {error}"));
        }
    }

    /// Listens where the command line says, or else the policy in force.
    pub(super) fn listen(&mut self, policy: &Policy) {
        let address = self.http.or(policy.http.listen);
        let Some(Err(error)) = self.server.as_mut().map(|server| server.listen(address)) else { return };
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        self.notice(format!("nobody can ask at {address}: {error}"));
    }

    /// Answers a question.
    pub fn answer(&mut self, core: &mut Supervisor, question: Question) {
        match question {
            // Whoever asked may have gone meanwhile.
            Question::View(answer) => drop(answer.send(Box::new(self.view(core)))),
            Question::Wish { wish, by, answer } => drop(answer.send(core.by_hand(now(), wish, &by))),
        }
    }

    fn view(&self, core: &Supervisor) -> View {
        View {
            running: true,
            name: self.around.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            state_dir: self.state_dir(),
            policy: self.policy_file.as_ref().map_or_else(|| "default".into(), |file| file.display().to_string()),
            service: self.service.as_ref().map(|service| self.process(service)),
            status: core.status(now()),
            figures: self.service.as_ref().and_then(figures),
            incidents: self.tally.incidents,
            abilities: self.host.abilities,
            tally: self.tally.clone(),
        }
    }

    fn process(&self, service: &Service) -> Process {
        Process { pid: service.main.pid(), program: self.program(), cgroup: service.cgroup() }
    }

    fn program(&self) -> String {
        let attached = || self.following.as_ref().map(Following::text);
        let started = self.argv.first().map(|word| word.to_string_lossy().into_owned());
        started.or_else(attached).unwrap_or_default()
    }

    fn state_dir(&self) -> std::path::PathBuf {
        self.around.evidence.parent().map(Into::into).unwrap_or_default()
    }

    fn notice(&self, reason: String) {
        let _ = self.wake.send(Wake::Note(reason));
    }
}

/// Read for whoever asks; the core is not told.
fn figures(service: &Service) -> Option<Figures> {
    let usage = service.meter.usage().ok()?;
    let events = service.counters();
    Some(Figures {
        current: usage.current,
        working_set: usage.working_set(),
        anon: usage.anon,
        peak: service.peak(),
        high: usage.high.bytes(),
        max: usage.max,
        events: events.map(|events| Events {
            high: events.high,
            max: events.max,
            oom: events.oom,
            oom_kill: events.oom_kill,
        }),
        pressure: service.pressure().as_ref().and_then(serve::Pressure::of),
    })
}

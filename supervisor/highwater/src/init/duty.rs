//! What the init does from its start to the end of the machine.

use std::time::{Duration, Instant};

use highwater_core::signal::Signal;
use highwater_kernel::Pid;
use highwater_kernel::pidfd::Exit;
use highwater_kernel::reap::reap_orphans;

use super::child::Child;
use super::down::{self, Way};
use super::signals::{Asked, Signals};
use super::{home, say};
use crate::cli::{self, WhenOver};

/// What sets the machine up may take so long: then the rest is started all the same, for a board is to be reached.
const SETUP_TIME: Duration = Duration::from_secs(60);
/// A board that reboots for good is reachable for so long each time.
const BEFORE_REBOOT: Duration = Duration::from_secs(30);

/// The children of the init, and what it was told.
#[derive(Debug)]
pub struct Duty {
    arguments: cli::Init,
    signals: Signals,
    setup: Option<Child>,
    setup_until: Instant,
    supervisor: Option<Child>,
    also: Vec<Child>,
    /// The service is over: the machine goes down that way, then.
    end: Option<(Way, Instant)>,
    /// The machine is on its way down.
    going_down: Option<Way>,
}

impl Duty {
    /// Nothing is started yet.
    pub fn new(arguments: cli::Init, signals: Signals) -> Self {
        let setup = arguments.setup.clone().map(Child::due_now);
        let setup_until = Instant::now() + SETUP_TIME;
        Self { arguments, signals, setup, setup_until, supervisor: None, also: Vec::new(), end: None, going_down: None }
    }

    /// Goes on until the machine is down.
    pub fn go_on(&mut self) -> ! {
        loop {
            if let Some(way) = self.going_down {
                self.go_down(way);
            }
            self.start_what_is_due();
            match self.signals.next(self.due()) {
                Some(Asked::Reap) => self.reap(),
                Some(Asked::Reload) => self.reload(),
                Some(Asked::Down { way, signal, sender }) => {
                    say(format_args!("{signal} from process {sender}: going to {way}"));
                    self.going_down = Some(way);
                }
                None => {}
            }
        }
    }

    fn start_what_is_due(&mut self) {
        if let Some((way, at)) = self.end
            && at <= Instant::now()
        {
            self.going_down = Some(way);
            return;
        }
        if let Some(setup) = &mut self.setup {
            setup.start_if_due();
            let is_over = setup.pid().is_none();
            if !is_over && Instant::now() < self.setup_until {
                return;
            }
            if !is_over {
                say(format_args!("{} takes more than a minute: going on without it", setup.name()));
            }
            self.setup = None;
        }
        if self.supervisor.is_none() {
            self.also = self.arguments.also.iter().cloned().map(Child::due_now).collect();
            self.supervisor = Some(Child::due_now(home::supervisor(&self.arguments)));
        }
        self.children().for_each(Child::start_if_due);
    }

    fn due(&self) -> Option<Instant> {
        let children = self.also.iter().chain(&self.supervisor).filter_map(Child::due);
        let setup = self.setup.as_ref().map(|_| self.setup_until);
        children.chain(setup).chain(self.end.map(|(_, at)| at)).min()
    }

    fn children(&mut self) -> impl Iterator<Item = &mut Child> {
        self.also.iter_mut().chain(&mut self.supervisor)
    }

    fn reload(&self) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.signal(Signal::HUP);
        }
    }

    /// Collects what has ended: ours first, whose statuses count, then strangers.
    fn reap(&mut self) {
        loop {
            if let Some(exit) = self.setup.as_mut().and_then(Child::collect)
                && exit != Exit::Code(0)
            {
                say(format_args!("the set-up ended with {}: going on", exit.shell_code()));
            }
            for child in &mut self.also {
                if child.collect().is_some() {
                    child.start_later();
                }
            }
            if let Some(exit) = self.supervisor.as_mut().and_then(Child::collect) {
                self.supervisor_ended(exit);
            }
            let known: Vec<Pid> = self.children().filter_map(|child| child.pid()).collect();
            let known: Vec<Pid> = known.into_iter().chain(self.setup.as_ref().and_then(Child::pid)).collect();
            // One of ours that ended meanwhile hides what is behind it.
            if reap_orphans(&known).map_or(true, |reaped| reaped.waiting.is_none()) {
                return;
            }
        }
    }

    /// A supervisor only dies of a signal by a mistake, or by somebody's hand: the next one cleans up after it.
    fn supervisor_ended(&mut self, exit: Exit) {
        let Some(supervisor) = &mut self.supervisor else { return };
        match exit {
            Exit::Signal { number, .. } if self.going_down.is_none() => {
                say(format_args!("the supervisor was killed by signal {number}: starting it again"));
                supervisor.start_later();
            }
            Exit::Signal { .. } => {}
            Exit::Code(code) => self.over(code),
        }
    }

    fn over(&mut self, code: i32) {
        if self.going_down.is_some() {
            return;
        }
        let why = match code {
            2 => "the policy does not check, or the service ended with 2".into(),
            75 => "its restart budget is spent".into(),
            125 => "highwater could not run it".into(),
            126 | 127 => "its command cannot be run".into(),
            code => format!("it ended with {code}"),
        };
        let way = match self.arguments.when_over {
            WhenOver::Wait => {
                return say(format_args!("the service is over: {why}. Waiting: TERM reboots, USR2 powers off"));
            }
            WhenOver::Reboot => Way::Reboot,
            WhenOver::Poweroff => Way::Poweroff,
            WhenOver::Halt => Way::Halt,
        };
        let wait = if way == Way::Reboot { BEFORE_REBOOT } else { Duration::ZERO };
        say(format_args!("the service is over: {why}. Going to {way} in {} s", wait.as_secs()));
        self.end = Some((way, Instant::now() + wait));
    }

    /// Stops the service gracefully, then everything else, and the machine.
    fn go_down(&mut self, way: Way) -> ! {
        self.also.iter_mut().for_each(Child::leave);
        if let Some(supervisor) = &mut self.supervisor {
            supervisor.leave();
        }
        self.stop_service();
        down::end_everybody(&self.signals);
        down::bring_down(way)
    }

    fn stop_service(&mut self) {
        let term = |duty: &Self| duty.supervisor.iter().for_each(|supervisor| supervisor.signal(Signal::TERM));
        term(self);
        let mut until = Instant::now() + down::patience(self.arguments.policy.as_deref());
        while self.supervisor.as_ref().is_some_and(|supervisor| supervisor.pid().is_some()) {
            match self.signals.next(Some(until)) {
                Some(Asked::Reap) => self.reap(),
                Some(Asked::Down { signal, .. }) => {
                    say(format_args!("{signal} again: stopping the service at once"));
                    term(self);
                    until = until.min(Instant::now() + down::AT_ONCE);
                }
                Some(Asked::Reload) => {}
                None => return say(format_args!("the supervisor does not end: going on without it")),
            }
        }
    }
}

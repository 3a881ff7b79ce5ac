//! The loop: whatever happens becomes an input with a moment, and the core's commands are carried out in order.

use std::collections::VecDeque;

use highwater_core::command::{Ending, Input};
use highwater_core::record::{Event, Record};
use highwater_core::supervisor::Supervisor;
use highwater_core::time::Instant;
use highwater_kernel::clock;
use highwater_kernel::reap::reap_orphans;
use tokio::sync::mpsc::UnboundedReceiver;

use super::Wake;
use super::hands::Hands;
use super::sleep::Sleep;

/// Runs the core until the service is over.
pub async fn event_loop(mut core: Supervisor, mut hands: Hands, mut wakes: UnboundedReceiver<Wake>) -> Ending {
    hands.serve();
    core.start(now());
    hands.work_off_outbox();
    hands.begin_to_relay();
    let mut sleep = Sleep::begin();
    loop {
        if let Some(asleep) = sleep.since_last() {
            core.handle(now(), Input::Slept(asleep));
        }
        let ending = carry_out(&mut core, &mut hands);
        hands.records.begin();
        hands.refresh_relay(&core);
        if let Some(ending) = ending {
            hands.relay.ends();
            finish_copies(&hands, &mut wakes).await;
            hands.last_words();
            hands.let_go().await;
            hands.farewell();
            hands.journal.close();
            return ending;
        }
        tokio::select! {
            biased;
            wake = wakes.recv() => match wake {
                Some(wake) => woken(&mut core, &mut hands, wake),
                None => unreachable!("the loop holds a sender itself"),
            },
            () = until(core.poll_timeout().map(|(at, _)| at)) => core.handle_timeout(now()),
        }
    }
}

/// The service is over, but a dump of it may still be on its way to where it is kept. Whoever cannot wait asks again.
async fn finish_copies(hands: &Hands, wakes: &mut UnboundedReceiver<Wake>) {
    while hands.around.copying.get() > 0 {
        match wakes.recv().await {
            Some(Wake::Stop(reason)) => return tracing::warn!("a dump is left where it is: {reason}"),
            Some(Wake::Finished(_, Err(error))) => tracing::warn!("a complete dump could not be kept: {error}"),
            Some(_) => {}
            None => return,
        }
    }
}

/// Now, on the clock of the core.
pub fn now() -> Instant {
    Instant::from_nanos(clock::monotonic_ns())
}

/// Carries out every command, and feeds back what is known at once, until there is nothing left to do.
fn carry_out(core: &mut Supervisor, hands: &mut Hands) -> Option<Ending> {
    let mut answers: VecDeque<Input> = VecDeque::new();
    loop {
        // What the next supervisor must know is kept before the journal tells of it.
        hands.keep_state(core);
        while let Some(command) = core.poll_command() {
            match hands.carry_out(core, command) {
                Ok(answer) => answers.extend(answer),
                Err(ending) => return Some(ending),
            }
        }
        let input = answers.pop_front()?;
        core.handle(now(), input);
    }
}

fn woken(core: &mut Supervisor, hands: &mut Hands, wake: Wake) {
    match wake {
        Wake::Input(generation, input) if generation == core.generation() => core.handle(now(), input),
        Wake::Found(generation, found) if generation == core.generation() => {
            tell(core, hands.found(core.policy(), generation, &found));
        }
        Wake::Input(..) | Wake::Found(..) => {}
        Wake::MainExited(generation) if hands.is_attached() => tell(core, hands.lost(generation)),
        Wake::Lost(generation, end) => tell(core, hands.forget(generation, end)),
        Wake::MainExited(generation) => main_exited(core, hands, generation),
        Wake::LimitsChanged(generation) => {
            let usage = hands.service_mut(generation).and_then(|service| service.meter.usage().ok());
            tell(core, usage.map(Input::Usage));
        }
        Wake::Empty(generation) => emptied(core, hands, generation),
        Wake::Finished(task, result) => {
            // The record of its end is to have the figures of that moment.
            tell(core, hands.read_usage());
            tell(core, [hands.finished(task, result)]);
            reap(hands);
        }
        Wake::Partial { incident, step, evidence } => hands.kept_partial(&incident, &step, &evidence),
        Wake::Looked { moment, incident, snapshot } => hands.looked(moment, incident.as_deref(), *snapshot),
        Wake::Written(is_kept) => hands.written(is_kept),
        Wake::Analysed { incident, analysis } => hands.analysed(incident, analysis),
        Wake::Delivered(line) => hands.delivered(&line),
        Wake::WorkOffOutbox => hands.work_off_outbox(),
        Wake::OutboxWaits(wait) => hands.wait_for_outbox(wait),
        Wake::Told(message) => {
            tell(core, hands.told(&message));
        }
        Wake::Beat => hands.show_life(),
        Wake::TellAgain => hands.has_news = true,
        Wake::Asked(question) => hands.answer(core, question),
        Wake::Note(reason) => core.handle(now(), Input::Note(Event::Notice { reason })),
        Wake::Child => {
            hands.mind_guard();
            reap(hands);
            emptied(core, hands, core.generation());
        }
        Wake::Stop(reason) => {
            hands.tell_of_stop(core);
            core.handle(now(), Input::Stop { reason });
        }
        Wake::Forward(signal) => {
            if hands.may_forward(signal) {
                core.handle(now(), Input::Forward(signal));
            }
        }
        Wake::Reload => {
            hands.relay.reloading();
            let input = hands.reload();
            core.handle(now(), input);
            hands.relay.reloaded();
        }
    }
}

fn tell(core: &mut Supervisor, inputs: impl IntoIterator<Item = Input>) {
    inputs.into_iter().for_each(|input| core.handle(now(), input));
}

fn main_exited(core: &mut Supervisor, hands: &mut Hands, generation: u32) {
    let ended = hands.service_mut(generation).and_then(|service| {
        let exit = service.collect()?;
        Some((exit, service.is_populated()))
    });
    reap(hands);
    if let Some((exit, populated)) = ended {
        core.handle(now(), Input::Exited { exit, populated });
        emptied(core, hands, generation);
    }
}

/// Tells the core when the main process has ended and nobody is left.
fn emptied(core: &mut Supervisor, hands: &mut Hands, generation: u32) {
    let Some(service) = hands.service_mut(generation).filter(|service| service.exit.is_some()) else { return };
    if service.is_populated() {
        return;
    }
    let input = Input::Emptied { counters: service.counters(), peak: service.peak() };
    hands.bury(generation);
    core.handle(now(), input);
}

/// Collects strangers. The kernel shows one ended child at a time, so it is called again whenever one of ours has been
/// collected.
fn reap(hands: &Hands) {
    if let Err(error) = reap_orphans(&hands.known()) {
        tracing::warn!("{error}");
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep(moment.since(now())).await,
        None => std::future::pending().await,
    }
}

/// Writes a record of the binary's own, before the core runs.
pub fn note(hands: &mut Hands, reason: String) {
    let event = Event::Notice { reason };
    hands.record(&Record { at: now(), generation: 0, incident: None, event });
}

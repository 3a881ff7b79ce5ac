//! What Prometheus is told. Names and units are by its conventions; figures are those of the moment it asks.

use std::time::Duration;

use highwater_core::ability::Ability;
use highwater_core::reading::Cause;
use highwater_core::status::{Progress, State};

use super::exposition::Kind::{Counter, Gauge, Info};
use super::exposition::{Exposition, Form, Seconds};
use super::own::Own;
use super::view::{Figures, View};

const STATES: [State; 5] = [State::Starting, State::Running, State::Stopping, State::Waiting, State::Ended];

const CAUSES: [Cause; 6] =
    [Cause::Asked, Cause::OwnLimit, Cause::OuterLimit, Cause::Crash, Cause::Finished, Cause::Unknown];
/// How steps end.
const OUTCOMES: [&str; 5] = ["done", "failed", "timed-out", "cancelled", "skipped"];

/// Everything as one text. `unix_time` is now.
pub fn text(view: &View, unix_time: Duration, form: Form) -> String {
    let mut all = Exposition::new(form);
    about(&mut all, view);
    service(&mut all, view, unix_time);
    if let Some(figures) = &view.figures {
        memory(&mut all, figures);
    }
    triggers(&mut all, view);
    ladder(&mut all, view);
    evidence(&mut all, view);
    if let Some(own) = Own::read() {
        process(&mut all, &own);
    }
    all.finish()
}

fn about(all: &mut Exposition, view: &View) {
    all.family(Info, "highwater_build", "The program and the name of the supervisor.")
        .sample(&[("version", view.version), ("name", &view.name)], 1);
    let mut abilities = all.family(Gauge, "highwater_ability", "Whether this host allows it.");
    for ability in Ability::ALL {
        abilities.sample(&[("ability", ability.name())], u8::from(view.abilities.has(ability)));
    }
}

fn service(all: &mut Exposition, view: &View, unix_time: Duration) {
    let status = &view.status;
    let mut state = all.family(Gauge, "highwater_service_state", "1 for what the service is doing.");
    for one in STATES {
        state.sample(&[("state", one.name())], u8::from(one == status.state));
    }
    all.family(Gauge, "highwater_ready", "Whether load should come to the service.")
        .is(u8::from(status.readiness.ready));
    all.family(Gauge, "highwater_service_generation", "Its life, counted from 1.").is(status.generation);
    let born = unix_time.saturating_sub(Duration::from_millis(status.age_ms)).as_secs();
    all.family(Gauge, "highwater_service_start_time_seconds", "When this life began, as Unix time.").is(born);
    all.family(Counter, "highwater_service_restarts", "Lives after the first.").is(status.generation.saturating_sub(1));
    let mut exits = all.family(Counter, "highwater_service_exits", "Ends of the service by what ended it.");
    for cause in CAUSES.map(Cause::name) {
        exits.sample(&[("cause", cause)], view.tally.exits.get(cause).unwrap_or(&0));
    }
    all.family(Gauge, "highwater_restart_budget", "Restarts allowed within the window of the policy.")
        .is(status.budget.times);
    all.family(Gauge, "highwater_restart_budget_left", "Restarts left; one more ends highwater.")
        .is(status.budget.left);
}

fn memory(all: &mut Exposition, figures: &Figures) {
    let mut gauge = |name: &str, help: &str, value: Option<u64>| {
        if let Some(value) = value {
            all.family(Gauge, &format!("highwater_memory_{name}_bytes"), help).is(value);
        }
    };
    gauge("current", "memory.current of the service.", Some(figures.current));
    gauge("working_set", "Usage less inactive page cache, as the kubelet counts it.", Some(figures.working_set));
    gauge("anon", "Anonymous memory.", Some(figures.anon));
    gauge("peak", "Highest memory.current of this life.", figures.peak);
    gauge("limit", "The effective memory.max: the smallest of the service and everything above it.", Some(figures.max));
    gauge("high", "memory.high, where there is one: a tripwire, or a throttle.", figures.high);
    if let Some(events) = figures.events {
        all.family(Counter, "highwater_memory_events", "memory.events of this life.")
            .sample(&[("event", "high")], events.high)
            .sample(&[("event", "max")], events.max)
            .sample(&[("event", "oom")], events.oom)
            .sample(&[("event", "oom_kill")], events.oom_kill);
    }
    if let Some(pressure) = figures.pressure {
        let seconds = |micros: u64| Seconds(Duration::from_micros(micros));
        all.family(Counter, "highwater_memory_pressure_waiting_seconds", "Time some task stood still for memory.")
            .is(seconds(pressure.some.total_us));
        all.family(Counter, "highwater_memory_pressure_stalled_seconds", "Time no task got on for want of memory.")
            .is(seconds(pressure.full.total_us));
    }
}

fn triggers(all: &mut Exposition, view: &View) {
    let mut firing = all.family(Gauge, "highwater_trigger_firing", "Whether the trigger is firing.");
    for trigger in &view.status.triggers {
        firing.sample(&[("trigger", &trigger.name)], u8::from(trigger.firing));
    }
    let mut fired = all.family(Counter, "highwater_trigger_fired", "How often the trigger fired.");
    for trigger in &view.status.triggers {
        let count = view.tally.fired.get(&trigger.name).copied().unwrap_or(0);
        fired.sample(&[("trigger", &trigger.name)], count);
    }
}

fn ladder(all: &mut Exposition, view: &View) {
    let status = &view.status;
    all.family(Gauge, "highwater_incident_open", "Whether an incident is open.")
        .is(u8::from(status.incident.is_some()));
    all.family(Counter, "highwater_incidents", "Incidents that opened.").is(view.tally.incidents);
    let mut running = all.family(Gauge, "highwater_step_running", "Whether the step of the ladder runs.");
    for rung in &status.ladder {
        let labels = [("step", &*rung.name), ("action", rung.action)];
        running.sample(&labels, u8::from(rung.progress == Progress::Running));
    }
    let mut steps = all.family(Counter, "highwater_steps", "Steps of the ladder by how they ended.");
    for rung in &status.ladder {
        for outcome in OUTCOMES {
            let key = (rung.name.clone(), rung.action, outcome);
            let labels = [("step", &*rung.name), ("action", rung.action), ("outcome", outcome)];
            steps.sample(&labels, view.tally.steps.get(&key).unwrap_or(&0));
        }
    }
    let throttled = status.throttle.as_ref();
    all.family(Gauge, "highwater_throttled", "Whether a throttle is in force.").is(u8::from(throttled.is_some()));
    let millis = view.tally.throttled_ms + throttled.map_or(0, |throttle| throttle.for_ms);
    all.family(Counter, "highwater_throttled_seconds", "Time under a throttle.")
        .is(Seconds(Duration::from_millis(millis)));
}

fn evidence(all: &mut Exposition, view: &View) {
    all.family(Counter, "highwater_evidence_bytes", "What steps left behind.").is(view.tally.evidence_bytes);
    if view.tally.deliveries.is_empty() {
        return;
    }
    let mut deliveries = all.family(Counter, "highwater_deliveries", "What was sent off the machine, by how it ended.");
    for ((action, outcome), count) in &view.tally.deliveries {
        deliveries.sample(&[("action", action), ("outcome", outcome)], count);
    }
}

/// highwater itself, by the names every program has.
fn process(all: &mut Exposition, own: &Own) {
    all.family(Gauge, "process_resident_memory_bytes", "Resident memory of highwater itself.").is(own.resident);
    all.family(Counter, "process_cpu_seconds", "CPU time of highwater itself.").is(Seconds(own.cpu));
}

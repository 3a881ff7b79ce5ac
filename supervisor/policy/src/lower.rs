//! From the tables of the language to the plain model of the core.

use highwater_core::amount::Amount;
use highwater_core::policy::{
    Action, Baseline, Condition, Destination, Dump, DumpSource, Evidence, Http, Journal, Memory, Policy, Receiver,
    Recipe, Restart, Series, Service, Socket, Step, Times, Trigger,
};

use crate::collections::Entry;
use crate::language;
use crate::text::amount::{Max, Tripwire};
use crate::text::argv::Argv;

/// The policy; `None` when some part of it is wrong, which has been noted then.
pub(crate) fn policy(document: &language::Document) -> Option<Policy> {
    let triggers = &document.trigger.value.as_ref()?.0;
    let names: Vec<&str> = triggers.iter().map(|entry| entry.name.as_str()).collect();
    let steps = &document.step.value.as_ref()?.0;
    Some(Policy {
        service: service(document.service.value.as_ref()?)?,
        memory: memory(document.memory.value.as_ref()?)?,
        triggers: triggers.iter().map(trigger).collect::<Option<_>>()?,
        steps: steps.iter().map(|one| step(one.as_ref()?, &names)).collect::<Option<_>>()?,
        resolve_after: document.incident.value.as_ref()?.resolve_after.value?.0,
        evidence: evidence(document.evidence.value.as_ref()?)?,
        sockets: document.socket.value.as_ref()?.0.iter().map(|one| socket(one.as_ref()?)).collect::<Option<_>>()?,
        http: Http { listen: document.http.value.as_ref()?.listen.value.map(|listen| listen.0) },
        journal: Journal { max_bytes: document.journal.value.as_ref()?.max_bytes.value?.0 },
    })
}

fn service(service: &language::Service) -> Option<Service> {
    Some(Service {
        stop_signal: service.stop_signal.value?.0,
        stop_timeout: service.stop_timeout.value?,
        restart: service.restart.value?,
        env: service.env.value.as_ref()?.0.clone(),
        notify: service.notify.value?,
    })
}

fn memory(memory: &language::Memory) -> Option<Memory> {
    Some(Memory {
        max: match memory.max.value {
            Some(Max::Bytes(bytes)) => Some(bytes),
            Some(Max::None) | None => None,
        },
        reserve: memory.reserve.value.map(|size| size.0),
        tripwire: match memory.tripwire.value? {
            Tripwire::At(amount) => Some(amount),
            Tripwire::Off => None,
        },
        hold: memory.hold.value? == language::Hold::Auto,
    })
}

fn trigger(entry: &Entry<language::Trigger>) -> Option<Trigger> {
    let trigger = entry.value.as_ref()?;
    let condition = None
        .or_else(|| Some(Condition::MemoryEvent { counter: trigger.memory_event.value.as_ref()?.counter.value? }))
        .or_else(|| trigger.pressure.value.as_ref().and_then(pressure))
        .or_else(|| trigger.usage.value.as_ref().and_then(usage))
        .or_else(|| trigger.exhaustion.value.as_ref().and_then(exhaustion))?;
    Some(Trigger { name: entry.name.clone(), condition })
}

fn pressure(pressure: &language::Pressure) -> Option<Condition> {
    Some(Condition::Pressure {
        line: pressure.line.value?,
        stall: pressure.stall.value?.0,
        window: pressure.window.value?.0,
    })
}

fn usage(usage: &language::Usage) -> Option<Condition> {
    Some(Condition::Usage { of: usage.of.value?, above: usage.above.value?, lasting: usage.lasting.value? })
}

fn exhaustion(exhaustion: &language::Exhaustion) -> Option<Condition> {
    Some(Condition::Exhaustion { within: exhaustion.within.value?.0, over: exhaustion.over.value?.0 })
}

fn step(step: &language::Step, triggers: &[&str]) -> Option<Step> {
    let on = match &step.on.value {
        Some(names) => names.0.iter().map(|(name, _)| triggers.iter().position(|known| known == name)).collect(),
        None => Some((0..triggers.len()).collect()),
    };
    let repeat = match &step.repeat.value {
        Some(repeat) => Some(Times { times: repeat.times.value?.0, within: repeat.within.value?.0 }),
        None => None,
    };
    Some(Step {
        name: step.name.value.as_ref()?.0.clone(),
        after: step.after.value?,
        on: on?,
        repeat,
        action: action(step)?,
    })
}

/// The one action of the step.
fn action(step: &language::Step) -> Option<Action> {
    None.or_else(|| step.dump.value.as_ref().and_then(dump).map(Action::Dump))
        .or_else(|| step.throttle.value.as_ref().and_then(throttle))
        .or_else(|| step.restart.value.as_ref().and_then(restart).map(Action::Restart))
        .or_else(|| Some(Action::Signal { send: step.signal.value.as_ref()?.send.value?.0 }))
        .or_else(|| step.command.value.as_ref().and_then(command))
        .or_else(|| step.http.value.as_ref().and_then(http))
        .or_else(|| Some(Action::Reclaim { amount: step.reclaim.value.as_ref()?.amount.value? }))
        .or_else(|| Some(Action::Shed { lasting: step.shed.value.as_ref()?.lasting.value?.0 }))
        .or_else(|| step.shrink.value.as_ref().map(|_| Action::Shrink))
        .or_else(|| step.kill.value.as_ref().map(|_| Action::Kill))
        .or_else(|| step.upload.value.as_ref().and_then(upload))
        .or_else(|| step.notify.value.as_ref().and_then(notify))
}

/// The recipe a table states, from the first source that is there.
macro_rules! recipe {
    ($dump:expr) => {{
        let dump = $dump;
        let signal = || {
            let file = dump.file.value.as_ref()?.0.clone();
            Some(DumpSource::Signal { signal: dump.signal.value?.0, file })
        };
        let source = signal()
            .or_else(|| Some(DumpSource::Http { url: dump.http.value.as_ref()?.0.clone() }))
            .or_else(|| Some(DumpSource::Command { run: argv(dump.command.value.as_ref()?) }))
            .or_else(|| dump.jvm.value.map(DumpSource::Jvm))
            .or_else(|| dump.go.value.map(|language::GoDump::Heap| DumpSource::GoHeap))
            .or_else(|| dump.python.value.map(|language::PythonDump::Stacks| DumpSource::PythonStacks))
            .or_else(|| dump.core.value.map(|language::CoreDump::Gcore| DumpSource::Core))?;
        Recipe { source, within: dump.within.value?.0, needs: dump.needs.value.map(|size| size.0) }
    }};
}

fn dump(dump: &language::Dump) -> Option<Dump> {
    let first = recipe!(dump);
    let cheaper = dump.fallback.value.as_ref()?.0.iter().map(|fallback| cheaper(fallback.as_ref()?));
    let recipes = std::iter::once(Some(first)).chain(cheaper).collect::<Option<_>>()?;
    Some(Dump { recipes, keep: dump.keep.value?.0 as usize })
}

fn cheaper(fallback: &language::Fallback) -> Option<Recipe> {
    Some(recipe!(fallback))
}

fn evidence(evidence: &language::Evidence) -> Option<Evidence> {
    let baseline = match &evidence.baseline.value {
        Some(baseline) => Some(Baseline { after: baseline.after.value?.0, every: baseline.every.value?.0 }),
        None => None,
    };
    let series = match &evidence.series.value {
        Some(series) => Some(Series { every: series.every.value?.0, keep: series.keep.value?.0 as usize }),
        None => None,
    };
    Some(Evidence {
        max_bytes: evidence.max_bytes.value?.0,
        max_count: evidence.max_count.value?.0 as usize,
        min_free: evidence.min_free.value?.0,
        baseline,
        series,
    })
}

fn socket(socket: &language::Socket) -> Option<Socket> {
    let listen = socket.listen.value.as_ref()?.0.clone();
    let name = socket.name.value.as_ref().map_or_else(|| listen.usual_name(), |name| name.0.clone());
    Some(Socket { name, backlog: socket.backlog.value?.0, listen })
}

fn upload(upload: &language::Upload) -> Option<Action> {
    let put = || {
        let url = upload.http_put.value.as_ref()?.0.clone();
        Some(Destination::HttpPut { url, token_file: upload.token_file.value.as_ref().map(|path| path.0.clone()) })
    };
    let to = None
        .or_else(|| Some(Destination::Command { run: argv(upload.command.value.as_ref()?) }))
        .or_else(put)
        .or_else(|| upload.s3.value.as_ref().and_then(s3))?;
    Some(Action::Upload { to, patience: upload.give_up_after.value?.0 })
}

fn s3(s3: &language::S3) -> Option<Destination> {
    Some(Destination::S3 {
        endpoint: s3.endpoint.value.as_ref()?.0.clone(),
        bucket: s3.bucket.value.as_ref()?.0.clone(),
        prefix: s3.prefix.value.as_ref().map_or(String::new(), |prefix| prefix.0.clone()),
        region: s3.region.value.as_ref()?.0.clone(),
        credentials: s3.credentials.value.as_ref().map(|path| path.0.clone()),
    })
}

fn notify(notify: &language::Notify) -> Option<Action> {
    let whom = None
        .or_else(|| Some(Receiver::Alertmanager { url: notify.alertmanager.value.as_ref()?.0.clone() }))
        .or_else(|| Some(Receiver::Webhook { url: notify.webhook.value.as_ref()?.0.clone() }))?;
    Some(Action::Notify { whom, patience: notify.give_up_after.value?.0 })
}

fn argv(argv: &Argv) -> Vec<String> {
    argv.0.clone()
}

fn throttle(throttle: &language::Throttle) -> Option<Action> {
    let high: Amount = throttle.high.value?;
    Some(Action::Throttle { high, lasting: throttle.lasting.value?.0 })
}

fn restart(restart: &language::Restart) -> Option<Restart> {
    let budget = restart.budget.value.as_ref()?;
    let backoff = restart.backoff.value?;
    Some(Restart {
        budget: Times { times: budget.times.value?.0, within: budget.within.value?.0 },
        backoff: (backoff.shortest, backoff.longest),
        stable_for: restart.stable_for.value?.0,
    })
}

fn command(command: &language::Command) -> Option<Action> {
    Some(Action::Command { run: argv(command.run.value.as_ref()?), within: command.within.value?.0 })
}

fn http(http: &language::Http) -> Option<Action> {
    Some(Action::Http { post: http.post.value.as_ref()?.0.clone(), within: http.within.value?.0 })
}

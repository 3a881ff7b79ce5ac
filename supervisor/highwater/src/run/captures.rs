//! Captures: dumps by their recipes, what is left of one that was given up, and looks from outside.

use std::path::Path;

use highwater_core::command::{Finished, Input, Moment, Task};
use highwater_core::policy::{Action, DumpSource, Policy, Recipe};
use highwater_core::reading::Runtime;
use highwater_core::record::Evidence;
use highwater_evidence::store::{Offered, Store};
use highwater_kernel::Pid;
use highwater_kernel::process::file_owner;
use highwater_kernel::snapshot::snapshot;
use tokio::task::spawn_local;

use super::Wake;
use super::hands::Hands;
use super::jvm;
use super::outlook;
use super::tasks::Running;
use crate::work::{Outcome, Surroundings, Wanted, dump, evidence, http, offload, offload_deep, outside, program};

impl Hands {
    pub(super) fn begin_dump(&mut self, task: Task, wanted: Wanted, recipe: Recipe, around: Surroundings) {
        let attempt = (!recipe.source.is_outside()).then(|| wanted.clone());
        if attempt.is_some() {
            self.mark_attempt(&wanted.step, &recipe);
        }
        let about = self.about(wanted.incident.clone(), wanted.step.clone());
        let Some(pid) = about.pid else {
            return self.run_task(task, attempt, async { Err("the service is gone".to_owned()) });
        };
        match recipe.source {
            DumpSource::Signal { signal, file } => {
                let watched = dump::Watched::start(&file, pid);
                if watched.is_ok() {
                    self.with_service(|service| service.signal(signal));
                }
                let closed = self.tell_closed(task);
                self.run_task(task, attempt, async move { watched?.finish(&around, &wanted, closed).await });
            }
            DumpSource::Http { url } => self.run_task(task, attempt, http::dump(url, around, wanted)),
            DumpSource::Command { run } => {
                self.run_task(task, attempt, program::dump(run, around, about, wanted.keep));
            }
            DumpSource::Jvm(what) => {
                self.run_task(task, attempt, outside::jvm(pid, what, recipe.within, around, wanted));
            }
            DumpSource::GoHeap => self.run_task(task, attempt, outside::go_heap(pid, around, wanted)),
            DumpSource::PythonStacks => {
                self.run_task(task, attempt, outside::python_stacks(pid, around, about, wanted.keep));
            }
            DumpSource::Core => self.run_task(task, attempt, outside::core(pid, around, about, wanted.keep)),
        }
    }

    /// The marker is written before the service is asked. It goes to the disk while the service works: to wait for a slow
    /// disk could cost the dump.
    fn mark_attempt(&mut self, step: &str, recipe: &Recipe) {
        match self.state.begin_attempt(format!("{step}: {}", recipe.source)) {
            Ok(sync) => {
                spawn_local(async { offload(sync).await });
            }
            Err(error) => tracing::warn!("the attempt cannot be marked: {error}"),
        }
    }

    pub(super) fn end_attempt(&mut self, running: &Running) {
        self.around.growing.replace(None);
        if running.attempt.is_none() {
            return;
        }
        if let Err(error) = self.state.end_attempt() {
            tracing::warn!("the end of an attempt cannot be kept: {error}");
        }
    }

    /// What there is of a dump that is given up is kept, and called partial.
    pub(super) fn keep_partial(&mut self, running: &Running) {
        let Some(path) = self.around.growing.borrow().clone() else { return };
        let Some(wanted) = running.attempt.clone().filter(Wanted::is_of_an_incident) else { return };
        let owners: Vec<u32> = self.service.iter().filter_map(|service| file_owner(service.main.pid()).ok()).collect();
        let (root, wake) = (self.around.evidence.clone(), self.wake.clone());
        let incident = wanted.incident.clone();
        let step = wanted.step.clone();
        let take = move || {
            let kept = Store::open(&root)?.incident(&wanted.incident)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.starts_with(kept.directory().path()) {
                return kept.keep_partial(&name);
            }
            let offered = Offered::open_partial(&path, &owners)?;
            kept.take_partial(&offered, &kept.free_name(&wanted.step, &path))
        };
        spawn_local(async move {
            if let Ok(Ok(piece)) = offload(take).await {
                let evidence = evidence(&piece.path, piece.bytes, std::time::Duration::ZERO);
                let _ = wake.send(Wake::Partial { incident, step, evidence });
            }
        });
    }

    /// Looks at the service from outside, on a thread of its own. `policy` says what else is done while it is healthy.
    pub(super) fn look(&mut self, policy: &Policy, moment: Moment) {
        let Some(service) = &mut self.service else { return };
        let (pid, generation) = (service.main.pid(), service.generation);
        let group = service.group.as_ref().and_then(|group| group.try_clone().ok());
        if moment == Moment::Healthy {
            let runtime = service.find_runtime();
            self.bundle.set_runtime(runtime);
            if runtime == Runtime::Jvm {
                self.look_at_jvm(pid, asks_jvm(policy));
            }
            let wanted = outlook::wanted(policy);
            if !wanted.is_empty() {
                self.say_later(move || outlook::doubts(pid, runtime, &wanted));
            }
        }
        let incident = self.bundle.begin_look();
        let wake = self.wake.clone();
        spawn_local(async move {
            let snapshot =
                offload_deep(outside::STACK, move || crate::snapshot::take(pid, group.as_ref(), generation)).await;
            let snapshot = snapshot.unwrap_or_default();
            let _ = wake.send(Wake::Looked { moment, incident, snapshot: Box::new(snapshot) });
        });
    }

    /// Whether a JVM fits its limit, and, if it is to be asked later, that it listens.
    fn look_at_jvm(&self, pid: Pid, asks: bool) {
        let limit = self.service.as_ref().and_then(|service| service.meter.usage().ok()).map(|usage| usage.max);
        let is_said = self.argv.first().is_some_and(|program| Path::new(program).ends_with("java"));
        self.say_later(move || {
            let doubt = limit.filter(|_| !is_said).and_then(|limit| jvm::doubt_about_process(pid, limit));
            doubt.into_iter().chain(asks.then(|| jvm::make_it_listen(pid)).flatten()).collect()
        });
    }

    /// Finds something out on a thread of its own, and says it.
    fn say_later(&self, look: impl FnOnce() -> Vec<String> + Send + 'static) {
        let wake = self.wake.clone();
        spawn_local(async move {
            for doubt in offload_deep(outside::STACK, look).await.unwrap_or_default() {
                let _ = wake.send(Wake::Note(doubt));
            }
        });
    }

    /// Tells the core that the service has done its part of a dump.
    fn tell_closed(&self, task: Task) -> impl FnOnce(Evidence, bool) + 'static {
        let wake = self.wake.clone();
        let generation = self.service.as_ref().map_or(0, |service| service.generation);
        // The loop outlives every task.
        move |evidence, in_doubt| {
            drop(wake.send(Wake::Input(generation, Input::Closed { task, evidence, in_doubt })));
        }
    }

    pub(super) fn snapshot(&mut self, task: Task, incident: String, step: String) {
        let service = self.service.as_ref();
        let pid = service.map(|service| service.main.pid());
        let runtime = service.and_then(|service| service.runtime);
        let group = service.and_then(|service| service.group.as_ref()).and_then(|group| group.try_clone().ok());
        let root = self.around.evidence.clone();
        let capture = move || -> Outcome {
            let pid = pid.ok_or("the service is gone")?;
            let started = std::time::Instant::now();
            let said = |error: highwater_evidence::Error| error.to_string();
            let kept = Store::open(&root).and_then(|store| store.incident(&incident)).map_err(said)?;
            let written = snapshot(pid, group.as_ref(), kept.directory().path()).map_err(|error| error.to_string())?;
            let name = kept.free_name(&step, "snapshot.txt".as_ref());
            std::fs::rename(&written.path, kept.path(&name)).map_err(|error| error.to_string())?;
            let piece = kept.keep(&name).map_err(said)?;
            let took = started.elapsed();
            let mut found = vec![evidence(&piece.path, piece.bytes, took)];
            let mut note = None;
            if runtime == Some(Runtime::Go) {
                match outside::write_go_heap(pid, &kept, &step) {
                    Ok(piece) => found.push(evidence(&piece.path, piece.bytes, started.elapsed())),
                    Err(reason) => note = Some(reason),
                }
            }
            Ok(Finished { evidence: found, note, took: started.elapsed() })
        };
        self.run_task(task, None, async move {
            offload_deep(outside::STACK, capture).await.map_err(|error| error.to_string())?
        });
    }
}

/// Whether a policy asks a JVM for anything.
fn asks_jvm(policy: &Policy) -> bool {
    let asks = |action: &Action| match action {
        Action::Dump(dump) => dump.recipes.iter().any(|recipe| matches!(recipe.source, DumpSource::Jvm(_))),
        _ => false,
    };
    policy.steps.iter().any(|step| asks(&step.action))
}

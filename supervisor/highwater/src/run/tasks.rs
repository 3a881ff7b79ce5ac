//! Pieces of work: begun, finished or given up, beside the loop.

use highwater_core::command::{Finished, Input, Task, Work};
use highwater_core::policy::DumpSource;
use highwater_core::record::Evidence;
use highwater_evidence::store::Store;
use highwater_kernel::cgroup::Reclaimed;
use highwater_kernel::snapshot::snapshot;
use tokio::task::{AbortHandle, spawn_local};

use super::Wake;
use super::hands::Hands;
use super::service::Service;
use crate::work::{self, Outcome, dump, evidence, http, offload, program};

/// A piece of work under way.
#[derive(Debug)]
pub(super) struct Running {
    abort: AbortHandle,
    is_attempt: bool,
}

impl Hands {
    /// A piece of work came to its end.
    pub fn finished(&mut self, task: Task, result: Outcome) -> Input {
        if let Some(running) = self.tasks.remove(&task) {
            self.end_attempt(&running, false);
        }
        Input::Finished { task, result }
    }

    /// Gives a piece of work up.
    pub(super) fn cancel(&mut self, task: Task) {
        if let Some(running) = self.tasks.remove(&task) {
            running.abort.abort();
            let is_over = self.service.as_ref().is_none_or(|service| service.exit.is_some());
            self.end_attempt(&running, is_over);
        }
    }

    /// Starts a piece of work. What must happen before anything else does, happens before this returns: the marker
    /// of an attempt, the watch on the file, the signal.
    pub(super) fn begin(&mut self, task: Task, work: Work) {
        let around = self.around.clone();
        match work {
            Work::Dump { incident, step, source, keep } => self.begin_dump(task, incident, step, source, keep),
            Work::Snapshot { incident, step } => self.snapshot(task, incident, step),
            Work::Command { run, incident, step } => {
                let about = self.about(incident, step);
                self.run_task(task, false, program::run(run, around, about));
            }
            Work::Http { post, incident, step } => {
                self.run_task(task, false, http::post(post, around, incident, step));
            }
            Work::Reclaim { bytes } => self.reclaim(task, bytes),
        }
    }

    fn begin_dump(&mut self, task: Task, incident: String, step: String, source: DumpSource, keep: usize) {
        if let Err(error) = self.state.begin_attempt(&incident, &step) {
            tracing::warn!("the attempt cannot be marked: {error}");
        }
        let around = self.around.clone();
        let about = self.about(incident.clone(), step.clone());
        match source {
            DumpSource::Signal { signal, file } => {
                let writer = about.pid.ok_or_else(|| "the service is gone".to_owned());
                let watched = writer.and_then(|writer| dump::Watched::start(&file, writer));
                if watched.is_ok() {
                    self.with_service(|service| service.signal(signal));
                }
                let closed = self.tell_closed(task);
                let dump = async move { watched?.finish(&around, &incident, &step, keep, closed).await };
                self.run_task(task, true, dump);
            }
            DumpSource::Http { url } => self.run_task(task, true, http::dump(url, around, incident, step, keep)),
            DumpSource::Command { run } => self.run_task(task, true, program::dump(run, around, about, keep)),
        }
    }

    fn end_attempt(&mut self, running: &Running, blamed: bool) {
        if running.is_attempt {
            self.around.growing.replace(None);
            if let Err(error) = self.state.end_attempt(blamed) {
                tracing::warn!("the end of an attempt cannot be kept: {error}");
            }
        }
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

    fn run_task(&mut self, task: Task, is_attempt: bool, work: impl Future<Output = Outcome> + 'static) {
        let wake = self.wake.clone();
        let work = async move {
            let result = work.await;
            // The loop outlives every task.
            let _ = wake.send(Wake::Finished(task, result));
        };
        let abort = spawn_local(work).abort_handle();
        self.tasks.insert(task, Running { abort, is_attempt });
    }

    fn snapshot(&mut self, task: Task, incident: String, step: String) {
        let service = self.service.as_ref();
        let pid = service.map(|service| service.main.pid());
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
            Ok(Finished { evidence: vec![evidence(&piece.path, piece.bytes, took)], note: None, took })
        };
        self.run_task(task, false, async move { offload(capture).await.map_err(|error| error.to_string())? });
    }

    fn reclaim(&mut self, task: Task, bytes: u64) {
        let service = self.service.as_ref();
        let group = service.and_then(|service| service.group.as_ref()).and_then(|group| group.try_clone().ok());
        let reclaim = move || -> Outcome {
            let group = group.ok_or("the service is gone")?;
            let started = std::time::Instant::now();
            match group.reclaim(bytes).map_err(|error| error.to_string())? {
                Reclaimed::Whole => Ok(work::done(started.elapsed())),
                Reclaimed::NothingMore => Err("there was less to reclaim than asked for".into()),
            }
        };
        self.run_task(task, false, async move { offload(reclaim).await.map_err(|error| error.to_string())? });
    }

    fn about(&self, incident: String, step: String) -> program::About {
        let service = self.service.as_ref();
        program::About {
            pid: service.map(|service| service.main.pid()),
            cgroup: service.and_then(Service::cgroup),
            incident,
            step,
        }
    }
}

//! Pieces of work: begun, finished or given up, beside the loop.

use std::time::Duration;

use highwater_core::command::{Input, Purpose, Task, Work};
use highwater_kernel::cgroup::Reclaimed;
use tokio::task::{AbortHandle, spawn_local};

use super::Wake;
use super::hands::Hands;
use super::service::Service;
use crate::healthy;
use crate::work::{self, Outcome, Surroundings, Wanted, http, offload, program};

/// Profiles that wait for their place in the series, at most: they are taken in at once.
const MOST_INCOMING: usize = 8;

/// A service that watches for pressure has read the word of it by then.
const LISTENING_TIME: Duration = Duration::from_millis(800);

/// A piece of work under way.
#[derive(Debug)]
pub(super) struct Running {
    abort: AbortHandle,
    /// What is captured, if that needs the service to do something.
    pub(super) attempt: Option<Wanted>,
}

impl Hands {
    /// A piece of work came to its end.
    pub fn finished(&mut self, task: Task, result: Outcome) -> Input {
        if let Some(running) = self.tasks.remove(&task) {
            self.end_attempt(&running);
        }
        if let (Some(keep), Ok(_)) = (self.series.remove(&task), &result) {
            self.keep_series(keep);
        }
        Input::Finished { task, result }
    }

    /// Gives a piece of work up.
    pub(super) fn cancel(&mut self, task: Task) {
        if let Some(running) = self.tasks.remove(&task) {
            running.abort.abort();
            self.keep_partial(&running);
            self.end_attempt(&running);
        }
    }

    /// Starts a piece of work. What must happen before anything else does, happens before this returns: the marker
    /// of an attempt, the watch on the file, the signal.
    pub(super) fn begin(&mut self, task: Task, work: Work) {
        let around = self.around.clone();
        match work {
            Work::Dump { incident, step, recipe, keep } => {
                self.begin_dump(task, Wanted { incident, step, keep }, recipe, around);
            }
            Work::Profile { purpose, step, recipe } => {
                let (incident, keep) = match purpose {
                    Purpose::Baseline => (healthy::BASELINE.to_owned(), 1),
                    Purpose::Series { keep } => {
                        self.series.insert(task, keep);
                        (healthy::INCOMING.to_owned(), MOST_INCOMING)
                    }
                };
                let around = Surroundings { evidence: self.healthy.clone(), ..around };
                self.begin_dump(task, Wanted { incident, step, keep }, recipe, around);
            }
            Work::Snapshot { incident, step } => self.snapshot(task, incident, step),
            Work::Command { run, incident, step } => {
                let about = self.about(incident, step);
                self.run_task(task, None, program::run(run, around, about));
            }
            Work::Http { post, incident, step } => {
                self.run_task(task, None, http::post(post, around, incident, step));
            }
            Work::Reclaim { bytes } => self.reclaim(task, bytes),
            Work::Shrink => self.shrink(task),
        }
    }

    pub(super) fn run_task(
        &mut self,
        task: Task,
        attempt: Option<Wanted>,
        work: impl Future<Output = Outcome> + 'static,
    ) {
        let wake = self.wake.clone();
        let work = async move {
            let result = work.await;
            // The loop outlives every task.
            let _ = wake.send(Wake::Finished(task, result));
        };
        let abort = spawn_local(work).abort_handle();
        self.tasks.insert(task, Running { abort, attempt });
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
        self.run_task(task, None, async move { offload(reclaim).await.map_err(|error| error.to_string())? });
    }

    /// Tells the service to give memory back, and sees whether anybody listens.
    fn shrink(&mut self, task: Task) {
        let reading = self.pressure.as_mut().and_then(|pressure| {
            pressure.tell();
            pressure.reading().ok()
        });
        self.run_task(task, None, async move {
            let reading = reading.ok_or("there is no way to tell the service")?;
            let started = std::time::Instant::now();
            while !reading.is_done() {
                if started.elapsed() > LISTENING_TIME {
                    return Err("the service does not read $MEMORY_PRESSURE_WATCH".to_owned());
                }
                tokio::time::sleep(LISTENING_TIME / 16).await;
            }
            Ok(work::done(started.elapsed()))
        });
    }

    pub(super) fn about(&self, incident: String, step: String) -> program::About {
        let service = self.service.as_ref();
        program::About {
            pid: service.map(|service| service.main.pid()),
            cgroup: service.and_then(Service::cgroup),
            incident,
            step,
        }
    }
}

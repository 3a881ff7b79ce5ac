//! The state of the ladder in a few words, for `systemctl status`.

use highwater_core::status::{Progress, State, Status};

/// What highwater does with the service now; `None` while it only looks on. No figure in it changes by itself: it is told
/// once.
pub fn words(status: &Status) -> Option<String> {
    let steps = status.ladder.len();
    let step = |name: &str| {
        let number = status.ladder.iter().position(|rung| rung.name == name)? + 1;
        Some((number, status.ladder[number - 1].action))
    };
    let running = status.ladder.iter().find(|rung| rung.progress == Progress::Running);
    if let Some((number, action)) = running.and_then(|rung| step(&rung.name)) {
        return Some(format!("{}, step {number} of {steps}", doing(action)));
    }
    if let Some((number, _)) = status.throttle.as_ref().and_then(|throttle| step(&throttle.step)) {
        return Some(format!("throttling, step {number} of {steps}"));
    }
    match status.state {
        State::Starting => Some(format!("starting generation {}", status.generation)),
        State::Stopping => Some("stopping the service".into()),
        State::Waiting => Some("waiting to start the service again".into()),
        State::Ended => Some("the service has ended".into()),
        State::Running => unready(status).or_else(|| Some(format!("incident {}", status.incident.as_ref()?.id))),
    }
}

fn unready(status: &Status) -> Option<String> {
    status.readiness.reason.clone().filter(|_| !status.readiness.ready)
}

/// The key of an action as what is being done.
fn doing(action: &'static str) -> &'static str {
    match action {
        "dump" => "dumping",
        "throttle" => "throttling",
        "restart" => "restarting",
        "signal" => "signalling",
        "command" => "running a command",
        "http" => "posting",
        "reclaim" => "reclaiming",
        "kill" => "killing",
        "upload" => "uploading",
        "notify" => "notifying",
        "shed" => "sending load away",
        "shrink" => "asking for memory back",
        other => other,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use highwater_core::status::{Budget, Incident, Readiness, Rung, Throttle};

    /// A service that runs, with a ladder of three steps.
    pub fn calm() -> Status {
        let rung = |name: &str, action| Rung { name: name.into(), action, progress: Progress::Ahead };
        Status {
            state: State::Running,
            generation: 1,
            age_ms: 0,
            readiness: Readiness { ready: true, reason: None, retry_after: None },
            memory: None,
            triggers: Vec::new(),
            ladder: vec![rung("dump", "dump"), rung("slow", "throttle"), rung("again", "restart")],
            incident: None,
            throttle: None,
            budget: Budget { left: 1, times: 1, within_ms: 1, backoff_ms: None },
        }
    }

    /// One on which a step acts.
    pub fn on_step(number: usize) -> Status {
        let mut status = calm();
        status.ladder[number - 1].progress = Progress::Running;
        status
    }

    #[test]
    fn a_running_step_comes_first_and_a_lease_after_it() {
        let throttle = Some(Throttle { step: "slow".into(), for_ms: 1, left_ms: 1 });
        let leased = Status { throttle, ..calm() };
        assert_eq!(words(&leased).unwrap(), "throttling, step 2 of 3");
        let dumping = Status { ladder: on_step(1).ladder, ..leased };
        assert_eq!(words(&dumping).unwrap(), "dumping, step 1 of 3");
    }

    #[test]
    fn nothing_is_said_while_all_is_calm() {
        assert_eq!(words(&calm()), None);
        let incident = Some(Incident { id: "i-1".into(), open_ms: 0, step: None, next_ms: None });
        assert_eq!(words(&Status { incident, ..calm() }).unwrap(), "incident i-1");
        let generation = Status { state: State::Starting, generation: 2, ..calm() };
        assert_eq!(words(&generation).unwrap(), "starting generation 2");
    }
}

//! How an incident ended, in a word or two.

use crate::incident::Incident;

/// How an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In a word or two, such as `Restarted`.
    pub word: &'static str,
    /// How to take it.
    pub tone: Tone,
}

/// How to take a verdict or an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing was lost.
    Good,
    /// It cost something, as was planned.
    Handled,
    /// It went wrong.
    Bad,
    /// It is not over, or nothing came of it.
    Open,
}

impl Tone {
    /// Its name in style sheets.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Handled => "handled",
            Self::Bad => "bad",
            Self::Open => "open",
        }
    }

    /// A sign for those who do not see its colour.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Handled => "↻",
            Self::Bad => "✕",
            Self::Open => "…",
        }
    }
}

/// How the incident ended.
pub fn verdict(incident: &Incident) -> Verdict {
    let has_ended_with = |cause: &str| incident.lives.iter().any(|life| life.cause.as_deref() == Some(cause));
    let (word, tone) = match incident.killed() {
        _ if incident.budget_is_spent() => ("Gave up", Tone::Bad),
        _ if incident.is_open() => ("Not over", Tone::Open),
        Some(life) if life.was_killed_from_above() => ("Killed at an outer limit", Tone::Bad),
        Some(_) => ("Killed at its limit", Tone::Bad),
        None if has_ended_with("crash") => ("Crashed", Tone::Bad),
        None if incident.has_done("restart") => ("Restarted", Tone::Handled),
        None if incident.has_done("kill") => ("Ended by a step", Tone::Handled),
        None if has_ended_with("asked") || has_ended_with("finished") => ("Stopped", Tone::Handled),
        None if incident.steps.iter().any(|step| step.action != "dump" && step.is_done()) => ("Resolved", Tone::Good),
        None => ("Resolved by itself", Tone::Good),
    };
    Verdict { word, tone }
}

/// How to take the outcome of a step; nothing while it runs.
pub(crate) fn tone_of(outcome: Option<&str>) -> Tone {
    match outcome {
        Some("done") => Tone::Good,
        Some("failed" | "timed-out") => Tone::Bad,
        _ => Tone::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Life, Step};

    fn over() -> Incident {
        Incident { took_ms: Some(1), ..Incident::default() }
    }

    fn life(cause: &str) -> Vec<Life> {
        vec![Life { cause: Some(cause.into()), ..Life::default() }]
    }

    fn done(action: &str) -> Vec<Step> {
        vec![Step { action: action.into(), outcome: Some("done".into()), ..Step::default() }]
    }

    #[test]
    fn the_worst_is_said() {
        let word = |incident| verdict(&incident).word;
        assert_eq!(word(Incident::default()), "Not over");
        assert_eq!(word(over()), "Resolved by itself");
        assert_eq!(word(Incident { steps: done("dump"), ..over() }), "Resolved by itself");
        assert_eq!(word(Incident { steps: done("throttle"), ..over() }), "Resolved");
        assert_eq!(word(Incident { steps: done("restart"), lives: life("asked"), ..over() }), "Restarted");
        assert_eq!(
            word(Incident { steps: done("restart"), lives: life("own-limit"), ..over() }),
            "Killed at its limit"
        );
        assert_eq!(word(Incident { lives: life("outer-limit"), ..over() }), "Killed at an outer limit");
        assert_eq!(word(Incident { lives: life("crash"), ..over() }), "Crashed");
        assert_eq!(word(Incident { lives: life("finished"), ..over() }), "Stopped");
        let spent = Some("the restart budget is spent".into());
        assert_eq!(word(Incident { resolved: spent, lives: life("own-limit"), ..over() }), "Gave up");
    }
}

//! What a termination message says: why, the figures, where the evidence is, and what was done, newest kept longest.

use std::collections::VecDeque;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use highwater_core::amount::Bytes;
use highwater_core::reading::Memory;
use highwater_core::record::{Event, Record};

use crate::sentence::sentence;

/// The kubelet takes no more bytes of a message.
const LARGEST: usize = 4_096;
/// What one line may take of it.
const LONGEST: usize = 700;
/// More lines about one incident are not kept: the oldest go.
const MOST: usize = 64;

/// What is known so far.
#[derive(Debug)]
pub struct Message {
    name: String,
    evidence: PathBuf,
    generation: u32,
    state: String,
    /// Why highwater ends; it stays even if more happens on the way.
    stopping: Option<String>,
    memory: Option<Memory>,
    incident: Option<String>,
    lines: VecDeque<String>,
}

impl Message {
    /// Nothing has happened yet.
    pub fn new(name: &str, evidence: &Path) -> Self {
        Self {
            name: name.into(),
            evidence: evidence.into(),
            generation: 0,
            state: String::new(),
            stopping: None,
            memory: None,
            incident: None,
            lines: VecDeque::new(),
        }
    }

    /// Takes a record in; whether it changes what there is to say.
    pub fn see(&mut self, record: &Record) -> bool {
        self.generation = record.generation;
        self.memory = memory_of(&record.event).or(self.memory);
        match &record.event {
            Event::SupervisorStarted { .. } => self.state = "about to start the service".into(),
            Event::SupervisorStopping { .. } => {
                self.stopping.get_or_insert_with(|| sentence(record));
            }
            Event::ServiceStarted { .. } => {
                // Only the kernel can end it without a further word.
                self.state = "the service ran, and nothing was wrong that highwater saw".into();
            }
            Event::ServiceExited { .. } => {
                self.state = sentence(record);
                self.add(&sentence(record));
            }
            Event::IncidentOpened { .. } => {
                self.lines.clear();
                self.incident.clone_from(&record.incident);
                self.state = "an incident is open".into();
                self.add(&sentence(record));
            }
            Event::IncidentResolved { .. }
            | Event::ServiceBackoff { .. }
            | Event::TriggerFired { .. }
            | Event::StepStarted { .. }
            | Event::StepFinished { .. }
            | Event::StepSkipped { .. }
            | Event::CommandReceived { .. }
            | Event::ShedEnded { .. }
            | Event::ThrottleLifted { .. } => self.add(&sentence(record)),
            Event::Notice { .. } if record.incident.is_some() || self.stopping.is_some() => self.add(&sentence(record)),
            _ => return false,
        }
        true
    }

    /// Everything of the service is about to be killed.
    pub fn see_kill(&mut self) {
        self.add("everything of the service is killed");
    }

    /// The message, never longer than the kubelet takes.
    pub fn text(&self) -> String {
        let mut text = self.head();
        let mut kept = Vec::new();
        // The room for the line that says what was left out.
        let mut room = LARGEST.saturating_sub(text.len() + 80);
        for line in self.lines.iter().rev() {
            let Some(left) = room.checked_sub(line.len() + 3) else { break };
            room = left;
            kept.push(line);
        }
        let left_out = self.lines.len() - kept.len();
        if left_out > 0 {
            let _ = writeln!(text, "- {left_out} lines before these are in the journal");
        }
        for line in kept.into_iter().rev() {
            text.extend(["- ", line, "\n"]);
        }
        text
    }

    fn head(&self) -> String {
        let why = clipped(self.stopping.as_ref().unwrap_or(&self.state));
        let mut head = format!("highwater {}, generation {}: {why}\n", clipped(&self.name), self.generation);
        if let Some(memory) = self.memory {
            head.push_str(&figures(memory));
        }
        if let Some(incident) = &self.incident {
            let place = self.evidence.join(incident).display().to_string();
            let _ = writeln!(head, "incident {incident}, evidence in {}", clipped(&place));
        }
        head
    }

    fn add(&mut self, line: &str) {
        if self.lines.len() == MOST {
            self.lines.pop_front();
        }
        self.lines.push_back(clipped(&line.replace('\n', " ")).to_owned());
    }
}

fn figures(memory: Memory) -> String {
    let of = memory.max.map(|max| format!(" of {}", Bytes(max))).unwrap_or_default();
    let high = memory.high.map(|high| format!(", memory.high {}", Bytes(high))).unwrap_or_default();
    format!("memory: {}{of} in use, {} of it anonymous{high}\n", Bytes(memory.current), Bytes(memory.anon))
}

fn memory_of(event: &Event) -> Option<Memory> {
    match event {
        Event::ServiceExited { memory, .. }
        | Event::StepStarted { memory, .. }
        | Event::StepFinished { memory, .. }
        | Event::StepSkipped { memory, .. } => *memory,
        _ => None,
    }
}

/// The beginning of a line, up to a whole character.
fn clipped(line: &str) -> &str {
    &line[..line.floor_char_boundary(LONGEST)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_core::reading::Cause;
    use highwater_core::record::Reading;
    use highwater_core::time::Instant;

    fn message() -> Message {
        Message::new("web", Path::new("/state/evidence"))
    }

    fn record(event: Event) -> Record {
        Record { at: Instant::default(), generation: 1, incident: Some("2026-1".into()), event }
    }

    fn skipped(reason: String) -> Record {
        record(Event::StepSkipped {
            step: "dump".into(),
            action: "dump",
            reason,
            plan: None,
            memory: Some(Memory { current: 240 << 20, anon: 230 << 20, high: None, max: Some(256 << 20) }),
            evidence: Vec::new(),
        })
    }

    #[test]
    fn it_says_why_how_much_and_where() {
        let mut message = message();
        let reading = Reading::Level { of: "anon", bytes: 240 << 20, above: 200 << 20 };
        assert!(message.see(&record(Event::IncidentOpened { trigger: "full".into() })));
        assert!(message.see(&record(Event::TriggerFired { trigger: "full".into(), reading })));
        assert!(message.see(&skipped("no time".into())));
        assert!(message.see(&record(Event::SupervisorStopping { reason: "the budget is spent".into() })));
        let exit = Event::ServiceExited {
            code: None,
            signal: Some(15),
            oom_killed: false,
            cause: Cause::Asked,
            memory: None,
            peak: None,
        };
        assert!(message.see(&record(exit)));
        let expected = "highwater web, generation 1: stopping: the budget is spent\n\
            memory: 240 MiB of 256 MiB in use, 230 MiB of it anonymous\n\
            incident 2026-1, evidence in /state/evidence/2026-1\n\
            - incident 2026-1 opened by full\n\
            - trigger full fired: anon is 240 MiB, level 200 MiB\n\
            - step dump skipped: no time\n\
            - service ended by SIGTERM, as asked\n";
        assert_eq!(message.text(), expected);
    }

    #[test]
    fn it_is_never_longer_than_the_kubelet_takes_and_ends_in_the_newest_line() {
        let mut message = message();
        for number in 0..200 {
            // Two bytes a character, at odd places.
            message.see(&skipped(format!("{number}{}", "ü".repeat(number * 7))));
            assert!(message.text().len() <= LARGEST);
            assert!(message.text().contains(&format!("step dump skipped: {number}")));
        }
        assert!(message.text().contains("lines before these are in the journal"));
    }

    #[test]
    fn a_kill_that_nobody_announced_finds_the_state_written_down() {
        let mut message = message();
        message.see(&record(Event::ServiceStarted { pid: 7, cgroup: None }));
        assert!(message.text().contains("nothing was wrong that highwater saw"), "{}", message.text());
        assert!(!message.see(&record(Event::ProfileSkipped {
            purpose: "series",
            source: None,
            reason: "busy".into()
        })));
    }
}

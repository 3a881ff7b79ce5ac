//! `highwater status --watch`: the screen, drawn anew each second.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;

use super::last_words::{self, records};
use super::model::{Listed, Readiness, Status};
use super::row::{Look, Row, Style};
use super::screen::{Shown, screen};
use super::terminal::{Screen, draw, keys};
use super::{last_incident, look, status_of, terminal};
use crate::past::Failed;

const PAUSE: Duration = Duration::from_secs(1);
/// Figures that are kept: more than any window is wide.
const HISTORY: usize = 600;

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Leave,
    Resized,
}

/// Shows one supervisor until somebody has seen enough.
pub fn watch(socket: &Path) -> Result<(), Failed> {
    let (sender, events) = channel();
    listen(sender).map_err(|error| Failed::missing(format!("signals: {error}")))?;
    let mut seen = Seen::default();
    seen.look(socket)?;
    let _screen = Screen::open().map_err(|error| Failed::missing(format!("--watch needs a terminal: {error}")))?;
    loop {
        draw(&seen.lines());
        match wait(&events) {
            Some(Event::Leave) => return Ok(()),
            Some(Event::Resized) => {}
            // It may be gone for good, or be started again.
            None => seen.lost = seen.look(socket).err().map(|failed| failed.reason),
        }
    }
}

/// What happens within a second.
fn wait(events: &Receiver<Event>) -> Option<Event> {
    let until = Instant::now() + PAUSE;
    match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(event) => Some(event),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Event::Leave),
    }
}

fn listen(events: Sender<Event>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGWINCH])?;
    let of_keys = events.clone();
    std::thread::spawn(move || {
        for signal in &mut signals {
            let event = if signal == SIGWINCH { Event::Resized } else { Event::Leave };
            if events.send(event).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || keys(|key| if key == b'q' { of_keys.send(Event::Leave).is_ok() } else { true }));
    Ok(())
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    status: Status,
    last: Option<Listed>,
    history: Vec<u64>,
    /// What the last incident was asked for at.
    asked: Option<(u64, bool)>,
    /// Why there is nothing newer.
    lost: Option<String>,
}

impl Seen {
    /// Looks once more. Reading incidents is work for the supervisor: it is asked only when one began or ended.
    fn look(&mut self, socket: &Path) -> Result<(), Failed> {
        self.status = status_of(socket)?;
        let asked = Some((self.status.incidents, self.status.incident.is_some()));
        if self.asked != asked {
            self.last = last_incident(socket, &self.status);
            self.asked = asked;
        }
        self.history.extend(self.status.figures.as_ref().map(|figures| figures.current));
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let (look, height) = (look(), terminal::size().map_or(24, |(_, height)| height));
        let shown = Shown { status: self.status(), last: self.last.as_ref(), history: &self.history };
        let mut lines = screen(&shown, look);
        lines.extend(journal(&self.status.state_dir, look, height.saturating_sub(lines.len() + 3)));
        let mut lines = fitted(lines, height.saturating_sub(1));
        lines.push(self.foot(look));
        lines
    }

    /// What was seen last, without what is no longer so.
    fn status(&self) -> Status {
        let status = self.status.clone();
        match &self.lost {
            Some(_) => {
                let state = "not running".into();
                Status {
                    state,
                    service: None,
                    readiness: Readiness::default(),
                    figures: None,
                    incident: None,
                    ..status
                }
            }
            None => status,
        }
    }

    /// What to do, and what is wrong.
    fn foot(&self, look: Look) -> String {
        let row = match &self.lost {
            Some(reason) => Row::new(look).add(Style::Bad, &format!("lost: {reason}")),
            None => Row::new(look),
        };
        row.right(Style::Faint, "q quits").end()
    }
}

/// What the journal said last, where there is room for so many lines of it.
fn journal(state_dir: &Path, look: Look, room: usize) -> Vec<String> {
    let records = if room > 0 { records(state_dir, room).unwrap_or_default() } else { Vec::new() };
    let line = |record| Row::new(look).add(Style::Faint, &last_words::line(record)).end();
    let lines: Vec<String> = records.iter().map(line).collect();
    if lines.is_empty() { lines } else { std::iter::once(String::new()).chain(lines).collect() }
}

/// As many lines as there is room for: empty ones give way first.
fn fitted(mut lines: Vec<String>, room: usize) -> Vec<String> {
    while lines.len() > room
        && let Some(empty) = lines.iter().rposition(String::is_empty)
    {
        lines.remove(empty);
    }
    lines.resize(room, String::new());
    lines
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn empty_lines_give_way() {
        let lines = |text: &str| text.split(',').map(String::from).collect::<Vec<_>>();
        assert_eq!(fitted(lines("a,,b,,c"), 4), lines("a,,b,c"));
        assert_eq!(fitted(lines("a,,b,,c"), 2), lines("a,b"));
        assert_eq!(fitted(lines("a,b"), 3), lines("a,b,"));
    }
}

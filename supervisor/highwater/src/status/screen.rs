//! The screen: everything about one service, the most important first.

use highwater_core::amount::Bytes;

use super::bar::{bar, curve};
use super::model::{Figures, Listed, Progress, Rung, Status};
use super::row::{Look, Row, Style};
use super::words::{lasting, moment};
use crate::past::terminal::plain;

/// Where figures begin.
const MARGIN: usize = 11;
/// What stands behind a bar.
const BESIDE: usize = 34;

/// What is shown.
#[derive(Debug, Default)]
pub struct Shown<'a> {
    /// What the supervisor says.
    pub status: Status,
    /// The last incident.
    pub last: Option<&'a Listed>,
    /// `memory.current`, one a second, the newest last; while it is watched.
    pub history: &'a [u64],
}

/// The screen as lines.
pub fn screen(shown: &Shown<'_>, look: Look) -> Vec<String> {
    let status = &shown.status;
    let mut lines = head(status, look);
    lines.push(String::new());
    match &status.figures {
        Some(figures) => lines.extend(memory(figures, status.throttle.is_some(), shown.history, look)),
        None => lines.push(entry("memory", look).add(Style::Faint, "nothing runs").end()),
    }
    lines.push(String::new());
    lines.push(triggers(status, look));
    lines.push(String::new());
    lines.extend(ladder(status, look));
    lines.push(String::new());
    lines.push(budget(status, look));
    lines.extend(shown.last.map(|last| incident(last, look)));
    lines
}

fn entry(name: &str, look: Look) -> Row {
    Row::new(look).add(Style::Faint, name).to(MARGIN)
}

fn head(status: &Status, look: Look) -> Vec<String> {
    let style = match status.state.as_str() {
        "running" => Style::Good,
        "starting" | "waiting" => Style::Warning,
        _ => Style::Bad,
    };
    let life = format!(", generation {}, {}", status.generation, lasting(status.age_ms));
    let first = Row::new(look).add(Style::Bold, &plain(&status.name)).to(MARGIN).add(style, &plain(&status.state));
    let first = first.add(Style::Plain, &life);
    let is_ready = status.readiness.ready;
    let (style, ready) = if is_ready { (Style::Good, "ready") } else { (Style::Bad, "not ready") };
    let mut lines = vec![first.right(style, ready).end()];
    if let Some(reason) = status.readiness.reason.as_ref().filter(|_| !is_ready) {
        let wait = status.readiness.retry_after_ms.map(|ms| format!(", {} to go", lasting(ms))).unwrap_or_default();
        lines.push(entry("not ready", look).add(Style::Warning, &format!("{}{wait}", plain(reason))).end());
    }
    if let Some(service) = &status.service {
        let text = format!("pid {}, {}", service.pid, plain(&service.program));
        lines.push(entry("service", look).add(Style::Plain, &text).end());
        let cgroup =
            service.cgroup.as_ref().map(|cgroup| entry("cgroup", look).add(Style::Plain, &plain(cgroup)).end());
        lines.extend(cgroup);
    }
    let own = format!("pid {}, policy {}", status.pid, plain(&status.policy));
    lines.push(entry("highwater", look).add(Style::Plain, &own).end());
    lines
}

fn memory(figures: &Figures, throttled: bool, history: &[u64], look: Look) -> Vec<String> {
    let width = look.width.saturating_sub(MARGIN + BESIDE).max(10);
    let share = |bytes: u64| bytes as f64 / figures.max.max(1) as f64;
    let taken = share(figures.current);
    let of = format!("  {} of {}, {:.0} %", Bytes(figures.current), Bytes(figures.max), taken * 100.0);
    let style = level(figures, taken);
    let used = bar(look, width, share(figures.anon), taken);
    let mut lines = vec![entry("memory", look).add(style, &used).add(Style::Bold, &of).end()];
    if let Some(high) = figures.high {
        let what = if throttled { "throttle" } else { "tripwire" };
        let at = MARGIN + (share(high).min(1.0) * width as f64) as usize;
        let mark = format!("{} {what} at {}", look.sign("▲", "^"), Bytes(high));
        let at = at.min(look.width.saturating_sub(mark.chars().count()));
        let style = if throttled { Style::Warning } else { Style::Faint };
        lines.push(Row::new(look).to(at).add(style, &mark).end());
    }
    let parts = [
        Some(format!("{} anon {}", look.sign("█", "#"), Bytes(figures.anon))),
        Some(format!("{} other {}", look.sign("▒", "+"), Bytes(figures.current.saturating_sub(figures.anon)))),
        Some(format!("working set {}", Bytes(figures.working_set))),
    ];
    lines.push(entry("", look).add(Style::Plain, &joined(parts, look)).end());
    if history.len() > 1 {
        let text = curve(look, look.width.saturating_sub(MARGIN), history, figures.max);
        lines.push(entry("lately", look).add(Style::Plain, &text).end());
    }
    lines.extend(kernel(figures, width, look));
    lines
}

/// How bad it is: at `memory.high` or 80 %, and 95 %.
fn level(figures: &Figures, taken: f64) -> Style {
    let is_high = figures.high.is_some_and(|high| figures.current >= high);
    match taken {
        0.95.. => Style::Bad,
        0.8.. => Style::Warning,
        _ if is_high => Style::Warning,
        _ => Style::Good,
    }
}

/// What the kernel counts.
fn kernel(figures: &Figures, width: usize, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, line) in figures.pressure.iter().flat_map(|all| [("some stall", all.some), ("full stall", all.full)]) {
        let [now, minute, longer] = [line.avg10, line.avg60, line.avg300].map(percent);
        let text = format!("  {now}, 1 min {minute}, 5 min {longer}");
        let style = match line.avg10 {
            20.0.. => Style::Bad,
            1.0.. => Style::Warning,
            _ => Style::Good,
        };
        let share = line.avg10 / 100.0;
        lines.push(entry(name, look).add(style, &bar(look, width, share, share)).add(Style::Plain, &text).end());
    }
    if let Some(events) = figures.events {
        let counts = [("high", events.high), ("max", events.max), ("oom", events.oom), ("killed", events.oom_kill)];
        let counts = counts.map(|(name, count)| Some(format!("{name} {count}")));
        let peak = figures.peak.map(|peak| format!("peak {}", Bytes(peak)));
        let text = joined(counts.into_iter().chain([peak]), look);
        lines.push(entry("events", look).add(Style::Plain, &text).end());
    }
    lines
}

fn percent(share: f64) -> String {
    if share < 10.0 { format!("{share:.1} %") } else { format!("{share:.0} %") }
}

fn triggers(status: &Status, look: Look) -> String {
    let mut row = entry("triggers", look);
    for (index, trigger) in status.triggers.iter().enumerate() {
        let (mark, style) =
            if trigger.firing { (look.sign("●", "!"), Style::Bad) } else { (look.sign("○", "-"), Style::Plain) };
        let times = match trigger.fired {
            0 => String::new(),
            times => format!(" {}{times}", look.sign("×", "x")),
        };
        let gap = if index == 0 { "" } else { "   " };
        row = row.add(Style::Plain, gap).add(style, &format!("{mark} {}{times}", plain(&trigger.name)));
    }
    if status.triggers.is_empty() { row.add(Style::Faint, "none") } else { row }.end()
}

fn ladder(status: &Status, look: Look) -> Vec<String> {
    let head = match &status.incident {
        Some(incident) => {
            let text = format!("incident {}, open for {}", plain(&incident.id), lasting(incident.open_ms));
            entry("ladder", look).add(Style::Warning, &text)
        }
        None => entry("ladder", look).add(Style::Good, "no incident"),
    };
    let most = status.ladder.iter().map(|rung| rung.name.chars().count()).max().unwrap_or(0);
    let rung = |(index, one): (usize, &Rung)| rung(index, one, most, status, look);
    std::iter::once(head.end()).chain(status.ladder.iter().enumerate().map(rung)).collect()
}

fn rung(index: usize, rung: &Rung, most: usize, status: &Status, look: Look) -> String {
    let (mark, style) = match rung.progress {
        Progress::Running => (look.sign("▶", ">"), Style::Warning),
        Progress::Past => (look.sign("✓", "x"), Style::Faint),
        Progress::Next | Progress::Ahead | Progress::Unknown => (" ", Style::Plain),
    };
    let name = plain(&rung.name);
    let text = format!("{mark} {} {name:most$}  {}", index + 1, plain(&rung.action));
    let row = Row::new(look).to(MARGIN).add(style, &text);
    let next = status.incident.as_ref().and_then(|incident| incident.next_ms);
    let left = status.throttle.as_ref().map(|throttle| throttle.left_ms).filter(|_| rung.action == "throttle");
    let said = match (rung.progress, left, next) {
        (Progress::Running, Some(left), _) => format!("in force, {} left", lasting(left)),
        (Progress::Running, None, _) => "running".into(),
        (Progress::Next, _, Some(next)) => format!("in {}", lasting(next)),
        _ => String::new(),
    };
    row.to(MARGIN + most + 16).add(style, &said).end()
}

fn budget(status: &Status, look: Look) -> String {
    let budget = &status.budget;
    let text = format!("{} of {} left within {}", budget.left, budget.times, lasting(budget.within_ms));
    let style = if budget.left == 0 && budget.times > 0 { Style::Bad } else { Style::Plain };
    let row = entry("restarts", look).add(style, &text);
    match budget.backoff_ms {
        Some(wait) => row.add(Style::Warning, &format!("; the next generation begins in {}", lasting(wait))),
        None => row,
    }
    .end()
}

fn incident(last: &Listed, look: Look) -> String {
    let when = plain(&moment(&last.opened));
    let took = last.took_ms.map(lasting);
    let grew = last.top_grower.as_deref().map(plain);
    let outcome = Some(plain(&last.outcome).to_lowercase()).filter(|outcome| !outcome.is_empty());
    let parts = [Some(when), Some(plain(&last.opened_by)), outcome, took, grew];
    entry("last", look).add(Style::Plain, &joined(parts, look)).end()
}

fn joined(parts: impl IntoIterator<Item = Option<String>>, look: Look) -> String {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(look.between())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { width: 80, colour: false, unicode: true };

    /// A service under a throttle, in the middle of its ladder.
    fn throttled() -> Status {
        let json = r#"{
            "name": "web", "pid": 70, "policy": "/etc/web.toml", "state": "running", "generation": 3, "age_ms": 4503000,
            "service": { "pid": 77, "program": "app\u001b[2J", "cgroup": "/sys/fs/cgroup/web/highwater-service-3" },
            "readiness": { "ready": false, "reason": "step shed sends load away", "retry_after_ms": 12000 },
            "triggers": [
                { "name": "breach", "firing": true, "fired": 3 }, { "name": "stall", "firing": false, "fired": 0 }
            ],
            "ladder": [
                { "name": "dump", "action": "dump", "progress": "past" },
                { "name": "slow", "action": "throttle", "progress": "running" },
                { "name": "restart", "action": "restart", "progress": "next" }
            ],
            "incident": { "id": "20261122T080734Z-1", "open_ms": 42000, "next_ms": 78000 },
            "throttle": { "left_ms": 270000 },
            "budget": { "left": 1, "times": 3, "within_ms": 3600000 },
            "figures": {
                "current": 429496729, "working_set": 420000000, "anon": 402653184, "peak": 440000000,
                "high": 408944640, "max": 536870912,
                "events": { "high": 12, "max": 1, "oom": 0, "oom_kill": 0 },
                "pressure": {
                    "some": { "avg10": 37.5, "avg60": 12.25, "avg300": 3.0, "total_us": 1 },
                    "full": { "avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total_us": 1 }
                }
            },
            "something": "newer"
        }"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn everything_is_on_one_screen() {
        let last = Listed {
            opened: "2026-11-21T07:00:00.5Z".into(),
            opened_by: "leak".into(),
            outcome: "Restarted".into(),
            took_ms: Some(61_000),
            top_grower: Some("app.cache.put".into()),
            ..Listed::default()
        };
        let shown = Shown { status: throttled(), last: Some(&last), history: &[100 << 20, 300 << 20, 500 << 20] };
        let expected = "\
web        running, generation 3, 1 h 15 min                           not ready
not ready  step shed sends load away, 12 s to go
service    pid 77, app\u{fffd}[2J
cgroup     /sys/fs/cgroup/web/highwater-service-3
highwater  pid 70, policy /etc/web.toml

memory     ██████████████████████████▎▒·······  409.6 MiB of 512 MiB, 80 %
                                     ▲ throttle at 390 MiB
           █ anon 384 MiB · ▒ other 25.6 MiB · working set 400.5 MiB
lately     ▂▅█
some stall █████████████▏·····················  38 %, 1 min 12 %, 5 min 3.0 %
full stall ···································  0.0 %, 1 min 0.0 %, 5 min 0.0 %
events     high 12 · max 1 · oom 0 · killed 0 · peak 419.6 MiB

triggers   ● breach ×3   ○ stall

ladder     incident 20261122T080734Z-1, open for 42 s
           ✓ 1 dump     dump
           ▶ 2 slow     throttle  in force, 4 min 30 s left
             3 restart  restart   in 1 min 18 s

restarts   1 of 3 left within 1 h
last       2026-11-21 07:00:00 · leak · restarted · 1 min 1 s · app.cache.put";
        assert_eq!(screen(&shown, LOOK).join("\n"), expected);
    }

    #[test]
    fn it_fits_any_width_and_any_terminal() {
        for (width, colour, unicode) in [(20, false, false), (40, true, true), (200, true, false)] {
            let look = Look { width, colour, unicode };
            for line in screen(&Shown { status: throttled(), ..Shown::default() }, look) {
                let plain: String = line
                    .split("\x1b[")
                    .enumerate()
                    .map(|(n, part)| match n {
                        0 => part,
                        _ => part.split_once('m').map_or("", |(_, rest)| rest),
                    })
                    .collect();
                assert!(plain.chars().count() <= width, "{plain}");
                assert!(colour || !line.contains('\x1b'), "{line}");
                // What is not ASCII is only what was made plain.
                assert!(unicode || line.replace('\u{fffd}', "").is_ascii(), "{line}");
            }
        }
    }

    #[test]
    fn nothing_known_is_no_reason_to_fail() {
        let lines = screen(&Shown::default(), LOOK);
        assert!(lines.iter().any(|line| line == "memory     nothing runs"), "{lines:?}");
    }
}

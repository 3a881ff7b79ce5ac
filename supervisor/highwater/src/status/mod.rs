//! `highwater status` and `highwater trigger`: what a supervisor that runs is asked and told.

mod ask;
mod bar;
mod find;
mod last_words;
mod model;
mod row;
mod screen;
mod terminal;
mod watch;
mod words;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use highwater_core::amount::Bytes;
use serde_json::{Value, json};

use crate::cli::{Status, Trigger};
use crate::past::Failed;
use crate::past::terminal::{plain, print, table};
use ask::{AskError, get, post};
use find::{Found, find};
use model::Listed;
use row::Look;
use screen::{Shown, screen};

/// Records of a journal that are shown.
const LAST_WORDS: usize = 8;

/// Says how a service and its supervisor stand.
pub fn status(arguments: &Status) -> ExitCode {
    let found = match find(&arguments.of) {
        Ok(found) => found,
        Err(failed) => return failed.end(),
    };
    let result = match found.as_slice() {
        [Found::Gone(state_dir)] => return gone(state_dir, arguments.json),
        [Found::Running(socket)] if arguments.json => json_of(socket).map(|text| print(&text)),
        [Found::Running(socket)] if arguments.watch => watch::watch(socket),
        [Found::Running(socket)] => one(socket),
        several if arguments.watch => Err(ambiguous(several)),
        several => {
            all(several, arguments.json);
            Ok(())
        }
    };
    result.map_or_else(|failed| failed.end(), |()| ExitCode::SUCCESS)
}

/// Has a step begun by hand.
pub fn trigger(arguments: &Trigger) -> ExitCode {
    match ask_for(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.end(),
    }
}

fn ask_for(arguments: &Trigger) -> Result<(), Failed> {
    let found = find(&arguments.of)?;
    let socket = match found.as_slice() {
        [Found::Running(socket)] => socket,
        [Found::Gone(state_dir)] => {
            return Err(Failed::missing(format!("the supervisor of {} does not run", state_dir.display())));
        }
        several => return Err(ambiguous(several)),
    };
    let answer = post(socket, &format!("/trigger/{}", arguments.wish.name())).map_err(failed)?;
    let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let text = |key: &str| said.get(key).and_then(Value::as_str).map(plain);
    if arguments.json {
        print(&answer.body);
        return if answer.status == 202 { Ok(()) } else { Err(Failed::silent()) };
    }
    match (answer.status, text("step")) {
        (202, Some(step)) => {
            print(&format!("step {step} begins\n"));
            Ok(())
        }
        _ => Err(Failed::missing(text("reason").unwrap_or_else(|| plain(answer.body.trim_end())))),
    }
}

/// One supervisor, once.
fn one(socket: &Path) -> Result<(), Failed> {
    let status = status_of(socket)?;
    let last = last_incident(socket, &status);
    let shown = Shown { status, last: last.as_ref(), ..Shown::default() };
    let lines = screen(&shown, look());
    print(&format!("{}\n", lines.join("\n")));
    Ok(())
}

/// Several supervisors, one line each.
fn all(found: &[Found], as_json: bool) {
    let sockets = found.iter().filter_map(Found::socket);
    if as_json {
        let all: Vec<Value> = sockets.filter_map(|socket| serde_json::from_str(&json_of(socket).ok()?).ok()).collect();
        return print(&format!("{:#}\n", Value::from(all)));
    }
    let head = ["NAME", "STATE", "GENERATION", "MEMORY", "LIMIT", "READY", "INCIDENT"].map(String::from);
    let rows = sockets.filter_map(|socket| Some(row(&status_of(socket).ok()?)));
    print(&table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
}

fn row(status: &model::Status) -> [String; 7] {
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "-".into(), |bytes| Bytes(bytes).to_string());
    let figures = status.figures.as_ref();
    [
        plain(&status.name),
        plain(&status.state),
        status.generation.to_string(),
        bytes(figures.map(|figures| figures.current)),
        bytes(figures.map(|figures| figures.max)),
        if status.readiness.ready { "yes".into() } else { "no".into() },
        status.incident.as_ref().map_or_else(|| "-".into(), |incident| plain(&incident.id)),
    ]
}

/// A supervisor that does not run, and what it said last.
fn gone(state_dir: &Path, as_json: bool) -> ExitCode {
    let records = match last_words::records(state_dir, LAST_WORDS) {
        Ok(records) => records,
        Err(error) => return Failed::missing(format!("it does not run; {}: {error}", state_dir.display())).end(),
    };
    let name = last_words::name(&records);
    if as_json {
        print(&format!(
            "{:#}\n",
            json!({ "running": false, "name": name, "state_dir": state_dir, "records": records })
        ));
        return ExitCode::FAILURE;
    }
    match name {
        Some(name) => print(&format!("{name} does not run. What its journal in {} said last:\n", state_dir.display())),
        None => print(&format!("nothing runs, and there is no journal in {}\n", state_dir.display())),
    }
    for record in &records {
        print(&format!("  {}\n", last_words::line(record)));
    }
    ExitCode::FAILURE
}

fn ambiguous(found: &[Found]) -> Failed {
    let names = found.iter().filter_map(Found::socket).filter_map(|socket| Some(plain(&status_of(socket).ok()?.name)));
    Failed::usage(format!("several run: give --name {}", names.collect::<Vec<_>>().join(" or --name ")))
}

fn status_of(socket: &Path) -> Result<model::Status, Failed> {
    serde_json::from_str(&json_of(socket)?)
        .map_err(|error| Failed::missing(format!("{}: its answer is not understood: {error}", socket.display())))
}

fn json_of(socket: &Path) -> Result<String, Failed> {
    let answer = get(socket, "/status").map_err(failed)?;
    if answer.status == 200 { Ok(answer.body) } else { Err(Failed::missing(plain(answer.body.trim_end()))) }
}

/// The newest incident but the one that is open, of which the rest of the screen tells.
fn last_incident(socket: &Path, status: &model::Status) -> Option<Listed> {
    let answer = get(socket, "/incidents?limit=2").ok()?;
    let listed: Vec<Listed> = serde_json::from_str(&answer.body).ok()?;
    let open = status.incident.as_ref().map(|incident| &incident.id);
    listed.into_iter().find(|listed| Some(&listed.incident) != open)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: AskError) -> Failed {
    Failed::missing(error.to_string())
}

/// What standard output shows. No colours where it is no terminal, or where `NO_COLOR` asks for none.
fn look() -> Look {
    let size = terminal::size();
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_plain = set("NO_COLOR").is_some() || set("TERM").as_deref() == Some("dumb");
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default().to_lowercase();
    Look {
        width: size.map_or(80, |(width, _)| width),
        colour: std::io::stdout().is_terminal() && !is_plain,
        unicode: locale.contains("utf-8") || locale.contains("utf8"),
    }
}

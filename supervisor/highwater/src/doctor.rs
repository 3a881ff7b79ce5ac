//! `highwater doctor`: what this host allows, and how to get what is missing.

mod neighbours;
mod shapes;

use std::process::ExitCode;

use highwater_core::ability::Ability;
use highwater_kernel::process::Forbidden;
use serde::Serialize;

use crate::cli::Doctor;
use crate::container::Container;
use crate::host::{Host, Lack};
use neighbours::Neighbours;
use shapes::Row;

#[derive(Serialize)]
struct Findings<'a> {
    abilities: Vec<&'static str>,
    missing: &'a [Lack],
    /// Why nothing can be captured from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    outside: Option<String>,
    /// What each shape can do, in a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Vec<Row>>,
}

/// Prints the abilities of this host. Nothing that lasts is changed to find them out.
pub fn doctor(arguments: &Doctor) -> ExitCode {
    let host = Host::look();
    let container = Container::find().map(|_| shapes::rows(&host, Neighbours::look()));
    let outside = Forbidden::memory_of_all().map(|forbidden| forbidden.to_string());
    if arguments.json {
        let abilities = host.abilities.iter().map(Ability::name).collect();
        let findings = Findings { abilities, missing: &host.missing, outside, container };
        println!("{}", serde_json::to_string_pretty(&findings).expect("findings are plain data"));
        return ExitCode::SUCCESS;
    }
    for ability in Ability::ALL {
        match host.missing.iter().find(|lack| lack.ability == ability.name()) {
            None => println!("yes  {:17} {}", ability.name(), ability.meaning()),
            Some(_) => println!("no   {:17} {}", ability.name(), ability.meaning()),
        }
    }
    for (reason, remedy, abilities) in by_cause(&host.missing) {
        println!("\n{}: {reason}\n    way out: {remedy}", abilities.join(", "));
    }
    if let Some(reason) = outside {
        println!("\nnothing can be captured from outside: {reason}");
    }
    if let Some(rows) = &container {
        shapes::print(rows);
    }
    ExitCode::SUCCESS
}

/// One cause often takes several abilities away: it is said once.
fn by_cause(missing: &[Lack]) -> Vec<(&str, &str, Vec<&'static str>)> {
    let mut causes: Vec<(&str, &str, Vec<&'static str>)> = Vec::new();
    for lack in missing {
        match causes.iter_mut().find(|(reason, ..)| *reason == lack.reason) {
            Some((_, _, abilities)) => abilities.push(lack.ability),
            None => causes.push((&lack.reason, &lack.remedy, vec![lack.ability])),
        }
    }
    causes
}

//! `highwater check`: everything that is wrong with policies.

use std::io::IsTerminal;
use std::process::ExitCode;

use highwater_policy::Colour;

use crate::cli::Check;

/// Checks every file and shows every error of all of them; status 2 if there is any.
pub fn check(arguments: &Check) -> ExitCode {
    if arguments.default {
        print!("{}", highwater_policy::DEFAULT);
    }
    let mut is_sound = true;
    for file in &arguments.files {
        match highwater_policy::load(file) {
            Ok(checked) => {
                eprint!("{}", checked.warnings.render(colour()));
                let (triggers, steps) = (checked.policy.triggers.len(), checked.policy.steps.len());
                println!("{}: ok ({}, {})", file.display(), count(triggers, "trigger"), count(steps, "step"));
            }
            Err(report) => {
                is_sound = false;
                eprint!("{}", report.render(colour()));
            }
        }
    }
    ExitCode::from(if is_sound { 0 } else { 2 })
}

/// Colours on a terminal only, and not where `NO_COLOR` asks for none.
pub fn colour() -> Colour {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stderr().is_terminal() && !plain { Colour::Always } else { Colour::Never }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

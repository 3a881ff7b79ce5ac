//! A native service that leaks as told, for the tests of highwater.
//!
//! Everything it does is an option (`leaker --help`): how fast and in how many threads it leaks, who writes its dump and
//! how slowly, what it makes of `SIGTERM`, whether it hides behind a double fork. It frees nothing, and the threads that
//! dump and stop are idle until asked, with their memory mapped and touched at start: the kind of service a hold is for.

mod cache;
mod daemon;
mod dump;
mod error;
mod exit;
mod gate;
mod leak;
mod log;
mod memory;
mod options;
mod pace;
mod signals;
mod stop;
mod usage;

use std::process::ExitCode;
use std::sync::Arc;

use crate::error::Error;
use crate::gate::Gate;
use crate::leak::Leak;
use crate::log::Log;
use crate::options::{Command, Options};

fn main() -> ExitCode {
    let command = match options::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("leaker: {error} (see leaker --help)");
            return ExitCode::from(2);
        }
    };
    match command {
        Command::Help => {
            print!("{}", usage::TEXT);
            ExitCode::SUCCESS
        }
        Command::Run(options) => run(&options).unwrap_or_else(|error| {
            eprintln!("leaker: {error}");
            ExitCode::FAILURE
        }),
    }
}

/// Sets the service up and then sleeps for ever: its threads do the work, and one of them ends it.
///
/// The order matters: fork before there are threads, block signals before there are threads that could take them, and
/// say that all is ready before the leak begins.
fn run(options: &Options) -> Result<ExitCode, Error> {
    if let Some(code) = options.exit.at_once() {
        return Ok(ExitCode::from(code));
    }
    if options.double_fork {
        daemon::detach()?;
    }
    memory::set_huge_pages(options.huge_pages)?;
    let log = Arc::new(Log::open(options.log.as_deref())?);
    let gate = Arc::new(Gate::new(options.gate));
    let leak = Leak::new(&options.leak, options.huge_pages, Arc::clone(&gate), Arc::clone(&log));

    signals::block(options.dump.blocks(options.leak.leaks()) | options.stop.blocks())?;
    dump::start(&options.dump, gate, Arc::clone(&log))?;
    stop::start(options.stop, Arc::clone(&log), Arc::clone(&leak))?;
    memory::hold_for_ever(options.base)?;
    log.ready(options)?;
    leak.start(options.dump.taken_by_leaking_threads())?;
    if let Some(stream) = &options.cache {
        cache::start(stream.clone())?;
    }
    exit::wait_for_the_end(&options.exit)
}

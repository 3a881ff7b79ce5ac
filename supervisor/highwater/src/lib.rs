//! The highwater program: a thin loop between a core that decides and a kernel layer that touches Linux.

mod bundle;
mod check;
pub mod cli;
mod container;
mod deliver;
mod doctor;
mod finish;
mod healthy;
mod host;
mod init;
mod install;
mod journal;
mod log;
mod notify;
mod past;
mod pressure_watch;
mod ready;
mod run;
mod runtime_dir;
mod sentence;
mod series;
mod serve;
pub mod snapshot;
mod sockets;
mod state;
mod status;
mod termination;
mod work;

use std::process::ExitCode;

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli::Command::Run(arguments)) => run::run(&arguments),
        Ok(cli::Command::Init(arguments)) => init::init(arguments),
        Ok(cli::Command::Check(arguments)) => check::check(&arguments),
        Ok(cli::Command::ProfileDiff(arguments)) => past::profile::diff(&arguments),
        Ok(cli::Command::ProfileList(of)) => past::profile::list(&of),
        Ok(cli::Command::KeepSeries(arguments)) => series::keep_series(&arguments),
        Ok(cli::Command::Deliver(outbox)) => deliver::deliver(&outbox),
        Ok(cli::Command::Finish(arguments)) => finish::finish(&arguments),
        Ok(cli::Command::Install(to)) => install::install(&to),
        Ok(cli::Command::Doctor(arguments)) => doctor::doctor(&arguments),
        Ok(cli::Command::Status(arguments)) => status::status(&arguments),
        Ok(cli::Command::Trigger(arguments)) => status::trigger(&arguments),
        Ok(cli::Command::Incidents(arguments)) => past::incidents(&arguments),
        Ok(cli::Command::Report(arguments)) => past::report(&arguments),
        Err(error) => {
            // Nobody is left to tell when even this cannot be written.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}

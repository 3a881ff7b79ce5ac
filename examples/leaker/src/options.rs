//! The command line, as plain data.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::cache::Stream;
use crate::dump::{Answer, Dump};
use crate::error::Error;
use crate::exit::Exit;
use crate::gate;
use crate::leak;
use crate::memory::HugePages;
use crate::pace;
use crate::stop::Stop;

/// What the command line asks for.
pub(crate) enum Command {
    /// Print the usage.
    Help,
    /// Be the service.
    Run(Box<Options>),
}

/// Everything the service can be told.
#[derive(Default)]
pub(crate) struct Options {
    /// Bytes touched at start.
    pub(crate) base: usize,
    pub(crate) leak: leak::Plan,
    pub(crate) huge_pages: HugePages,
    pub(crate) cache: Option<Stream>,
    pub(crate) dump: Dump,
    pub(crate) gate: gate::Kind,
    pub(crate) stop: Stop,
    pub(crate) exit: Exit,
    pub(crate) double_fork: bool,
    pub(crate) ready_file: Option<PathBuf>,
    pub(crate) log: Option<PathBuf>,
}

/// Reads the whole command line.
pub(crate) fn parse(mut parser: Parser) -> Result<Command, Error> {
    let mut options = Options::default();
    let mut stream = Stream::default();
    while let Some(argument) = parser.next()? {
        let Arg::Long(name) = argument else {
            return Err(argument.unexpected().into());
        };
        let name = name.to_owned();
        if name == "help" {
            return Ok(Command::Help);
        }
        let known = leak_option(&name, &mut options, &mut parser)?
            || cache_option(&name, &mut stream, &mut parser)?
            || dump_option(&name, &mut options, &mut parser)?
            || life_option(&name, &mut options, &mut parser)?;
        if !known {
            return Err(Arg::Long(&name).unexpected().into());
        }
    }
    options.cache = stream.wanted()?;
    check(&options)?;
    Ok(Command::Run(Box::new(options)))
}

fn leak_option(name: &str, options: &mut Options, parser: &mut Parser) -> Result<bool, Error> {
    let leak = &mut options.leak;
    match name {
        "base" => options.base = mebibytes(parser)?,
        "rate" => leak.rate = value(parser)?,
        "threads" => leak.threads = value(parser)?,
        "leak-after" => leak.after = seconds(parser)?,
        "burst" => leak.burst = mebibytes(parser)?,
        "stop-leak-at" => leak.plateau = Some(mebibytes(parser)?),
        "thp" => options.huge_pages = value(parser)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn cache_option(name: &str, stream: &mut Stream, parser: &mut Parser) -> Result<bool, Error> {
    match name {
        "cache" => stream.rate = value(parser)?,
        "cache-file" => stream.file = Some(parser.value()?.into()),
        "cache-size" => stream.size = mebibytes(parser)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn dump_option(name: &str, options: &mut Options, parser: &mut Parser) -> Result<bool, Error> {
    let dump = &mut options.dump;
    match name {
        "dump-file" => dump.template = parser.value()?.string()?,
        "dump-size" => dump.size = mebibytes(parser)?,
        "dump-rate" => dump.rate = value(parser)?,
        "dump-signal" => dump.signal = parser.value()?.parse_with(signal)?,
        "dump-handler" => dump.answer = value(parser)?,
        "dump-empty" => dump.size = 0,
        "dump-forever" => dump.forever = true,
        "pause-while-dumping" => options.gate = gate::Kind::StopTheWorld,
        "shared-lock" => options.gate = gate::Kind::SharedLock,
        _ => return Ok(false),
    }
    Ok(true)
}

fn life_option(name: &str, options: &mut Options, parser: &mut Parser) -> Result<bool, Error> {
    match name {
        "stop" => options.stop = value(parser)?,
        "exit" => options.exit.code = Some(value(parser)?),
        "exit-after" => options.exit.after = Some(seconds(parser)?),
        "double-fork" => options.double_fork = true,
        "ready-file" => options.ready_file = Some(parser.value()?.into()),
        "log" => options.log = Some(parser.value()?.into()),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Refuses what would deadlock or could never do anything.
fn check(options: &Options) -> Result<(), Error> {
    let in_handler = options.dump.answer == Answer::Handler;
    if in_handler && options.gate != gate::Kind::Open {
        return Err(Error::Contradiction(
            "a handler that interrupts a leaking thread would wait for a lock of that same thread: \
             --pause-while-dumping and --shared-lock need --dump-handler sigwait",
        ));
    }
    if options.dump.forever && options.dump.size == 0 {
        return Err(Error::Contradiction("--dump-forever needs a --dump-size"));
    }
    if options.leak.threads == 0 {
        return Err(Error::Contradiction("--threads 0 leaks nothing: say --rate 0"));
    }
    Ok(())
}

fn value<T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>>(parser: &mut Parser) -> Result<T, Error> {
    Ok(parser.value()?.parse()?)
}

fn mebibytes(parser: &mut Parser) -> Result<usize, Error> {
    Ok((parser.value()?.parse_with(pace::decimal)? * 1_048_576.0) as usize)
}

fn seconds(parser: &mut Parser) -> Result<Duration, Error> {
    Ok(Duration::from_secs_f64(parser.value()?.parse_with(pace::decimal)?))
}

fn signal(name: &str) -> Result<nix::sys::signal::Signal, String> {
    let bare = name.trim_start_matches("SIG");
    format!("SIG{bare}").parse().map_err(|_| format!("{name:?} is no signal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Box<Options>, Error> {
        match parse(Parser::from_args(line.split_whitespace()))? {
            Command::Run(options) => Ok(options),
            Command::Help => Err(Error::Contradiction("help")),
        }
    }

    #[test]
    fn sizes_are_mebibytes_and_times_may_have_fractions() {
        let options = options("--base 1.5 --leak-after 0.25").unwrap();
        assert_eq!(options.base, 1_572_864);
        assert_eq!(options.leak.after, Duration::from_millis(250));
    }

    #[test]
    fn a_signal_has_its_name_with_or_without_prefix() {
        for name in ["CONT", "SIGCONT"] {
            let options = options(&format!("--dump-signal {name}")).unwrap();
            assert_eq!(options.dump.signal, nix::sys::signal::Signal::SIGCONT);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "--no-such-option",
            "--rate -1",
            "--rate fast",
            "--base NaN",
            "--threads 0",
            "--dump-signal USR9",
            "--dump-handler maybe",
            "--stop slow=soon",
            "--cache 10",
            "--dump-forever --dump-empty",
            "--dump-handler handler --shared-lock",
            "stray",
        ] {
            assert!(options(line).is_err(), "{line}");
        }
    }
}

//! Writes the heap profile of a running Go program to a file: `go_heap PID FILE [published|last|now]`.

use std::process::ExitCode;
use std::time::Instant;

use highwater_capture::go::{Moment, heap_profile_of};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pid, file, moment @ ..] = &arguments[..] else {
        eprintln!("usage: go_heap PID FILE [published|last|now]");
        return ExitCode::from(2);
    };
    let moment = match moment.first().map(String::as_str) {
        Some("published") => Moment::Published,
        Some("now") => Moment::Now,
        _ => Moment::LastCollection,
    };
    let began = Instant::now();
    match pid.parse().map_err(|error| format!("{pid}: {error}")).and_then(|pid| take(pid, file, moment)) {
        Ok(text) => {
            println!("{text} in {:.1?}", began.elapsed());
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn take(pid: u32, file: &str, moment: Moment) -> Result<String, String> {
    let profile = heap_profile_of(pid, moment).map_err(|error| error.to_string())?;
    std::fs::write(file, &profile.pprof).map_err(|error| format!("cannot write {file}: {error}"))?;
    Ok(format!(
        "{}: {} bytes in {} objects, {} samples of {} buckets{}",
        profile.version,
        profile.bytes_in_use,
        profile.objects,
        profile.samples,
        profile.buckets,
        if profile.is_whole { "" } else { ", incomplete" },
    ))
}

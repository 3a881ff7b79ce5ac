//! `highwater deliver DIR`: works an outbox off. It runs as a process of its own; what becomes of each item is a line of
//! JSON on standard output, and so is when it wants to be called again.

use std::path::Path;
use std::process::ExitCode;

/// Works the outbox off once.
pub fn deliver(outbox: &Path) -> ExitCode {
    match highwater_evidence::delivery::run(outbox, std::io::stdout()) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(wait)) => {
            println!("{}", serde_json::json!({ "next_in_ms": wait.as_millis() as u64 }));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("highwater: {error}");
            ExitCode::FAILURE
        }
    }
}

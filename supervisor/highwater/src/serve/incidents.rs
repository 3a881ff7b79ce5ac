//! What happened, as JSON and without any evidence: read by a process of its own, since the records of incidents are
//! large and highwater is to stay small.

use std::ffi::OsString;

use hyper::StatusCode;

use super::Around;
use super::answer::{Answer, later, of_type, text};
use crate::run::own_command;
use crate::work::program;

/// The newest so many, where a client does not say how many.
const USUAL: usize = 100;
const MOST: usize = 1_000;

/// Answers with the newest incidents.
pub async fn answer(query: &str, around: &Around) -> Answer {
    let Ok(limit) = limit(query) else { return text(StatusCode::BAD_REQUEST, "limit is a number") };
    // One at a time: a process each is more than a stranger may ask for.
    let Ok(_turn) = around.turn.try_acquire() else {
        return later(text(StatusCode::SERVICE_UNAVAILABLE, "somebody else is asking"), 1);
    };
    let mut argv = own_command("incidents");
    let more: [OsString; 5] = [
        "--json".into(),
        "--state-dir".into(),
        around.state_dir.clone().into(),
        "--limit".into(),
        limit.to_string().into(),
    ];
    argv.extend(more);
    let mut list = String::new();
    let read = program::run_own(argv, around.work.clone(), |line| {
        list.push_str(line);
        list.push('\n');
    });
    match read.await {
        Ok(()) => of_type(StatusCode::OK, "application/json", list),
        Err(reason) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("the incidents cannot be read: {reason}")),
    }
}

fn limit(query: &str) -> Result<usize, std::num::ParseIntError> {
    let given = query.split('&').find_map(|part| part.strip_prefix("limit="));
    given.map_or(Ok(USUAL), |limit| limit.parse().map(|limit: usize| limit.min(MOST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_an_end() {
        assert_eq!(limit(""), Ok(USUAL));
        assert_eq!(limit("a=1&limit=3"), Ok(3));
        assert_eq!(limit("limit=99999"), Ok(MOST));
        assert!(limit("limit=-1").is_err());
    }
}

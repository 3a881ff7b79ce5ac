//! Lines as text: a record with its JSON as it is or as its sentence, anything else as a message.

use highwater_kernel::clock::Rfc3339;
use tracing::Level;

use super::Line;
use crate::cli::Log;

/// The line with its end.
pub fn lay_out(line: &Line, format: Log) -> String {
    let time = Rfc3339(line.time);
    match (format, &line.record) {
        (Log::Json, Some(record)) => format!("{record}\n"),
        (Log::Json, None) => {
            let (level, message) = (line.level, serde_json::Value::String(line.message.clone()));
            format!(r#"{{"time":"{time}","event":"log","level":"{level}","reason":{message}}}"#) + "\n"
        }
        (Log::Human, _) => {
            let mark = if line.level <= Level::WARN { "! " } else { "" };
            format!("{} {mark}{}\n", &time.to_string()[11..23], line.message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn people_get_a_sentence_and_machines_the_record() {
        let time = UNIX_EPOCH + Duration::from_millis(3_723_004);
        let warning = Line { time, level: Level::WARN, message: "a \"b\"".into(), record: None };
        assert_eq!(lay_out(&warning, Log::Human), "01:02:03.004 ! a \"b\"\n");
        let json = lay_out(&warning, Log::Json);
        assert!(json.ends_with("\"event\":\"log\",\"level\":\"WARN\",\"reason\":\"a \\\"b\\\"\"}\n"), "{json}");
        let record = Line { record: Some("{}".into()), level: Level::INFO, ..warning };
        assert_eq!(lay_out(&record, Log::Json), "{}\n");
        assert_eq!(lay_out(&record, Log::Human), "01:02:03.004 a \"b\"\n");
    }
}

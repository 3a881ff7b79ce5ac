//! Answers, in the few forms there are.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// A whole answer.
pub type Answer = Response<Full<Bytes>>;

/// Lines for people.
pub fn text(status: StatusCode, text: impl Into<String>) -> Answer {
    let mut text: String = text.into();
    text.push('\n');
    of_type(status, "text/plain; charset=utf-8", text)
}

/// JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let mut text = serde_json::to_string_pretty(value).expect("answers are plain data with text keys");
    text.push('\n');
    of_type(status, "application/json", text)
}

/// Text of that type.
pub fn of_type(status: StatusCode, kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Another method would have been answered.
pub fn allow(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {methods}"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

/// To be asked again after so many seconds.
pub fn later(mut answer: Answer, seconds: u64) -> Answer {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

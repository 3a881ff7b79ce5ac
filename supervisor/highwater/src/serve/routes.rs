//! Which request has which answer.

use std::time::{Duration, UNIX_EPOCH};

use highwater_kernel::clock;
use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request, StatusCode};
use tokio::sync::oneshot;

use super::answer::{Answer, allow, json, of_type, text};
use super::connections::Caller;
use super::exposition::Form;
use super::view::View;
use super::{Around, Question, health, incidents, metrics, trigger};
use crate::run::Wake;

const INDEX: &str = "highwater\n\n\
    /livez      whether highwater itself is well\n\
    /readyz     whether load should come to the service; ?verbose says more\n\
    /status     how everything stands, as JSON\n\
    /metrics    for Prometheus\n\
    /incidents  what happened, as JSON; ?limit=N\n\
    /trigger/   POST dump, throttle or restart, on the unix socket only";

/// Answers a request.
pub async fn route(request: Request<Incoming>, caller: Caller, around: &Around) -> Answer {
    let path = request.uri().path().trim_end_matches('/');
    if let Some(wish) = path.strip_prefix("/trigger/") {
        return trigger::answer(request.method(), wish, caller, around).await;
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return allow("GET, HEAD");
    }
    let query = request.uri().query().unwrap_or_default();
    match path {
        "" => text(StatusCode::OK, INDEX),
        "/livez" | "/healthz" => {
            // That there is an answer says that the loop turns, or is over and the rest is being done.
            let _ = view(around).await;
            text(StatusCode::OK, "ok")
        }
        "/readyz" => health::readyz(view(around).await.as_deref(), has(query, "verbose")),
        "/status" => with_view(around, |view| json(StatusCode::OK, view)).await,
        "/metrics" => with_view(around, |view| metrics(view, &request)).await,
        "/incidents" => incidents::answer(query, around).await,
        _ => text(StatusCode::NOT_FOUND, "there is nothing here; / says what there is"),
    }
}

/// How everything stands; nothing once the loop is over.
async fn view(around: &Around) -> Option<Box<View>> {
    let (sender, receiver) = oneshot::channel();
    around.wake.send(Wake::Asked(Question::View(sender))).ok()?;
    receiver.await.ok()
}

async fn with_view(around: &Around, answer: impl FnOnce(&View) -> Answer) -> Answer {
    match view(around).await {
        Some(view) => answer(&view),
        None => health::ending(),
    }
}

fn metrics(view: &View, request: &Request<Incoming>) -> Answer {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let form = Form::accepted(accept.unwrap_or_default());
    of_type(StatusCode::OK, form.content_type(), metrics::text(view, unix_time(), form))
}

fn unix_time() -> Duration {
    clock::wall().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Whether a query has that word.
fn has(query: &str, word: &str) -> bool {
    query.split('&').any(|part| part.split('=').next() == Some(word))
}

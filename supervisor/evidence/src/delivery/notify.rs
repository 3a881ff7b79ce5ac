//! Word of an incident: to an Alertmanager, or to a webhook.

use std::time::Duration;

use bytes::Bytes;
use highwater_kernel::clock::{Rfc3339, wall};
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::body::Content;
use super::failure::Failure;
use super::http::{Target, send};
use super::item::{Notice, Via};

/// Sends it.
pub async fn notify(incident: &str, via: &Via, notice: &Notice) -> Result<(), Failure> {
    let (target, body) = match via {
        Via::Alertmanager(url) => (Target::parse(url)?.below(["api/v2/alerts"]), json!([alert(incident, notice)])),
        Via::Webhook(url) => (Target::parse(url)?, message(incident, notice)),
    };
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let answer = send(Method::POST, &target, headers, Content::Text(Bytes::from(body.to_string()))).await?;
    answer.verdict(&target, &answer.line())
}

/// An Alertmanager holds an alert that has no end for over after five minutes in which it is not repeated. An incident
/// may take longer, and if nobody is left to say that it is over it shall not stand for ever.
const STANDS: Duration = Duration::from_secs(4 * 60 * 60);

/// An alert as version 2 of the interface of Alertmanager has it.
fn alert(incident: &str, notice: &Notice) -> Value {
    let mut alert = json!({
        "labels": {
            "alertname": "HighwaterIncident",
            "severity": notice.severity,
            "service": notice.name,
            "incident": incident,
            "instance": notice.instance,
        },
        "annotations": { "summary": notice.summary, "description": notice.description },
        "startsAt": notice.opened,
    });
    if let Some(evidence) = &notice.evidence {
        alert["annotations"]["evidence"] = json!(evidence);
    }
    let latest = || Rfc3339(wall() + STANDS).to_string();
    alert["endsAt"] = json!(notice.resolved.clone().unwrap_or_else(latest));
    alert
}

fn message(incident: &str, notice: &Notice) -> Value {
    json!({
        "event": if notice.resolved.is_some() { "incident.resolved" } else { "incident.opened" },
        "incident": incident,
        "name": notice.name,
        "severity": notice.severity,
        "instance": notice.instance,
        "opened": notice.opened,
        "resolved": notice.resolved,
        "summary": notice.summary,
        "description": notice.description,
        "evidence": notice.evidence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_ends_when_the_incident_does() {
        let open = Notice { name: "shop".into(), opened: "2026-11-22T10:00:00Z".into(), ..Notice::default() };
        let over = Notice { resolved: Some("2026-11-22T10:05:00Z".into()), ..open.clone() };
        assert!(alert("i-1", &open)["endsAt"].as_str().unwrap() > Rfc3339(wall()).to_string().as_str());
        assert_eq!(alert("i-1", &over)["endsAt"], "2026-11-22T10:05:00Z");
        assert_eq!(alert("i-1", &open)["labels"], alert("i-1", &over)["labels"]);
        assert_eq!(message("i-1", &over)["event"], "incident.resolved");
    }
}

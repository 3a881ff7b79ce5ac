//! Whether load should come to the service: what a kubelet asks.

use std::fmt::Write;

use hyper::StatusCode;

use super::answer::{Answer, later, text};
use super::view::View;

/// To be asked again after so many seconds, where nothing better is known.
const SOON: u64 = 5;

/// Whether load should come, and why not.
pub fn readyz(view: Option<&View>, verbose: bool) -> Answer {
    let Some(view) = view else { return ending() };
    let readiness = &view.status.readiness;
    let reason = readiness.reason.as_deref().unwrap_or("not ready");
    let said = if verbose {
        in_full(view)
    } else if readiness.ready {
        "ok".into()
    } else {
        reason.to_owned()
    };
    if readiness.ready {
        return text(StatusCode::OK, said);
    }
    let wait = readiness.retry_after.map_or(SOON, |wait| wait.as_millis().div_ceil(1_000).max(1) as u64);
    later(text(StatusCode::SERVICE_UNAVAILABLE, said), wait)
}

/// The answer of one who is about to be gone.
pub fn ending() -> Answer {
    later(text(StatusCode::SERVICE_UNAVAILABLE, "highwater is ending"), SOON)
}

/// In the manner of Kubernetes.
fn in_full(view: &View) -> String {
    let status = &view.status;
    let mut said = format!("[+]highwater ok\n[+]service {}, generation {}\n", status.state.name(), status.generation);
    match &status.incident {
        Some(incident) => {
            let step = incident.step.as_ref().map(|step| format!(", step {step}")).unwrap_or_default();
            let _ = writeln!(said, "[+]incident {}{step}", incident.id);
        }
        None => said.push_str("[+]no incident\n"),
    }
    match (status.readiness.ready, &status.readiness.reason) {
        (true, _) => said.push_str("[+]ready ok\nreadyz check passed"),
        (false, reason) => {
            let _ = write!(said, "[-]ready failed: {}\nreadyz check failed", reason.as_deref().unwrap_or("not ready"));
        }
    }
    said
}

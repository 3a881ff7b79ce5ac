//! Signals against each other.

use highwater_core::signal::Signal;

use super::steps;
use crate::language::{Document, Service};
use crate::notes::Notes;

pub(super) fn check(document: &Document, notes: &mut Notes) {
    let Some(service) = &document.service.value else { return };
    let Some(stop) = service.stop_signal.value.map(|signal| signal.0) else { return };
    no_grace(service, stop, notes);
    let dumps = || steps(document).filter_map(|step| step.dump.value.as_ref());
    let cheaper = dumps().flat_map(|dump| dump.fallback.value.iter().flat_map(|many| many.0.iter().flatten()));
    let signals = dumps().map(|dump| &dump.signal).chain(cheaper.map(|dump| &dump.signal));
    for signal in signals {
        if let Some((signal, at)) = signal.given().filter(|(signal, _)| signal.0 == stop) {
            let message = format!("{} ends the service: it is its stop signal", signal.0);
            notes.error(at, message, "a signal on which the service writes its dump and lives on");
        }
    }
    for signal in steps(document).filter_map(|step| step.signal.value.as_ref()) {
        if let Some((send, at)) = signal.send.given().filter(|(send, _)| send.0 == stop) {
            notes
                .warning(at, format!("{} ends the service: it is its stop signal", send.0), "no deadline follows")
                .help("a `restart` step stops it with a grace period and starts the next generation");
        }
    }
}

/// SIGKILL as the stop signal, and a grace period nobody will use.
fn no_grace(service: &Service, stop: Signal, notes: &mut Notes) {
    if stop == Signal::KILL && service.stop_timeout.is_present() {
        let at = &service.stop_signal.at;
        notes.warning(at, "SIGKILL leaves no grace period", "`stop-timeout` has no effect");
    }
}

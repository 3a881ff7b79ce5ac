//! Sockets against each other.

use crate::language::Document;
use crate::notes::Notes;

pub(super) fn check(document: &Document, notes: &mut Notes) {
    let sockets = document.socket.value.iter().flat_map(|many| many.0.iter().flatten());
    let given: Vec<_> = sockets.filter_map(|socket| socket.listen.given()).collect();
    for (index, (listen, at)) in given.iter().enumerate() {
        if let Some((_, first)) = given[..index].iter().find(|(other, _)| other == listen) {
            let message = format!("two sockets listen on {}", listen.0);
            notes.error(at, message, "the second could not be bound").see((*first).clone(), "the first is");
        }
    }
}

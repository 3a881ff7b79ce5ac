//! What to do next.

use super::parts::{note, section};
use crate::advice::advice;
use crate::incident::Incident;
use crate::markup::{Markup, element, with_code};

/// The section with the advice.
pub fn next(incident: &Incident) -> Markup {
    let advice: Markup = advice(incident).iter().map(|said| element("li", &[], with_code(said))).collect();
    let content = if advice.is_empty() {
        note("Nothing in particular.")
    } else {
        [note("Commands work in the directory of the incident."), element("ol", &[("class", "advice")], advice)].into()
    };
    section("next", "What to do next", content)
}

//! What happened, in three sentences.

use super::parts::section;
use crate::incident::Incident;
use crate::markup::{Markup, element};
use crate::summary::summary;

/// The section with the three sentences.
pub fn story(incident: &Incident) -> Markup {
    let sentences: Markup = summary(incident).into_iter().map(|sentence| element("p", &[], sentence)).collect();
    let link = element("p", &[("class", "onward")], element("a", &[("href", "#next")], "What to do next"));
    section("story", "What happened", [element("div", &[("class", "story")], sentences), link])
}

//! The difference of two profiles as a flame graph, in SVG.
//!
//! A bar is a call and hangs below the one that called it. Its width is what it and all that it called hold now, its
//! colour how that changed. Positions are shares of the whole, not pixels, and each bar clips its own text: so the letters
//! have the same size on a phone as on a large screen, without a script.

mod colour;
mod label;
mod layout;
mod svg;
mod xml;

use crate::comparison::Comparison;
use crate::profile::Profile;
use layout::Layout;

/// The flame graph of what grew from `before` to `after`, as the text of a self-contained SVG file, which can also stand
/// in a page as it is. Without `before` it shows what there is.
///
/// None where it would show nothing: no profile has a stack of more than one call, or nothing is held any more.
pub fn flame_graph(before: Option<&Profile>, after: &Profile, title: &str) -> Option<String> {
    Comparison::new(before, after).flame_graph(title)
}

impl Comparison {
    /// The flame graph: see [`flame_graph`].
    pub fn flame_graph(&self, title: &str) -> Option<String> {
        let deep = self.tree.calls().any(|call| self.tree.outwards(call).nth(1).is_some());
        if !deep || self.total.after.bytes == 0 {
            return None;
        }
        Some(svg::draw(self, &Layout::of(&self.tree), title))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference::Total;
    use crate::format::Format;

    fn profile(stacks: &[(&str, u64)]) -> Profile {
        let mut profile = Profile::new(Format::Pprof);
        for (stack, bytes) in stacks {
            let stack: Vec<_> = stack.split(' ').map(|name| profile.name(name)).collect();
            profile.add(&stack, Total { bytes: *bytes, objects: 1 });
        }
        profile
    }

    #[test]
    fn bars_say_what_they_are_and_how_they_changed() {
        let before = profile(&[("main leak", 1 << 20), ("main cache", 3 << 20), ("main gone", 4096)]);
        let after = profile(&[("main leak", 5 << 20), ("main cache", 3 << 20)]);
        let svg = flame_graph(Some(&before), &after, "orders <& co>").unwrap();
        assert!(svg.contains("aria-label=\"orders &lt;&amp; co&gt;\""), "{svg}");
        assert!(svg.contains("<title>leak\n5.0 MiB, +4.0 MiB, 62.5 %</title><rect class=\"g4\""), "{svg}");
        assert!(svg.contains("<title>cache\n3.0 MiB, ±0 B, 37.5 %</title><rect class=\"e\""), "{svg}");
        assert!(svg.contains("x=\"62.5%\" y=\"128\" width=\"37.5%\""), "{svg}");
        assert!(svg.contains("Grew most: leak (+4.0 MiB)."), "{svg}");
        assert!(!svg.contains("gone"), "{svg}");
    }

    #[test]
    fn nothing_in_it_comes_from_elsewhere_or_runs() {
        let hostile = profile(&[("main <script>alert(1)</script> url(https://example.com/)", 1)]);
        let svg = flame_graph(None, &hostile, "\"><script>").unwrap();
        let names = svg.replace("http://www.w3.org/2000/svg", "");
        assert!(!svg.contains("<script") && !names.contains("href"), "{svg}");
        assert_eq!(names.matches("url(").count(), 2, "the name and its label, as text: {svg}");
    }

    #[test]
    fn without_a_profile_before_there_is_no_colour() {
        let svg = flame_graph(None, &profile(&[("main leak", 1)]), "all").unwrap();
        assert!(svg.contains("<rect class=\"e\"") && !svg.contains("<rect class=\"g"), "{svg}");
    }

    #[test]
    fn what_has_no_stacks_or_nothing_left_has_no_graph() {
        let types = Profile::of_types(Format::JvmHistogram, [("byte[]", Total { bytes: 1, objects: 1 })]);
        assert_eq!(flame_graph(None, &types, ""), None);
        assert_eq!(flame_graph(Some(&profile(&[("main leak", 1)])), &profile(&[]), ""), None);
    }
}

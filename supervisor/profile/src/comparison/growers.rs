//! Sums by site, and those of them that gained most.

use crate::blame::{self, Part};
use crate::comparison::{Change, Comparison};
use crate::difference::{Grower, MOST};
use crate::names::Name;
use crate::tree::Call;

/// So many places are kept for what is the program's own.
const OWN: usize = 10;

/// What grew most, first the site that gained most bytes.
///
/// Of two that gained the same, first comes what is not of the standard library: of an `Integer` and the `Session` that
/// holds it, the latter is to blame.
pub(super) fn growers(comparison: &Comparison) -> Vec<Grower> {
    let parts = parts(comparison);
    let sites = sum_by_site(comparison, &parts);
    let mut grown: Vec<(usize, Site)> = sites
        .into_iter()
        .enumerate()
        .filter_map(|(name, site)| Some((name, site?)))
        .filter(|(_, site)| site.change.gained() > 0)
        .collect();
    let key =
        |(name, site): &(usize, Site)| (-site.change.gained(), parts[*name], -site.change.gained_objects(), *name);
    grown.sort_unstable_by_key(key);
    let mut own_left = OWN;
    let mut others_left = MOST - OWN;
    grown.retain(|(name, _)| {
        let left = if parts[*name] == Part::Own && own_left > 0 { &mut own_left } else { &mut others_left };
        let kept = *left > 0;
        *left = left.saturating_sub(1);
        kept
    });
    grown.into_iter().map(|(_, site)| grower(comparison, &site)).collect()
}

/// All the stacks that are blamed on one name.
#[derive(Clone, Copy)]
struct Site {
    change: Change,
    /// The blamed call of the stack that gained most.
    heaviest: Call,
    /// So much it gained.
    gained: i128,
}

fn parts(comparison: &Comparison) -> Vec<Part> {
    comparison.names.texts().map(|name| blame::part(comparison.format, name)).collect()
}

/// By the number of the name.
fn sum_by_site(comparison: &Comparison, parts: &[Part]) -> Vec<Option<Site>> {
    let mut sites = vec![None; parts.len()];
    for stack in comparison.tree.calls() {
        let change = comparison.tree.value(stack);
        if change == Change::default() {
            continue;
        }
        if let Some((call, name)) = blamed(comparison, parts, stack) {
            add(&mut sites[name.index()], change, call);
        }
    }
    sites
}

fn add(site: &mut Option<Site>, change: Change, call: Call) {
    let gained = change.gained();
    let site = site.get_or_insert(Site { change: Change::default(), heaviest: call, gained });
    site.change.add(change);
    if gained > site.gained {
        (site.heaviest, site.gained) = (call, gained);
    }
}

/// The innermost call that is the program's own; without one, the innermost of a library; without one, the innermost.
fn blamed(comparison: &Comparison, parts: &[Part], stack: Call) -> Option<(Call, Name)> {
    // min_by_key gives the first of several, and the walk begins innermost.
    comparison.tree.outwards(stack).min_by_key(|(_, name)| parts[name.index()])
}

fn grower(comparison: &Comparison, site: &Site) -> Grower {
    let mut stack: Vec<String> =
        comparison.tree.outwards(site.heaviest).map(|(_, name)| comparison.names.text(name).to_owned()).collect();
    stack.reverse();
    Grower {
        site: stack.last().cloned().unwrap_or_default(),
        stack,
        before: site.change.before,
        after: site.change.after,
    }
}

#[cfg(test)]
mod tests {
    use crate::difference::{Difference, Total, difference};
    use crate::format::Format;
    use crate::profile::Profile;

    fn profile(stacks: &[(&str, u64)]) -> Profile {
        let mut profile = Profile::new(Format::Pprof);
        for (stack, bytes) in stacks {
            let stack: Vec<_> = stack.split_whitespace().map(|name| profile.name(name)).collect();
            profile.add(&stack, Total { bytes: *bytes, objects: 1 });
        }
        profile
    }

    fn sites(difference: &Difference) -> Vec<(&str, i64)> {
        difference.growers.iter().map(|grower| (grower.site.as_str(), grower.gained())).collect()
    }

    #[test]
    fn sites_are_sorted_by_what_they_gained_and_losers_left_out() {
        let before =
            profile(&[("main.main main.cache", 500), ("main.main main.leak", 10), ("main.main main.small", 1)]);
        let after =
            profile(&[("main.main main.cache", 400), ("main.main main.leak", 900), ("main.main main.small", 3)]);
        let difference = difference(Some(&before), &after);
        assert_eq!(sites(&difference), [("main.leak", 890), ("main.small", 2)]);
        assert_eq!((difference.before.bytes, difference.after.bytes), (511, 1303));
    }

    #[test]
    fn machinery_is_not_blamed_and_the_heaviest_stack_is_kept() {
        let after = profile(&[
            ("main.a main.leak bytes.growSlice", 5),
            ("main.b main.leak encoding/json.Marshal bytes.growSlice", 50),
            ("main.c main.leak", 7),
        ]);
        let difference = difference(None, &after);
        assert_eq!(sites(&difference), [("main.leak", 62)]);
        assert_eq!(difference.growers[0].stack, ["main.b", "main.leak"]);
        assert_eq!(difference.growers[0].after, Total { bytes: 62, objects: 3 });
    }

    #[test]
    fn where_there_is_only_machinery_the_least_of_it_is_blamed() {
        let after = profile(&[("runtime.main bytes.growSlice runtime.mallocgc", 5), ("runtime.mcall runtime.malg", 2)]);
        assert_eq!(sites(&difference(None, &after)), [("bytes.growSlice", 5), ("runtime.malg", 2)]);
    }

    #[test]
    fn of_a_recursion_the_innermost_call_is_blamed() {
        let after = profile(&[("main.walk main.walk main.walk", 5)]);
        assert_eq!(difference(None, &after).growers[0].stack.len(), 3);
    }

    #[test]
    fn of_equal_gains_the_programs_own_comes_first() {
        let held = Total { bytes: 16, objects: 1 };
        let after = Profile::of_types(Format::JvmHistogram, [("java.lang.Integer", held), ("Session", held)]);
        assert_eq!(difference(None, &after).growers[0].site, "Session");
    }

    #[test]
    fn a_profile_of_another_format_is_no_comparison() {
        let before = Profile::of_types(Format::JvmHistogram, [("main.leak", Total { bytes: 9, objects: 9 })]);
        let difference = difference(Some(&before), &profile(&[("main.leak", 10)]));
        assert_eq!(difference.before, Total::default());
        assert_eq!(sites(&difference), [("main.leak", 10)]);
    }

    #[test]
    fn no_more_than_the_greatest_are_kept() {
        let names: Vec<String> = (1..=200).map(|number| format!("main.f{number}")).collect();
        let stacks: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(1..).collect();
        let difference = difference(None, &profile(&stacks));
        assert_eq!(difference.growers.len(), super::MOST);
        assert_eq!(difference.growers[0].site, "main.f200");
    }

    #[test]
    fn the_programs_own_is_among_them_however_small() {
        let names: Vec<String> = (1..=200).map(|number| format!("java.util.T{number}")).collect();
        let held = |bytes| Total { bytes, objects: 1 };
        let types = names.iter().map(String::as_str).zip((100..).map(held)).chain([("Session", held(16))]);
        let difference = difference(None, &Profile::of_types(Format::JvmHistogram, types));
        let suspects: Vec<&str> = difference.suspects().map(|grower| grower.site.as_str()).collect();
        assert_eq!(suspects, ["java.util.T200", "Session"]);
        assert_eq!(difference.growers.len(), super::MOST - super::OWN + 1);
    }
}

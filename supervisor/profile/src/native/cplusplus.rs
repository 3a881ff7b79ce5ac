//! Plain C++ names. One with templates stays mangled: to say it all takes a library ten times this size.

/// `_ZN5store8rememberEi` is `store::remember`.
pub(super) fn demangle(symbol: &str) -> Option<String> {
    let mut rest = symbol.strip_prefix("_ZN")?.trim_start_matches(['K', 'V']);
    let mut parts: Vec<&str> = Vec::new();
    while !rest.starts_with('E') {
        let (part, after) = part(rest, parts.last().copied())?;
        parts.push(part);
        rest = after;
    }
    (!parts.is_empty()).then(|| parts.join("::"))
}

/// A name with its length in front, or a constructor, which is called as the class is.
fn part<'a>(rest: &'a str, class: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    if let Some(after) = ["C1", "C2", "C3"].iter().find_map(|code| rest.strip_prefix(code)) {
        return Some((class?, after));
    }
    let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
    let length = rest[..digits].parse().ok()?;
    rest[digits..].split_at_checked(length).filter(|(part, _)| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn plain_names_only() {
        assert_eq!(demangle("_ZNK5store5Cache3putERKi").as_deref(), Some("store::Cache::put"));
        assert_eq!(demangle("_ZN5CacheC1Ev").as_deref(), Some("Cache::Cache"));
        for mangled in ["_ZN", "_ZNE", "_ZN5Cac", "_ZN0E", "_ZNC1E", "_Z4mainv", "_ZN3fooIiE3barEv"] {
            assert_eq!(demangle(mangled), None, "{mangled}");
        }
    }
}

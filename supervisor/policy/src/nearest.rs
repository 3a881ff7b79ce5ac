//! "Did you mean": the known word nearest to an unknown one.

/// The known word nearest to `word`, if any is near enough. Case and `_` for `-` cost nothing.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = word.to_lowercase().replace('_', "-");
    // Far longer than any word of the language: not worth the time.
    if plain.chars().count() > 64 {
        return None;
    }
    let far = (plain.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&plain, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Words as a list for people: "`a`, `b` or `c`".
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["resolve-after", "stop-signal", "on"];
        assert_eq!(nearest("resolve_after", known), Some("resolve-after"));
        assert_eq!(nearest("Stop-Signal", known), Some("stop-signal"));
        assert_eq!(nearest("stop-singal", known), Some("stop-signal"));
        assert_eq!(nearest("no", known), Some("on"));
        assert_eq!(nearest("throttle", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn lists_read_well() {
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}

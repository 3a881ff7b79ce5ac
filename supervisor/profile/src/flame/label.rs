//! What is written on a bar.

/// How wide the graph is taken to be when text is cut, in pixels. Where it is narrower, bars clip what is too long.
const USUAL_WIDTH: f64 = 1000.0;

/// Width of a letter, in pixels: 0.6 of the height in all common monospaced fonts.
const LETTER: f64 = 7.2;

/// Pixels that a bar leaves free at both ends together.
const MARGIN: f64 = 10.0;

/// Fewer letters than these say nothing.
const FEWEST: usize = 3;

/// The name as far as it fits into this share of the width, and whether what was gained fits too.
pub(super) fn fit(name: &str, gained: &str, share: f64) -> Option<(String, bool)> {
    let room = ((share * USUAL_WIDTH - MARGIN) / LETTER).max(0.0) as usize;
    let name = without_path(name);
    if let Some(whole) = [name, last_part(name)].into_iter().find(|name| name.chars().count() <= room) {
        return Some((whole.to_owned(), whole.chars().count() + 2 + gained.chars().count() <= room));
    }
    let cut: String = last_part(name).chars().take(room.saturating_sub(1)).collect();
    (room > FEWEST).then(|| (format!("{cut}…"), false))
}

/// `github.com/company/service/store.(*Cache).Put` is `store.(*Cache).Put`.
fn without_path(name: &str) -> &str {
    // Types in brackets have paths of their own.
    let end = name.find(['(', '[', '<']).unwrap_or(name.len());
    let begin = name[..end].rfind('/').map_or(0, |slash| slash + 1);
    &name[begin..]
}

/// `store.(*Cache).Put` is `Put`, and so is `store::Cache::put`. Closures are nothing without the function they are in, nor
/// is a line without its file.
fn last_part(name: &str) -> &str {
    if let Some((_, part)) = name.rsplit_once("::") {
        if part.starts_with('{') { name } else { part }
    } else if let Some((_, part)) = name.rsplit_once(").") {
        part
    } else if name.contains(':') {
        name
    } else {
        name.split_once('.').map_or(name, |(_, part)| part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_without_its_path() {
        for (name, wanted) in [
            ("github.com/company/service/store.(*Cache).Put", "store.(*Cache).Put"),
            ("main.Map[go.shape.string,github.com/a/b.T].Put", "main.Map[go.shape.string,github.com/a/b.T].Put"),
            ("/opt/app/service.py:47", "service.py:47"),
            ("<app::Store as core::clone::Clone>::clone", "<app::Store as core::clone::Clone>::clone"),
            ("a/", ""),
        ] {
            assert_eq!(without_path(name), wanted);
        }
    }

    #[test]
    fn where_there_is_little_room_the_function_alone_is_written() {
        for (name, wanted) in [
            ("store.(*Cache).Put.func1", "Put.func1"),
            ("main.handle.func1", "handle.func1"),
            ("app::store::put", "put"),
            ("app::main::{{closure}}", "app::main::{{closure}}"),
            ("service.py:47", "service.py:47"),
            ("malloc", "malloc"),
        ] {
            assert_eq!(last_part(name), wanted);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        let name = "main.leaking";
        assert_eq!(fit(name, "+1.0 MiB", 0.5), Some(("main.leaking".into(), true)));
        assert_eq!(fit(name, "+1.0 MiB", 0.1), Some(("main.leaking".into(), false)));
        assert_eq!(fit(name, "+1.0 MiB", 0.062), Some(("leaking".into(), false)));
        assert_eq!(fit(name, "+1.0 MiB", 0.05), Some(("leak…".into(), false)));
        assert_eq!(fit(name, "+1.0 MiB", 0.02), None);
        assert_eq!(fit(name, "+1.0 MiB", 0.0), None);
    }
}

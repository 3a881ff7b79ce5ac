//! Markup that cannot be broken by what it shows: text is escaped when it becomes [`Markup`], and tags are closed.
//!
//! What comes out is well-formed as XML too, which a test can check.

use std::fmt::Write;

/// Text with tags, in which everything that came from outside was escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// Takes text as markup, unescaped: only for what is written in this program, or was made of escaped parts.
    pub fn trusted(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }

    /// The markup as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends more.
    pub fn push(&mut self, more: impl Into<Self>) {
        self.0.push_str(&more.into().0);
    }
}

impl From<&str> for Markup {
    fn from(text: &str) -> Self {
        Self(escape(text))
    }
}

impl From<String> for Markup {
    fn from(text: String) -> Self {
        Self(escape(&text))
    }
}

impl<const N: usize> From<[Markup; N]> for Markup {
    fn from(parts: [Markup; N]) -> Self {
        parts.into_iter().collect()
    }
}

impl FromIterator<Markup> for Markup {
    fn from_iter<T: IntoIterator<Item = Markup>>(parts: T) -> Self {
        let mut all = Self::default();
        parts.into_iter().for_each(|part| all.push(part));
        all
    }
}

/// An element with its attributes, whose values are escaped, and its content.
pub fn element(name: &'static str, attributes: &[(&'static str, &str)], content: impl Into<Markup>) -> Markup {
    let mut markup = tag(name, attributes);
    let _ = write!(markup, ">{}</{name}>", content.into().0);
    Markup(markup)
}

/// An element that has no content: `<meta … />`.
pub fn empty(name: &'static str, attributes: &[(&'static str, &str)]) -> Markup {
    Markup(tag(name, attributes) + " />")
}

/// Text with parts between backticks as code.
pub fn with_code(text: &str) -> Markup {
    let as_code = |(index, part): (usize, &str)| match index % 2 {
        0 => Markup::from(part),
        _ => element("code", &[], part),
    };
    // A backtick without its partner is only a backtick.
    let (paired, rest) = match text.matches('`').count() % 2 {
        0 => (text, ""),
        _ => text.split_at(text.rfind('`').unwrap_or(text.len())),
    };
    paired.split('`').enumerate().map(as_code).chain([Markup::from(rest)]).collect()
}

fn tag(name: &str, attributes: &[(&str, &str)]) -> String {
    let mut tag = format!("<{name}");
    for (attribute, value) in attributes {
        let _ = write!(tag, " {attribute}=\"{}\"", escape(value));
    }
    tag
}

/// Text as it may stand between tags and in attributes. Characters that XML forbids, and those that turn the direction
/// of writing and so make text look like other text, are shown as unknown ones.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            odd if is_unfit(odd) => escaped.push(char::REPLACEMENT_CHARACTER),
            plain => escaped.push(plain),
        }
    }
    escaped
}

fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_a_tag() {
        let shown = element("td", &[("title", "\"><script>")], "<b>&'\u{0}\u{202e}");
        assert_eq!(shown.as_str(), "<td title=\"&quot;&gt;&lt;script&gt;\">&lt;b&gt;&amp;&#39;\u{fffd}\u{fffd}</td>");
    }

    #[test]
    fn markup_is_not_escaped_twice() {
        let inner = element("b", &[], "a & b");
        assert_eq!(element("p", &[], [inner, "!".into()]).as_str(), "<p><b>a &amp; b</b>!</p>");
        assert_eq!(empty("br", &[]).as_str(), "<br />");
    }

    #[test]
    fn backticks_are_code() {
        assert_eq!(with_code("set `-Xmx` to `<n>`").as_str(), "set <code>-Xmx</code> to <code>&lt;n&gt;</code>");
        assert_eq!(with_code("an odd ` one").as_str(), "an odd ` one");
        assert_eq!(with_code("`a` and ` one").as_str(), "<code>a</code> and ` one");
    }
}

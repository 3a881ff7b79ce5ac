//! Text within XML.

use std::fmt::{self, Display, Formatter, Write};

/// A text of whatever letters, safe within an element or an attribute. Letters that XML cannot have are replaced.
pub(super) struct Text<'a>(pub &'a str);

impl Display for Text<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => formatter.write_str("&amp;"),
            '<' => formatter.write_str("&lt;"),
            '>' => formatter.write_str("&gt;"),
            '"' => formatter.write_str("&quot;"),
            '\'' => formatter.write_str("&#39;"),
            '\n' | '\t' => formatter.write_char(' '),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'
            // These turn around what stands behind them.
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => formatter.write_char('\u{fffd}'),
            other => formatter.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn nothing_of_a_name_is_taken_for_xml() {
        assert_eq!(
            Text("<a b=\"c\" d='e'>&\0\u{202e}\n").to_string(),
            "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\u{fffd}\u{fffd} "
        );
        assert_eq!(Text("Vec<T>::push").to_string(), "Vec&lt;T&gt;::push");
    }
}

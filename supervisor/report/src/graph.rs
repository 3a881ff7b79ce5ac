//! Brings a drawing (SVG) of its own into a page: only what draws, with ids and styles that concern nothing else.
//!
//! The drawing comes from a file, so it is taken apart and put together again from what is allowed; what is not, such as
//! scripts, foreign content and everything that would be fetched, is left out.

mod decode;
mod style;
mod tag;

use std::fmt::Write;

use crate::markup::{Markup, escape};
use decode::decode;
use tag::Tag;

/// Elements that draw or say something.
const ELEMENTS: [&str; 24] = [
    "svg",
    "g",
    "a",
    "defs",
    "style",
    "title",
    "desc",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "path",
    "text",
    "tspan",
    "clipPath",
    "mask",
    "pattern",
    "linearGradient",
    "radialGradient",
    "stop",
    "use",
    "symbol",
];
/// Elements within each other; a drawing needs a handful.
const DEEPEST: usize = 256;

/// The drawing, with `prefix` before every id; nothing if there is none. Styles concern only what is within the element
/// that has `prefix` as its id.
pub(crate) fn inline(svg: &str, prefix: &str) -> Option<Markup> {
    let mut copy = Copy { prefix, rest: svg, open: Vec::new(), copied: String::new() };
    copy.run()?;
    Some(Markup::trusted(copy.copied))
}

struct Copy<'a> {
    prefix: &'a str,
    rest: &'a str,
    open: Vec<String>,
    copied: String,
}

impl<'a> Copy<'a> {
    /// Copies the first `svg` element; nothing if it does not end.
    fn run(&mut self) -> Option<()> {
        while let Some(start) = self.rest.find('<') {
            let (text, markup) = self.rest.split_at(start);
            if !self.open.is_empty() {
                self.copied.push_str(&escape(&decode(text)));
            }
            self.rest = markup;
            self.markup()?;
            if self.open.is_empty() && !self.copied.is_empty() {
                return Some(());
            }
        }
        None
    }

    /// Copies or leaves out what begins with `<`.
    fn markup(&mut self) -> Option<()> {
        if let Some(comment) = self.rest.strip_prefix("<!--") {
            self.rest = comment.split_once("-->")?.1;
        } else if let Some(data) = self.rest.strip_prefix("<![CDATA[") {
            let (text, rest) = data.split_once("]]>")?;
            if !self.open.is_empty() {
                self.copied.push_str(&escape(text));
            }
            self.rest = rest;
        } else if self.rest.starts_with("<!") || self.rest.starts_with("<?") {
            self.rest = self.rest.split_once('>')?.1;
        } else if let Some(end) = self.rest.strip_prefix("</") {
            let (name, rest) = end.split_once('>')?;
            self.rest = rest;
            self.close(name.trim())?;
        } else {
            let (tag, rest) = Tag::parse(self.rest)?;
            self.rest = rest;
            self.start(&tag)?;
        }
        Some(())
    }

    fn start(&mut self, tag: &Tag<'a>) -> Option<()> {
        let is_first = self.open.is_empty();
        if is_first && tag.name != "svg" || !ELEMENTS.contains(&tag.name) || self.open.len() >= DEEPEST {
            return self.leave_out(tag);
        }
        if tag.name == "style" {
            return self.style(tag);
        }
        self.copied.push_str(&tag.cleaned(self.prefix));
        if tag.is_empty {
            self.copied.push_str(" />");
        } else {
            self.copied.push('>');
            self.open.push(tag.name.into());
        }
        Some(())
    }

    fn close(&mut self, name: &str) -> Option<()> {
        if self.open.last().is_none_or(|open| open != name) {
            return None;
        }
        self.open.pop();
        let _ = write!(self.copied, "</{name}>");
        Some(())
    }

    fn style(&mut self, tag: &Tag<'a>) -> Option<()> {
        if tag.is_empty {
            return Some(());
        }
        let (text, rest) = self.rest.split_once("</style>")?;
        self.rest = rest;
        let text = text.trim().trim_start_matches("<![CDATA[").trim_end_matches("]]>");
        let _ = write!(self.copied, "<style>{}</style>", style::scoped(&decode(text), self.prefix));
        Some(())
    }

    /// Goes on behind the end of an element, whatever is in it.
    fn leave_out(&mut self, tag: &Tag<'a>) -> Option<()> {
        if !tag.is_empty {
            let end = format!("</{}>", tag.name);
            self.rest = self.rest.split_once(end.as_str())?.1;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inlined(svg: &str) -> Option<String> {
        inline(svg, "graph-1").map(|markup| markup.as_str().to_owned())
    }

    #[test]
    fn what_draws_is_kept_and_ids_are_made_unique() {
        let svg = "<?xml version=\"1.0\"?><!DOCTYPE svg><svg xmlns=\"http://www.w3.org/2000/svg\" viewBox='0 0 9 9'>\
                   <defs><clipPath id=\"c\"><rect width=\"4\"/></clipPath></defs><!-- a > b -->\
                   <g clip-path=\"url(#c)\"><title>a &amp; b &lt; c</title><use href=\"#c\"/></g></svg>tail";
        assert_eq!(
            inlined(svg).unwrap(),
            "<svg viewBox=\"0 0 9 9\"><defs><clipPath id=\"graph-1-c\"><rect width=\"4\" /></clipPath></defs>\
             <g clip-path=\"url(#graph-1-c)\"><title>a &amp; b &lt; c</title><use href=\"#graph-1-c\" /></g></svg>"
        );
    }

    #[test]
    fn what_acts_or_fetches_is_left_out() {
        let svg = "<svg onload=\"a()\"><script>alert('<g>')</script><image href=\"http://x/\"/><foreignObject><p>b</p>\
                   </foreignObject><a xlink:href=\"javascript:a()\"><rect style=\"fill:url(http://x)\" fill=\"url( #c)\"/>\
                   </a><text on=\"x\" class=\"f\">t</text></svg>";
        assert_eq!(inlined(svg).unwrap(), "<svg><a><rect /></a><text class=\"f\">t</text></svg>");
    }

    #[test]
    fn styles_stay_within_the_drawing() {
        let svg = "<svg><style>:root{--a:1}svg text,.b{fill:red}@media (prefers-color-scheme:dark){.b{fill:blue}}\
                   @import 'x';.c{background:url(x)}#d{x:1}</style></svg>";
        assert_eq!(
            inlined(svg).unwrap(),
            "<svg><style>#graph-1 svg{--a:1}#graph-1 svg text,#graph-1 .b{fill:red}@media (prefers-color-scheme:dark){\
             #graph-1 .b{fill:blue}}#graph-1 #graph-1-d{x:1}</style></svg>"
        );
    }

    #[test]
    fn what_is_no_drawing_is_none() {
        let bad = [
            "",
            "text",
            "<html></html>",
            "<svg>",
            "<svg><g></svg>",
            "<svg",
            "<svg a=\"",
            "<svg><!--",
            "<svg></g></svg>",
        ];
        for bad in bad {
            assert_eq!(inlined(bad), None, "{bad}");
        }
        let deep = format!("<svg>{}</svg>", "<g>".repeat(100_000));
        assert_eq!(inlined(&deep), None);
    }

    #[test]
    fn cutting_a_drawing_short_anywhere_does_no_harm() {
        let svg = "<svg a='b'><style>.a{b:c}@media x{.d{e:f}}</style><text id=\"é\">&amp;&#x41;&bad;</text></svg>";
        for end in (0..svg.len()).filter(|end| svg.is_char_boundary(*end)) {
            assert_eq!(inlined(&svg[..end]), None, "{end}");
        }
        assert!(inlined(svg).unwrap().contains("<text id=\"graph-1-é\">&amp;A&amp;bad;</text>"));
    }
}

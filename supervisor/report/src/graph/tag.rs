//! Start tags: taken apart, and put together again from what is harmless.

use std::fmt::Write;

use super::decode::decode;
use crate::markup::escape;

/// A start tag.
pub struct Tag<'a> {
    /// Name of the element.
    pub name: &'a str,
    /// Whether it has no content.
    pub is_empty: bool,
    attributes: Vec<(&'a str, String)>,
}

impl<'a> Tag<'a> {
    /// The tag at the beginning of the text, and what follows; nothing if there is no whole one.
    pub fn parse(text: &'a str) -> Option<(Self, &'a str)> {
        let text = text.strip_prefix('<')?;
        let end = text.find(|c: char| c.is_whitespace() || c == '/' || c == '>')?;
        let (name, mut rest) = text.split_at(end);
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix("/>") {
                return Some((Self { name, is_empty: true, attributes }, rest));
            }
            if let Some(rest) = rest.strip_prefix('>') {
                return Some((Self { name, is_empty: false, attributes }, rest));
            }
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|quote| "\"'".contains(*quote))?;
            let (value, after) = after[1..].split_once(quote)?;
            attributes.push((key.trim(), decode(value)));
            rest = after;
        }
    }

    /// The tag without its last bracket, with what acts or fetches left out, and ids with a prefix.
    pub fn cleaned(&self, prefix: &str) -> String {
        let mut tag = format!("<{}", self.name);
        let mut known = Vec::new();
        for (key, value) in &self.attributes {
            let Some((key, value)) = cleaned(key, value, prefix) else { continue };
            if !known.contains(&key) {
                let _ = write!(tag, " {key}=\"{}\"", escape(&value));
                known.push(key);
            }
        }
        tag
    }
}

fn cleaned<'a>(key: &'a str, value: &str, prefix: &str) -> Option<(&'a str, String)> {
    let is_plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let to_itself = || value.strip_prefix('#').map(|id| format!("#{prefix}-{id}"));
    match key {
        "id" => Some((key, format!("{prefix}-{value}"))),
        "href" | "xlink:href" => Some(("href", to_itself()?)),
        "aria-labelledby" | "aria-describedby" => {
            Some((key, value.split_whitespace().map(|id| format!("{prefix}-{id}")).collect::<Vec<_>>().join(" ")))
        }
        "src" | "xmlns" => None,
        _ if !is_plain || key.to_ascii_lowercase().starts_with("on") => None,
        _ => Some((key, local(value, prefix)?)),
    }
}

/// A value that refers to nothing but what is in the drawing.
fn local(value: &str, prefix: &str) -> Option<String> {
    let is_local = |after: &str| after.starts_with('#');
    let refers_elsewhere = value.to_ascii_lowercase().split("url(").skip(1).any(|after| !is_local(after));
    (!refers_elsewhere && !value.contains('\\')).then(|| value.replace("url(#", &format!("url(#{prefix}-")))
}

//! Style sheets of a drawing, made to concern only that drawing.

/// The rules of a style sheet, each limited to what is within the element with this id. What fetches, or is not
/// understood, is left out.
pub fn scoped(sheet: &str, id: &str) -> String {
    let mut scoped = String::new();
    let mut rest = sheet;
    while let Some(start) = rest.find(['{', ';']) {
        let (before, after) = rest.split_at(start);
        if let Some(after) = after.strip_prefix(';') {
            rest = after;
            continue;
        }
        let Some((block, after)) = block(&after[1..]) else { break };
        rest = after;
        scoped.push_str(&rule(before.trim(), block.trim(), id).unwrap_or_default());
    }
    scoped
}

/// What is before the bracket that ends a block, and what is behind it.
fn block(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1_usize;
    for (index, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..index], &text[index + 1..]));
        }
    }
    None
}

fn rule(selectors: &str, block: &str, id: &str) -> Option<String> {
    let selectors = selectors.rsplit("*/").next()?.trim();
    if !is_harmless(selectors) || !is_harmless(block) {
        return None;
    }
    if selectors.starts_with("@media") {
        // Nothing is nested deeper in a drawing's style sheet.
        return (!block.contains('@')).then(|| format!("{selectors}{{{}}}", scoped(block, id)));
    }
    if selectors.starts_with('@') || selectors.is_empty() || block.contains('{') {
        return None;
    }
    let within: Vec<String> = selectors.split(',').map(|selector| selector_within(selector.trim(), id)).collect();
    Some(format!("{}{{{block}}}", within.join(",")))
}

fn selector_within(selector: &str, id: &str) -> String {
    let selector = selector.replace('#', &format!("#{id}-")).replace(":root", "svg");
    format!("#{id} {selector}")
}

fn is_harmless(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    !["url", "<", "&", "\\", "expression", "import", "/*"].iter().any(|bad| text.contains(bad))
}

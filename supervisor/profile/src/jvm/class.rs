//! Names of classes as Java programs write them.

/// The name of a class as in source text, from that of the virtual machine: `[[I` is `int[][]`, `[Ljava.lang.Object;` is
/// `java.lang.Object[]`. A hidden class loses its address, which is another at every start.
pub(super) fn readable(class: &str) -> String {
    let element = class.trim_start_matches('[');
    let dimensions = class.len() - element.len();
    let element = if dimensions == 0 { element } else { element_type(element) };
    let element = element.split_once("/0x").map_or(element, |(name, _)| name);
    format!("{element}{}", "[]".repeat(dimensions))
}

fn element_type(code: &str) -> &str {
    match code {
        "B" => "byte",
        "C" => "char",
        "D" => "double",
        "F" => "float",
        "I" => "int",
        "J" => "long",
        "S" => "short",
        "Z" => "boolean",
        _ => code.strip_prefix('L').and_then(|code| code.strip_suffix(';')).unwrap_or(code),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn names_are_those_of_source_text() {
        for (class, wanted) in [
            ("[B", "byte[]"),
            ("[[I", "int[][]"),
            ("[Ljava.lang.Object;", "java.lang.Object[]"),
            ("java.lang.String", "java.lang.String"),
            ("Sessions$$Lambda$62/0x00007f0b54000c20", "Sessions$$Lambda$62"),
            ("[LSessions$$Lambda$62/0x00007f0b54000c20;", "Sessions$$Lambda$62[]"),
            ("[", "[]"),
            ("", ""),
        ] {
            assert_eq!(readable(class), wanted, "{class}");
        }
    }
}

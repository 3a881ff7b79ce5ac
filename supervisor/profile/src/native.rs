//! Heap profiles of native allocators: addresses, and what is known of the files they lie in.

mod cplusplus;
mod header;
mod mappings;
mod names;
mod samples;
mod symbols;

use std::borrow::Cow;
use std::io::BufRead;

use crate::format::Format;
use crate::profile::Profile;
use crate::read::Problem;

/// Reads a profile of jemalloc, `heap_v2`.
pub(crate) fn read_jemalloc(reader: impl BufRead) -> Result<Profile, Problem> {
    samples::read(Format::Jemalloc, reader)
}

/// Reads a profile of gperftools' tcmalloc.
pub(crate) fn read_gperftools(reader: impl BufRead) -> Result<Profile, Problem> {
    samples::read(Format::Gperftools, reader)
}

/// The name of a function as its source has it. What is not mangled stays as it is.
pub(crate) fn demangle(symbol: &str) -> Cow<'_, str> {
    if !symbol.starts_with("_R") && !symbol.starts_with("_ZN") {
        return Cow::Borrowed(symbol);
    }
    match rustc_demangle::try_demangle(symbol) {
        // Without the hash, which is another at every build.
        Ok(name) => Cow::Owned(format!("{name:#}")),
        Err(_) => cplusplus::demangle(symbol).map_or(Cow::Borrowed(symbol), Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn names_are_those_of_the_source() {
        for (symbol, wanted) in [
            ("_ZN4leak5cache16remember_forever17h0123456789abcdefE", "leak::cache::remember_forever"),
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
            ("_ZN5store8rememberEi", "store::remember"),
            ("_ZNSt6vectorIiSaIiEE9push_backERKi", "_ZNSt6vectorIiSaIiEE9push_backERKi"),
            ("main", "main"),
            ("_ZN", "_ZN"),
            ("_ZN99999999999999999999x", "_ZN99999999999999999999x"),
        ] {
            assert_eq!(demangle(symbol), wanted);
        }
    }
}

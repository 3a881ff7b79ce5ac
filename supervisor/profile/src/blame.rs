//! Which call of a stack a person would blame.
//!
//! The innermost call is nearly always machinery: the allocator, or a container that grows on behalf of somebody else. So
//! the site of a stack is its innermost call that is neither. The lists hold only what asks for memory for everybody: a
//! connection pool is part of a library too, but when it grows, it is the news.

use crate::format::Format;
use crate::heapsnapshot::CONTAINERS;

/// What part a call or type plays. The smaller, the rather it is blamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The program's own, or a library that answers for what it keeps.
    Own,
    /// Containers, buffers and encoders of a standard library, and its start-up.
    Library,
    /// Allocators, and the runtime beneath everything.
    Allocator,
}

/// The part that a name plays in profiles of this format.
pub(crate) fn part(format: Format, name: &str) -> Part {
    match format {
        Format::Pprof => go(name).max(native(name)),
        Format::Jemalloc | Format::Gperftools => native(name),
        Format::Tracemalloc => python(name),
        Format::JvmHistogram => jvm(name),
        Format::HeapSnapshot => v8(name),
        Format::NodeReport => Part::Own,
    }
}

/// Begins a package of Go's standard library that works on behalf of its caller.
#[rustfmt::skip]
const GO_LIBRARY: &[&str] = &[
    "archive/", "bufio.", "bytes.", "compress/", "container/", "encoding.", "encoding/", "errors.", "fmt.", "hash.",
    "hash/", "html.", "html/template", "internal/", "io.", "io/", "maps.", "math/", "os.ReadFile", "path.", "path/",
    "reflect.", "regexp.", "regexp/", "slices.", "sort.", "strconv.", "strings.", "sync.", "sync/", "text/",
    "unicode", "vendor/",
];

fn go(name: &str) -> Part {
    // main.main and init functions are called by it, which are named after their own package.
    if begins(name, &["runtime.", "runtime/internal"]) {
        Part::Allocator
    } else if begins(name, GO_LIBRARY) {
        Part::Library
    } else {
        Part::Own
    }
}

/// Functions of C allocators, and of jemalloc's profiler, which finds itself on the stack.
#[rustfmt::skip]
const C_ALLOCATOR: &[&str] = &[
    "aligned_alloc", "calloc", "imalloc", "imalloc_body", "imalloc_no_sample", "malloc", "malloc_default", "memalign",
    "mmap", "mremap", "posix_memalign", "prof_alloc_prep", "prof_backtrace_impl", "prof_tctx_create", "pvalloc",
    "realloc", "reallocarray", "sbrk", "strdup", "strndup", "valloc",
];

/// Begins a function of an allocator of C, C++ or Rust, or the file of one whose functions are not known.
#[rustfmt::skip]
const NATIVE_ALLOCATOR: &[&str] = &[
    "__libc_calloc", "__libc_malloc", "__libc_memalign", "__libc_realloc", "__rdl_", "__rg_", "__rust_", "__rustc",
    "_Zna", "_Znw", "_mi_", "_rjem_", "alloc::alloc::", "alloc::raw_vec::", "ld-musl", "libc-2.", "libc.musl",
    "libc.so", "libjemalloc", "libmimalloc", "libtcmalloc", "je_", "jemallocator::", "mi_heap_", "mi_malloc",
    "mimalloc::", "operator new", "tc_", "tcmalloc::", "tikv_jemallocator::",
];

/// Begins a function of the standard libraries of C++ and Rust, and of the containers that Rust programs share.
#[rustfmt::skip]
const NATIVE_LIBRARY: &[&str] = &[
    "[", "_ZNKSt", "_ZNSa", "_ZNSs", "_ZNSt", "_ZSt", "__clone", "__gnu_cxx::", "__libc_start", "_start", "alloc::",
    "bytes::", "clone3", "core::", "hashbrown::", "indexmap::", "ld-linux", "libgcc_s", "libpthread", "libstdc++",
    "smallvec::", "start_thread", "std::", "str as ",
];

fn native(name: &str) -> Part {
    // `<alloc::vec::Vec<T> as ...>::...` belongs to its type, and so does `<&mut [T]>::...`.
    let owner = name.trim_start_matches(['<', '&']).trim_start_matches("mut ").trim_start_matches("dyn ");
    if C_ALLOCATOR.contains(&owner) || begins(owner, NATIVE_ALLOCATOR) {
        Part::Allocator
    } else if begins(owner, NATIVE_LIBRARY) {
        Part::Library
    } else {
        Part::Own
    }
}

/// Lines of Python's standard library. What was installed beside it is blamed like the program's own.
fn python(name: &str) -> Part {
    let standard = name.contains("/lib/python3.") && !name.contains("-packages/");
    if standard || name.starts_with("<frozen ") { Part::Library } else { Part::Own }
}

/// Types of the JDK, which every program is made of.
const JDK: &[&str] = &["com.sun.", "java.", "javax.", "jdk.", "sun."];

fn jvm(name: &str) -> Part {
    let element = name.trim_end_matches("[]");
    let primitive = !element.contains(['.', '$']) && element.starts_with(|first: char| first.is_ascii_lowercase());
    if begins(element, JDK) || primitive { Part::Library } else { Part::Own }
}

/// What V8 calls things inside itself, and what every program is made of.
fn v8(name: &str) -> Part {
    if name.starts_with('(') || name.starts_with("system / ") || name.is_empty() {
        Part::Allocator
    } else if CONTAINERS.contains(&name) || name.starts_with("global / ") {
        Part::Library
    } else {
        Part::Own
    }
}

fn begins(name: &str, with: &[&str]) -> bool {
    with.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go() {
        for own in ["main.(*store).rememberSessionForever", "github.com/a/b.Put", "net/http.(*Transport).dialConn"] {
            assert_eq!(part(Format::Pprof, own), Part::Own, "{own}");
        }
        for library in ["bytes.growSlice", "encoding/json.(*decodeState).object", "reflect.New", "io.ReadAll"] {
            assert_eq!(part(Format::Pprof, library), Part::Library, "{library}");
        }
        assert_eq!(part(Format::Pprof, "runtime.malg"), Part::Allocator);
    }

    #[test]
    fn native() {
        for own in ["app::cache::remember", "<app::Store as core::clone::Clone>::clone", "<&app::X as a::B>::c", "main"]
        {
            assert_eq!(part(Format::Jemalloc, own), Part::Own, "{own}");
        }
        for library in [
            "<alloc::string::String as core::fmt::Write>::write_str",
            "<[T]>::to_vec",
            "_ZNSt6vectorIiE",
            "std::rt::lang_start",
        ] {
            assert_eq!(part(Format::Jemalloc, library), Part::Library, "{library}");
        }
        for allocator in [
            "malloc",
            "_rjem_je_prof_backtrace",
            "operator new",
            "libjemalloc.so.2+0x9f3",
            "alloc::raw_vec::finish_grow",
        ] {
            assert_eq!(part(Format::Jemalloc, allocator), Part::Allocator, "{allocator}");
        }
        assert_eq!(part(Format::Pprof, "malloc"), Part::Allocator, "other languages write pprof too");
        assert_eq!(part(Format::Jemalloc, "mallocate_session"), Part::Own);
    }

    #[test]
    fn python() {
        assert_eq!(part(Format::Tracemalloc, "/usr/lib/python3.11/json/decoder.py:355"), Part::Library);
        assert_eq!(part(Format::Tracemalloc, "<frozen importlib._bootstrap>:241"), Part::Library);
        assert_eq!(part(Format::Tracemalloc, "/usr/lib/python3.11/site-packages/cachetools/__init__.py:9"), Part::Own);
        assert_eq!(part(Format::Tracemalloc, "/opt/app/service.py:47"), Part::Own);
    }

    #[test]
    fn jvm() {
        for own in ["Sessions$Session", "com.example.Cache[]", "Main"] {
            assert_eq!(part(Format::JvmHistogram, own), Part::Own, "{own}");
        }
        for library in ["byte[]", "int[][]", "java.util.HashMap$Node[]", "jdk.internal.misc.Unsafe"] {
            assert_eq!(part(Format::JvmHistogram, library), Part::Library, "{library}");
        }
    }

    #[test]
    fn v8() {
        assert_eq!(part(Format::HeapSnapshot, "Session"), Part::Own);
        assert_eq!(part(Format::HeapSnapshot, "Object"), Part::Library);
        assert_eq!(part(Format::HeapSnapshot, "(string)"), Part::Allocator);
        assert_eq!(part(Format::HeapSnapshot, "system / JSArrayBufferData"), Part::Allocator);
    }
}

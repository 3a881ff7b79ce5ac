//! Paths: where a dump is written by the service, and files of the user.

use crate::value::{Fault, Text};

/// An absolute path with `*` allowed in its last part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePattern(pub(crate) String);

impl Text for FilePattern {
    const ALLOWED: &'static str = "an absolute path; `*` in its last part stands for anything but `/`";

    fn from_text(text: &str) -> Result<Self, Fault> {
        if text.starts_with('~') || text.starts_with('$') {
            return Err(Fault::with(format!("\"{text}\" is not expanded"), "no shell reads it: write the path out"));
        }
        let Some((directory, last)) = text.strip_prefix('/').map(|rest| rest.rsplit_once('/').unwrap_or(("", rest)))
        else {
            return Err(Fault::with(
                format!("\"{text}\" is a relative path"),
                "the service may have another directory",
            ));
        };
        if last.is_empty() || last == "." || last == ".." {
            return Err(Fault::with(
                format!("\"{text}\" is a directory"),
                format!("name the file: \"{directory}/heap-*\""),
            ));
        }
        if directory.contains('*') {
            return Err(Fault::new(format!("`*` in the directory of \"{text}\"")));
        }
        if directory.split('/').any(|part| part == "..") {
            return Err(Fault::new(format!("`..` in the directory of \"{text}\"")));
        }
        if text.contains('\0') {
            return Err(Fault::new("a path cannot have a NUL byte"));
        }
        Ok(Self(text.to_owned()))
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(r"^/([^*]*/)?[^/]+$")
    }
}

/// The absolute path of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePath(pub(crate) String);

impl Text for FilePath {
    const ALLOWED: &'static str = "an absolute path";

    fn from_text(text: &str) -> Result<Self, Fault> {
        if text.contains('*') {
            return Err(Fault::new(format!("`*` in \"{text}\"")));
        }
        FilePattern::from_text(text).map(|path| Self(path.0))
    }

    #[cfg(test)]
    fn text_schema() -> serde_json::Value {
        crate::value::pattern(r"^/[^*]+$")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_absolute_and_flat() {
        assert!(FilePattern::from_text("/var/tmp/heap-*.pb.gz").is_ok());
        assert!(FilePattern::from_text("/heap").is_ok());
        for wrong in
            ["heap", "", "/", "/tmp/", "/*/heap", "/tmp/../etc/x", "~/heap", "$HOME/heap", "/tmp/a\0", "/tmp/.."]
        {
            assert!(FilePattern::from_text(wrong).is_err(), "{wrong}");
        }
    }
}

//! Secrets, read when they are needed and never shown.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::failure::Failure;
use super::item::Secret;

/// No secret, and no file with secrets, is larger.
const LARGEST: u64 = 64 << 10;

/// Keys to an S3-compatible server.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    /// Goes with keys that are lent for a time.
    pub token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Reads them from a file, or from the environment. That they are missing may pass: files are put in place late.
    pub fn read(file: Option<&Path>) -> Result<Self, Failure> {
        match file {
            Some(path) => Self::parse(&content(path)?)
                .ok_or_else(|| Failure::passing(format!("{} has no keys below [default]", path.display()))),
            None => Ok(Self {
                id: variable("AWS_ACCESS_KEY_ID")?,
                secret: variable("AWS_SECRET_ACCESS_KEY")?,
                token: variable("AWS_SESSION_TOKEN").ok(),
            }),
        }
    }

    /// The section `default` of the file that AWS tools keep their keys in.
    fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let section = lines.skip_while(|line| *line != "[default]").skip(1).take_while(|line| !line.starts_with('['));
        let pairs: Vec<_> = section.filter_map(|line| line.split_once('=')).collect();
        let value = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key.trim() == name);
            found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let (id, secret) = (value("aws_access_key_id")?, value("aws_secret_access_key")?);
        Some(Self { id, secret, token: value("aws_session_token") })
    }
}

impl Secret {
    pub(super) fn read(&self) -> Result<String, Failure> {
        match self {
            Self::Env(name) => variable(name),
            Self::File(path) => content(path).map(|text| text.trim().to_owned()),
        }
    }
}

fn variable(name: &str) -> Result<String, Failure> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| Failure::lasting(format!("${name} is not set")))
}

fn content(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::passing(format!("{}: {error}", path.display()));
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_their_section() {
        let text = "[other]\naws_access_key_id = no\n[default]\naws_access_key_id = id\n\
                    aws_secret_access_key=a=b\n# aws_session_token = c\n[last]\naws_session_token = no\n";
        let keys = Keys::parse(text).unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.as_str(), &keys.token), ("id", "a=b", &None));
        assert_eq!(Keys::parse("[default]\naws_access_key_id = id\n"), None);
        assert_eq!(format!("{keys:?}"), "Keys { .. }");
    }

    #[test]
    fn secrets_come_from_where_they_are() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("token");
        std::fs::write(&path, "abc\n").unwrap();
        assert_eq!(Secret::File(path).read().unwrap(), "abc");
        assert!(matches!(Secret::File("/nowhere".into()).read(), Err(Failure::Passing { .. })));
        assert!(matches!(Secret::Env("HIGHWATER_NOT_SET".into()).read(), Err(Failure::Lasting { .. })));
    }
}

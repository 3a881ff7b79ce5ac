//! The files of an incident, sent one after the other; what was sent already is left out.

use std::fs::File;
use std::time::Duration;

use super::body::Content;
use super::command;
use super::credentials::Keys;
use super::failure::Failure;
use super::item::{Destination, Upload};
use super::outbox::{Progress, Sent};
use super::put::Server;
use super::s3::Bucket;
use crate::finish::digest;
use crate::names;
use crate::store::Incident;

/// A file to be sent.
#[derive(Debug)]
pub struct ToSend {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    file: File,
}

/// What was sent in one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub files: usize,
    pub bytes: u64,
}

impl ToSend {
    /// Its content from the beginning, as often as asked for.
    pub fn content(&self) -> Result<Content, Failure> {
        use std::io::Seek;
        let failed = |error: std::io::Error| Failure::passing(format!("{}: {error}", self.name));
        let mut file = self.file.try_clone().map_err(failed)?;
        file.rewind().map_err(failed)?;
        Ok(Content::File(file, self.bytes))
    }
}

/// Sends what was not sent yet. `note` keeps how far it came after each file.
pub async fn upload(
    incident: &str,
    upload: &Upload,
    progress: &mut Progress,
    mut note: impl FnMut(&Progress),
) -> Result<Total, Failure> {
    let files = Files::open(upload)?;
    let mut total = Total::default();
    let mut left_out = Vec::new();
    let sender = Sender::new(upload)?;
    for name in &files.names {
        let Some(file) = files.to_send(name, progress)? else { continue };
        if let Some(why) = sender.refuses(&file) {
            left_out.push(why);
            continue;
        }
        sender.send(incident, &file).await?;
        total.files += 1;
        total.bytes += file.bytes;
        progress.sent.insert(file.name, Sent { bytes: file.bytes, sha256: file.sha256 });
        if !sender.sends_all_at_once() {
            note(progress);
        }
    }
    if total.files > 0 {
        sender.finish(upload, incident).await?;
    }
    if left_out.is_empty() { Ok(total) } else { Err(Failure::lasting(left_out.join("; "))) }
}

/// How files are sent.
enum Sender<'a> {
    Command { run: &'a [String], within: Duration },
    Put(Server),
    S3(Bucket),
}

impl<'a> Sender<'a> {
    fn new(upload: &'a Upload) -> Result<Self, Failure> {
        Ok(match &upload.to {
            Destination::Command { run, within_ms } => Self::Command { run, within: Duration::from_millis(*within_ms) },
            Destination::HttpPut { url, token } => Self::Put(Server::new(url, token.as_ref())?),
            Destination::S3 { endpoint, bucket, prefix, region, credentials } => {
                Self::S3(Bucket::new(endpoint, bucket, prefix, region, Keys::read(credentials.as_deref())?)?)
            }
        })
    }

    fn refuses(&self, file: &ToSend) -> Option<String> {
        if let Self::S3(_) = self { Bucket::refuses(file) } else { None }
    }

    fn sends_all_at_once(&self) -> bool {
        matches!(self, Self::Command { .. })
    }

    async fn send(&self, incident: &str, file: &ToSend) -> Result<(), Failure> {
        match self {
            Self::Command { .. } => Ok(()),
            Self::Put(server) => server.put(incident, file).await,
            Self::S3(bucket) => bucket.put(incident, file).await,
        }
    }

    async fn finish(&self, upload: &Upload, incident: &str) -> Result<(), Failure> {
        match self {
            Self::Command { run, within } => command::run(run, *within, &upload.directory, incident).await,
            _ => Ok(()),
        }
    }
}

/// The files of an incident: captures first, `incident.json` last, so that where it is, everything is.
struct Files {
    incident: Incident,
    names: Vec<String>,
}

impl Files {
    fn open(upload: &Upload) -> Result<Self, Failure> {
        let opened = Incident::open(&upload.directory).and_then(|incident| Ok((incident.files()?, incident)));
        let (mut names, incident) = opened.map_err(|error| match error.kind() {
            Some(std::io::ErrorKind::NotFound) => Failure::lasting("its evidence is gone"),
            _ => Failure::passing(error.to_string()),
        })?;
        names.sort_by_key(|name| (names::is_record(name), name == "incident.json"));
        Ok(Self { incident, names })
    }

    /// A file, unless the same was sent already or it is gone by now: old evidence makes room for new.
    fn to_send(&self, name: &str, progress: &Progress) -> Result<Option<ToSend>, Failure> {
        let Ok(file) = self.incident.directory().read(name) else { return Ok(None) };
        let failed = |error: String| Failure::passing(error);
        let bytes = file.metadata().map_err(|error| failed(error.to_string()))?.len();
        let sha256 = digest(&self.incident, name).map_err(|error| failed(error.to_string()))?;
        let is_sent = progress.sent.get(name).is_some_and(|sent| sent.bytes == bytes && sent.sha256 == sha256);
        Ok((!is_sent).then(|| ToSend { name: name.to_owned(), bytes, sha256, file }))
    }
}

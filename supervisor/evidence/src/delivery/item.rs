//! One thing to deliver, as it stands in the outbox.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::finish::hex;

/// One thing to deliver. It holds no secret, only where one is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// Names it: what is put under the same id takes the place of the former.
    pub id: String,
    /// The incident it is about.
    pub incident: String,
    /// When it was put there first, milliseconds since 1970 by the wall clock.
    pub since: u64,
    /// Tried again for so many milliseconds.
    pub patience_ms: u64,
    /// What it is.
    pub kind: Kind,
}

/// What is to be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The files of an incident.
    Upload(Upload),
    /// Word of it.
    Notify {
        /// How.
        via: Via,
        /// What is said.
        notice: Notice,
    },
}

/// The files of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Upload {
    /// Their directory.
    pub directory: PathBuf,
    /// Where they go.
    pub to: Destination,
    /// Whether no more will come. Until then the item stays, and is put again when there is more; only that is sent.
    pub last: bool,
}

/// Where the files of an incident go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// A command takes care of it, with the directory in `$HIGHWATER_BUNDLE` and the incident in
    /// `$HIGHWATER_INCIDENT`. It must end with status 0.
    Command {
        /// Program and arguments; no shell.
        run: Vec<String>,
        /// How long it may take, in milliseconds.
        within_ms: u64,
    },
    /// `PUT URL/<incident>/<file>`.
    HttpPut {
        /// `http://` and an IP address or `localhost`.
        url: String,
        /// Sent as a bearer token.
        token: Option<Secret>,
    },
    /// A bucket of an S3-compatible server, by path: `ENDPOINT/BUCKET/PREFIX/<incident>/<file>`, each file in a single
    /// PUT of at most 5 GiB.
    S3 {
        /// `http://` and an IP address or `localhost`.
        endpoint: String,
        /// The bucket, which must be there.
        bucket: String,
        /// What comes before the incident; may be empty.
        prefix: String,
        /// The region that signatures are for, such as `us-east-1`.
        region: String,
        /// A file with `aws_access_key_id = ...` and `aws_secret_access_key = ...` below `[default]`; without one they
        /// are in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
        credentials: Option<PathBuf>,
    },
}

/// Where a secret is found when it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, white space around it left out.
    File(PathBuf),
}

/// How word is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// To an Alertmanager, whose address this is: `http://` and an IP address or `localhost`.
    Alertmanager(String),
    /// As JSON by POST to this URL: `http://` and an IP address or `localhost`.
    Webhook(String),
}

/// Word of an incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notice {
    /// Name of the supervisor.
    pub name: String,
    /// `warning` or `critical`.
    pub severity: String,
    /// Which machine.
    pub instance: String,
    /// When the incident opened, RFC 3339.
    pub opened: String,
    /// When it was over, RFC 3339; nothing while it lasts.
    pub resolved: Option<String>,
    /// One line for people.
    pub summary: String,
    /// A few more.
    pub description: String,
    /// Where the evidence is; nothing if there is none.
    pub evidence: Option<String>,
}

impl Item {
    /// An item whose id follows from what it is about and where it goes: uploads of an incident to one place are one
    /// item, and so is word of it to an Alertmanager, where that it is over takes the place of that it began.
    pub fn new(incident: &str, kind: Kind) -> Self {
        let place = match &kind {
            Kind::Upload(upload) => format!("{:?}", upload.to),
            Kind::Notify { via: Via::Webhook(url), notice } => format!("{url} {}", notice.resolved.is_some()),
            Kind::Notify { via, .. } => format!("{via:?}"),
        };
        let place = hex(&Sha256::digest(place)[..4]);
        let id = format!("{incident}-{}-{place}", kind.label());
        let since = super::backoff::now_ms();
        let patience_ms = usual_patience(&kind).as_millis() as u64;
        Self { id, incident: incident.to_owned(), since, patience_ms, kind }
    }
}

impl Kind {
    /// One word for it: `command`, `http-put`, `s3`, `alertmanager`, `webhook`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Upload(upload) => match upload.to {
                Destination::Command { .. } => "command",
                Destination::HttpPut { .. } => "http-put",
                Destination::S3 { .. } => "s3",
            },
            Self::Notify { via: Via::Alertmanager(_), .. } => "alertmanager",
            Self::Notify { via: Via::Webhook(_), .. } => "webhook",
        }
    }
}

impl Kind {
    /// Whether nothing more comes under the same id. Until then a delivered item stays in the outbox, where a supervisor
    /// that was started anew finds what is still to be concluded.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Upload(upload) => upload.last,
            Self::Notify { via: Via::Alertmanager(_), notice } => notice.resolved.is_some(),
            Self::Notify { via: Via::Webhook(_), .. } => true,
        }
    }
}

/// Whoever reads word of an incident a day later has heard of it.
fn usual_patience(kind: &Kind) -> Duration {
    let days = if matches!(kind, Kind::Upload(_)) { 7 } else { 1 };
    Duration::from_hours(days * 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_supersedes_has_the_same_id() {
        let open = Notice::default();
        let over = Notice { resolved: Some("2026".into()), ..Notice::default() };
        let id = |via: Via, notice: &Notice| Item::new("i-1", Kind::Notify { via, notice: notice.clone() }).id;
        let (alerts, hook) = (Via::Alertmanager("http://[::1]:9093".into()), Via::Webhook("http://[::1]/x".into()));
        assert_eq!(id(alerts.clone(), &open), id(alerts, &over));
        assert_ne!(id(hook.clone(), &open), id(hook, &over));
        let upload = |last| {
            Kind::Upload(Upload {
                directory: "/e/i-1".into(),
                to: Destination::HttpPut { url: "http://127.0.0.1/".into(), token: None },
                last,
            })
        };
        let items = [Item::new("i-1", upload(false)), Item::new("i-1", upload(true))];
        assert_eq!(items[0].id, items[1].id);
        assert!(crate::names::is_incident(&items[0].id), "{}", items[0].id);
    }

    #[test]
    fn items_read_what_they_wrote() {
        let to = Destination::HttpPut { url: "http://127.0.0.1/".into(), token: Some(Secret::Env("TOKEN".into())) };
        let item = Item::new("i-1", Kind::Upload(Upload { directory: "/e/i-1".into(), to, last: true }));
        let text = serde_json::to_string(&item).unwrap();
        assert!(text.contains(r#""to":{"http-put":{"url":"http://127.0.0.1/","token":{"env":"TOKEN"}}}"#), "{text}");
        assert_eq!(serde_json::from_str::<Item>(&text).unwrap(), item);
    }
}

//! Where evidence is sent, and who is told.

/// Where the files of an incident are taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Destination {
    /// A command that finds them in `$HIGHWATER_BUNDLE`.
    Command {
        /// Program and arguments; no shell.
        run: Vec<String>,
    },
    /// PUT to this URL, the incident and the name of the file.
    HttpPut {
        /// `http://` and an IP literal or `localhost`.
        url: String,
        /// A file with the bearer token.
        token_file: Option<String>,
    },
    /// An S3-compatible store.
    S3 {
        /// `http://` and an IP literal or `localhost`.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// Put before the names of the objects.
        prefix: String,
        /// The region requests are signed for.
        region: String,
        /// A credentials file; the environment if there is none.
        credentials: Option<String>,
    },
}

/// Who is told of an incident.
#[derive(Clone, Debug, PartialEq)]
pub enum Receiver {
    /// An Alertmanager of Prometheus.
    Alertmanager {
        /// Its address, without a path.
        url: String,
    },
    /// Whoever takes a POST of JSON.
    Webhook {
        /// Its URL.
        url: String,
    },
}

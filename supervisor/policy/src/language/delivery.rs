//! `upload` and `notify`: what leaves the machine.

use crate::shape::shape;
use crate::text::argv::Argv;
use crate::text::duration::Lasting;
use crate::text::file::FilePath;
use crate::text::plain::Plain;
use crate::text::url::Url;

shape! {
    /// Take what the incident leaves behind off the machine, in the background: now, and again when it is over. Tried
    /// again with growing pauses.
    Upload in "`upload`" {
        /// Program and arguments, no shell. It finds the files in `$HIGHWATER_BUNDLE`.
        "command" command: Argv = Optional,
        /// PUT each file to this URL, followed by the incident and the name of the file.
        "http-put" http_put: Url = Optional,
        /// An S3-compatible store, by plain HTTP.
        "s3" s3: S3 = Optional,
        /// A file whose content is sent as bearer token with `http-put`.
        "token-file" token_file: FilePath = Optional,
        /// Given up after this long.
        "give-up-after" give_up_after: Lasting = Default("'1d'"),
    }
    choose [["command"], ["http-put"], ["s3"]]
}

shape! {
    /// A bucket. Credentials are those of the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`) or of
    /// `credentials`.
    S3 in "`s3`" {
        /// http:// with an IP literal or localhost; the bucket is the first part of the path.
        "endpoint" endpoint: Url = Required,
        /// The bucket.
        "bucket" bucket: Plain = Required,
        /// Put before the names of the objects.
        "prefix" prefix: Plain = Optional,
        /// The region requests are signed for.
        "region" region: Plain = Default("'us-east-1'"),
        /// A credentials file in the form of the AWS tools; its default profile is used.
        "credentials" credentials: FilePath = Optional,
    }
}

shape! {
    /// Tell somebody that there is an incident, in the background: now, and again when it is over.
    Notify in "`notify`" {
        /// Address of an Alertmanager, without a path.
        "alertmanager" alertmanager: Url = Optional,
        /// POST the incident as JSON to this URL.
        "webhook" webhook: Url = Optional,
        /// Given up after this long.
        "give-up-after" give_up_after: Lasting = Default("'1h'"),
    }
    choose [["alertmanager"], ["webhook"]]
}

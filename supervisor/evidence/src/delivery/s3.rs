//! Files to a bucket of an S3-compatible server.

use highwater_kernel::clock::{Rfc3339, wall};
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::credentials::Keys;
use super::failure::Failure;
use super::http::{Answer, Target, send};
use super::signature::Signed;
use super::upload::ToSend;

/// The most a single PUT takes.
const LARGEST: u64 = 5 << 30;

/// A bucket, and where in it files go.
#[derive(Debug)]
pub struct Bucket {
    target: Target,
    region: String,
    keys: Keys,
}

impl Bucket {
    pub fn new(endpoint: &str, bucket: &str, prefix: &str, region: &str, keys: Keys) -> Result<Self, Failure> {
        let target = Target::parse(endpoint)?.below([bucket, prefix]);
        Ok(Self { target, region: region.to_owned(), keys })
    }

    /// Why a file cannot be sent at all.
    pub fn refuses(file: &ToSend) -> Option<String> {
        (file.bytes > LARGEST).then(|| format!("{} is larger than 5 GiB, the most a single PUT takes", file.name))
    }

    /// Sends a file. The digest of its content is signed with the request, so that what arrives is what was sent.
    pub async fn put(&self, incident: &str, file: &ToSend) -> Result<(), Failure> {
        let target = self.target.below([incident, &file.name]);
        let headers = self.headers(&target, &file.sha256, &amz_time())?;
        let answer = send(Method::PUT, &target, headers, file.content()?).await?;
        let code = code(&answer.text).unwrap_or_default();
        answer.verdict(&target, code).map_err(|failure| reconsidered(failure, &answer, code))
    }

    fn headers(&self, target: &Target, content: &str, time: &str) -> Result<HeaderMap, Failure> {
        let mut named =
            vec![("host", target.authority.as_str()), ("x-amz-content-sha256", content), ("x-amz-date", time)];
        named.extend(self.keys.token.as_deref().map(|token| ("x-amz-security-token", token)));
        let signed = Signed { method: "PUT", path: &target.path, headers: &named, content, time, region: &self.region };
        let authorization = signed.authorization(&self.keys.id, &self.keys.secret);
        named.push(("authorization", &authorization));
        let mut headers = HeaderMap::new();
        for (name, value) in named {
            let mut value =
                HeaderValue::from_str(value).map_err(|_| Failure::lasting("the keys are no text of one line"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).expect("these are names of headers"), value);
        }
        Ok(headers)
    }
}

/// Some refusals pass: a clock is set, keys that were lent are renewed.
fn reconsidered(failure: Failure, answer: &Answer, code: &str) -> Failure {
    match failure {
        Failure::Lasting { reason } if ["RequestTimeTooSkewed", "ExpiredToken", "RequestTimeout"].contains(&code) => {
            Failure::Passing { reason, after: answer.patience }
        }
        other => other,
    }
}

/// The name S3 gives an error.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    code.chars().all(|c| c.is_ascii_alphanumeric()).then_some(code)
}

/// Now as `YYYYMMDDTHHMMSSZ`.
fn amz_time() -> String {
    let time = Rfc3339(wall()).to_string();
    let second: String = time.chars().take(19).filter(|c| !"-:".contains(*c)).collect();
    second + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_has_the_form_that_is_signed() {
        let time = amz_time();
        assert_eq!((time.len(), &time[8..9], &time[15..]), (16, "T", "Z"));
    }

    #[test]
    fn errors_have_names_and_some_pass() {
        let text = "<?xml?><Error><Code>RequestTimeTooSkewed</Code><Message>no</Message></Error>";
        assert_eq!(code(text), Some("RequestTimeTooSkewed"));
        assert_eq!(code("<Code><b>x</b></Code>"), None);
        let answer = Answer { status: hyper::StatusCode::FORBIDDEN, patience: None, text: text.into() };
        let passes = |code| matches!(reconsidered(Failure::lasting(""), &answer, code), Failure::Passing { .. });
        assert!(passes("ExpiredToken") && !passes("AccessDenied"));
    }

    #[test]
    fn secrets_are_in_no_header_that_is_shown() {
        let keys = Keys { id: "id".into(), secret: "hush".into(), token: Some("pst".into()) };
        let bucket = Bucket::new("http://[::1]:9000", "bucket", "a/b", "us-east-1", keys).unwrap();
        let target = bucket.target.below(["i-1", "dump"]);
        assert_eq!(target.path, "/bucket/a/b/i-1/dump");
        let headers = bucket.headers(&target, "00", "20261122T000000Z").unwrap();
        assert_eq!(headers["x-amz-security-token"], "pst");
        let shown = format!("{headers:?} {bucket:?}");
        assert!(!shown.contains("hush") && !shown.contains("pst"), "{shown}");
    }
}

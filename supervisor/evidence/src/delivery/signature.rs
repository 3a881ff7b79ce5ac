//! AWS Signature Version 4, as S3 wants it: proof that the holder of a key made a request, without the key.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::finish::hex;

/// A request to be signed. Nothing in it is escaped here.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    pub method: &'a str,
    /// Path as it is sent, each part escaped once.
    pub path: &'a str,
    /// Every header that counts, by name in lower case, sorted; `host` and `x-amz-date` among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the content in hexadecimal, the same as in `x-amz-content-sha256`.
    pub content: &'a str,
    /// `YYYYMMDDTHHMMSSZ`, the same as in `x-amz-date`.
    pub time: &'a str,
    pub region: &'a str,
}

impl Signed<'_> {
    /// The value of the header `authorization`.
    pub fn authorization(&self, key_id: &str, secret: &str) -> String {
        let (scope, names) = (self.scope(), self.names());
        let signature = self.signature(secret);
        format!("AWS4-HMAC-SHA256 Credential={key_id}/{scope},SignedHeaders={names},Signature={signature}")
    }

    fn signature(&self, secret: &str) -> String {
        let canonical = hex(&Sha256::digest(self.canonical()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{}\n{canonical}", self.time, self.scope());
        let first = format!("AWS4{secret}").into_bytes();
        let parts = [self.date(), self.region, "s3", "aws4_request", &to_sign];
        hex(&parts.iter().fold(first, |key, part| keyed(&key, part)))
    }

    fn canonical(&self) -> String {
        let mut text = format!("{}\n{}\n\n", self.method, self.path);
        for (name, value) in self.headers {
            // Writing into a string does not fail.
            let _ = writeln!(text, "{name}:{}", value.trim());
        }
        text + "\n" + &self.names() + "\n" + self.content
    }

    fn names(&self) -> String {
        self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
    }

    fn scope(&self) -> String {
        format!("{}/{}/s3/aws4_request", self.date(), self.region)
    }

    fn date(&self) -> &str {
        self.time.get(..8).unwrap_or_default()
    }
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example "PUT Object" of the documentation of S3 ("Signature calculations for the authorization header").
    #[test]
    fn the_published_example_is_signed_as_published() {
        let content = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        let signed = Signed {
            method: "PUT",
            path: "/test%24file.text",
            headers: &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("host", "examplebucket.s3.amazonaws.com"),
                ("x-amz-content-sha256", content),
                ("x-amz-date", "20130524T000000Z"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            content,
            time: "20130524T000000Z",
            region: "us-east-1",
        };
        assert_eq!(
            signed.authorization("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,\
             Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
    }
}

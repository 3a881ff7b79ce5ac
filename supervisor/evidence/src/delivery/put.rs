//! Files by `PUT URL/<incident>/<file>`.

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};

use super::body::Content;
use super::failure::Failure;
use super::http::{Answer, Target, send};
use super::item::Secret;
use super::upload::ToSend;

/// A web server that takes files.
#[derive(Debug)]
pub struct Server {
    target: Target,
    headers: HeaderMap,
}

impl Server {
    pub fn new(url: &str, token: Option<&Secret>) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = format!("Bearer {}", token.read()?);
            let mut value =
                HeaderValue::from_str(&value).map_err(|_| Failure::lasting("the token is no text of one line"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { target: Target::parse(url)?, headers })
    }

    /// Sends a file. `WebDAV` servers refuse one whose directory is not there (409): it is made, and the file sent again.
    pub async fn put(&self, incident: &str, file: &ToSend) -> Result<(), Failure> {
        let answer = self.try_put(incident, file).await?;
        if answer.status != StatusCode::CONFLICT {
            return answer.verdict(&self.target, "");
        }
        // If it could not be made, the second attempt says so.
        let mut directory = self.target.below([incident]);
        directory.path.push('/');
        let making = Method::from_bytes(b"MKCOL").map_err(|error| Failure::lasting(error.to_string()))?;
        let _ = send(making, &directory, self.headers.clone(), Content::Text(bytes::Bytes::new())).await?;
        self.try_put(incident, file).await?.verdict(&self.target, "")
    }

    async fn try_put(&self, incident: &str, file: &ToSend) -> Result<Answer, Failure> {
        let target = self.target.below([incident, &file.name]);
        send(Method::PUT, &target, self.headers.clone(), file.content()?).await
    }
}

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

    /// Sends a file. `WebDAV` servers refuse one whose directory is not there, with 409, nginx with 500: where one can be
    /// made, that was it, and the file is sent again.
    pub async fn put(&self, incident: &str, file: &ToSend) -> Result<(), Failure> {
        let answer = self.try_put(incident, file).await?;
        let may_lack_directory = matches!(answer.status, StatusCode::CONFLICT | StatusCode::INTERNAL_SERVER_ERROR);
        if may_lack_directory && self.make_directory(incident).await? {
            return self.try_put(incident, file).await?.verdict(&self.target, "");
        }
        answer.verdict(&self.target, "")
    }

    async fn make_directory(&self, incident: &str) -> Result<bool, Failure> {
        let mut directory = self.target.below([incident]);
        directory.path.push('/');
        let method = Method::from_bytes(b"MKCOL").map_err(|error| Failure::lasting(error.to_string()))?;
        let nothing = Content::Text(bytes::Bytes::new());
        Ok(send(method, &directory, self.headers.clone(), nothing).await?.status.is_success())
    }

    async fn try_put(&self, incident: &str, file: &ToSend) -> Result<Answer, Failure> {
        let target = self.target.below([incident, &file.name]);
        send(Method::PUT, &target, self.headers.clone(), file.content()?).await
    }
}

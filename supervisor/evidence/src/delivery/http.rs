//! Requests: plain HTTP to an address or to this machine, given up where nothing moves.

use std::future::Future;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::body::{Content, Pulse, Sending};
use super::failure::Failure;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How long nothing may move, in neither direction.
const SILENCE: Duration = Duration::from_secs(60);

/// So much of an answer is looked at.
const ANSWER: usize = 4 << 10;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    addresses: Vec<SocketAddr>,
    /// Host and port as they stand in the URL.
    pub authority: String,
    /// Path of the URL without a slash at its end; escaped as it was given.
    pub path: String,
    /// `?` and what follows, or nothing.
    query: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// How long the server wants to be left alone.
    pub patience: Option<Duration>,
    /// The beginning of what it said.
    pub text: String,
}

impl Target {
    /// Takes a URL apart. Only addresses and this machine are known to a static binary, and it speaks no TLS.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let uri: Uri = url.parse().map_err(|error| Failure::lasting(format!("the URL is wrong: {error}")))?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        if authority.contains('@') {
            return Err(Failure::lasting("the URL has a name or password in it, which would be logged"));
        }
        if uri.scheme_str() != Some("http") {
            return Err(Failure::lasting(format!(
                "{authority} is not asked for by http://, and TLS is not spoken here"
            )));
        }
        let (host, port) = (uri.host().unwrap_or_default().trim_matches(['[', ']']), uri.port_u16().unwrap_or(80));
        let addresses = match (host, host.parse()) {
            ("localhost", _) => vec![([127, 0, 0, 1], port).into(), (Ipv6Addr::LOCALHOST, port).into()],
            (_, Ok(address)) => vec![SocketAddr::new(address, port)],
            _ => return Err(Failure::lasting(format!("{host} is neither an IP address nor localhost"))),
        };
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self { addresses, authority, path: uri.path().trim_end_matches('/').to_owned(), query })
    }

    /// The place below it: each part is one step of the path, escaped.
    pub fn below<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Self {
        let parts = parts.into_iter().flat_map(|part| part.split('/')).filter(|part| !part.is_empty());
        let path = parts.fold(self.path.clone(), |path, part| path + "/" + &escaped(part));
        Self { path, ..self.clone() }
    }
}

/// A text in which only unreserved characters stand for themselves.
pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let piece = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(piece).collect()
}

/// Sends a request and reads the answer.
pub async fn send(method: Method, to: &Target, headers: HeaderMap, content: Content) -> Result<Answer, Failure> {
    let pulse = Pulse::new();
    let failed = |error: String| Failure::passing(format!("{}: {error}", to.authority));
    let exchange = exchange(method, to, headers, Sending::new(content, pulse.clone()), &pulse);
    tokio::select! {
        answer = exchange => answer.map_err(failed),
        () = silence(&pulse) => Err(failed(format!("nothing moved for {} s", SILENCE.as_secs()))),
    }
}

impl Answer {
    /// Whether it says yes, or for how long it says no. `explained` is what the server said, if it may be shown.
    pub fn verdict(&self, from: &Target, explained: &str) -> Result<(), Failure> {
        let space = if explained.is_empty() { "" } else { ": " };
        let reason = format!("{} answered {}{space}{explained}", from.authority, self.status);
        match self.status {
            status if status.is_success() => Ok(()),
            status if status.is_redirection() => Err(Failure::lasting(reason + ", which is not followed")),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::Passing { reason, after: self.patience })
            }
            status if status.is_client_error() => Err(Failure::lasting(reason)),
            _ => Err(Failure::Passing { reason, after: self.patience }),
        }
    }

    /// What the server said as one short line.
    pub fn line(&self) -> String {
        let line: String = self.text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
        line.trim().to_owned()
    }
}

async fn exchange(
    method: Method,
    to: &Target,
    headers: HeaderMap,
    body: Sending,
    pulse: &Pulse,
) -> Result<Answer, String> {
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(&to.addresses[..])).await;
    let stream = stream.map_err(|_| "no connection came about")?.map_err(|error| error.to_string())?;
    pulse.beat();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| chain(&error))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    let path = format!("{}{}", if to.path.is_empty() { "/" } else { &to.path }, to.query);
    *request.uri_mut() = path.parse().map_err(|error| format!("the path is wrong: {error}"))?;
    *request.headers_mut() = headers;
    let host = to.authority.parse().map_err(|_| "the host is wrong".to_owned())?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, const { hyper::header::HeaderValue::from_static("highwater") });
    let answer = async { read(sender.send_request(request).await.map_err(|error| chain(&error))?, pulse).await };
    alongside(answer, connection).await
}

/// Waits for an answer while the connection is driven, which says nothing that the answer does not.
async fn alongside<T>(answer: impl Future<Output = T>, connection: impl Future) -> T {
    let (mut answer, mut connection) = (std::pin::pin!(answer), std::pin::pin!(connection));
    tokio::select! {
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

async fn read(response: Response<Incoming>, pulse: &Pulse) -> Result<Answer, String> {
    let (parts, mut body) = response.into_parts();
    let mut text = Vec::new();
    while text.len() < ANSWER
        && let Some(frame) = body.frame().await
    {
        pulse.beat();
        // What came so far says enough.
        let Ok(frame) = frame else { break };
        text.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
    }
    text.truncate(ANSWER);
    let patience = parts.headers.get(RETRY_AFTER).and_then(|value| patience(value.to_str().ok()?));
    Ok(Answer { status: parts.status, patience, text: String::from_utf8_lossy(&text).into_owned() })
}

/// Reads `Retry-After`: seconds, or a date.
fn patience(value: &str) -> Option<Duration> {
    let seconds = value.trim().parse().ok().map(Duration::from_secs);
    seconds.or_else(|| {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(highwater_kernel::clock::wall()).unwrap_or_default())
    })
}

async fn silence(pulse: &Pulse) {
    while pulse.last().elapsed() < SILENCE {
        tokio::time::sleep_until(pulse.last() + SILENCE).await;
    }
}

/// An error with its causes: that of hyper alone often says nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_or_refused() {
        let target = Target::parse("http://[::1]:9000/a%20b/?x=1").unwrap();
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("[::1]:9000", "/a%20b"));
        assert_eq!(target.below(["i-1", "p/q", "a+b"]).path, "/a%20b/i-1/p/q/a%2Bb");
        assert_eq!(Target::parse("http://localhost").unwrap().addresses.len(), 2);
        let reason = |url: &str| format!("{:?}", Target::parse(url).unwrap_err());
        assert!(reason("https://127.0.0.1/").contains("TLS"));
        assert!(reason("http://example.org/").contains("neither an IP address"));
        assert!(reason("http://me:secret@127.0.0.1/").contains("password"));
        assert!(!reason("http://me:secret@127.0.0.1/").contains("secret"));
        assert!(reason("127.0.0.1").contains("TLS") && reason("").contains("wrong"));
    }

    /// Its clock jumps to the next timer whenever nothing else can happen.
    #[test]
    fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let sent = runtime.block_on(send(Method::GET, &target, HeaderMap::new(), Content::Text(Bytes::new())));
        let Err(Failure::Passing { reason, .. }) = sent else { panic!("{sent:?}") };
        assert!(reason.contains("nothing moved for 60 s"), "{reason}");
    }

    #[test]
    fn answers_say_yes_no_or_not_now() {
        let from = Target::parse("http://127.0.0.1/").unwrap();
        let verdict = |status: u16| {
            let answer = Answer { status: status.try_into().unwrap(), patience: None, text: String::new() };
            match answer.verdict(&from, "") {
                Ok(()) => "yes",
                Err(Failure::Lasting { .. }) => "no",
                Err(Failure::Passing { .. }) => "not now",
            }
        };
        let yes = [200, 201, 204].map(verdict);
        let no = [301, 400, 401, 403, 404, 409, 413].map(verdict);
        let not_now = [408, 429, 500, 502, 503, 507].map(verdict);
        assert_eq!((yes, no, not_now), (["yes"; 3], ["no"; 7], ["not now"; 6]));
    }

    #[test]
    fn servers_ask_for_patience_in_seconds_or_by_date() {
        assert_eq!(patience(" 120"), Some(Duration::from_secs(120)));
        assert_eq!(patience("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let later = httpdate::fmt_http_date(highwater_kernel::clock::wall() + Duration::from_secs(3600));
        assert!(patience(&later).unwrap() > Duration::from_secs(3500));
        assert_eq!(patience("soon"), None);
    }
}

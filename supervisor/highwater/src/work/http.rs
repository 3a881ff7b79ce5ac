//! Requests of a policy: a dump fetched by GET, a step done by POST. Plain HTTP to an address or to this machine.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use highwater_core::command::Finished;
use highwater_evidence::store::Store;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Outcome, Surroundings, Wanted, done, evidence, keep_newest, offload};

/// A dump larger than this is cut off and refused.
const LARGEST: u64 = 1 << 30;

/// Fetches a dump and keeps it.
pub async fn dump(url: String, around: Surroundings, wanted: Wanted) -> Outcome {
    let Wanted { incident, step, keep: most } = wanted;
    let started = Instant::now();
    let said = |error: highwater_evidence::Error| error.to_string();
    let kept = Store::open(&around.evidence).and_then(|store| store.incident(&incident)).map_err(said)?;
    let name = kept.free_name(&step, Path::new(&name_of(&url)));
    let path = kept.path(&name);
    let response = send(Method::GET, &url, String::new()).await?;
    let mut file = kept.create(&name).map_err(said)?;
    around.growing.replace(Some(path.clone()));
    let written = stream(response, &mut file).await;
    let took = started.elapsed();
    match written {
        Ok(0) => {
            let _ = kept.directory().remove(&name);
            return Err("the answer is empty".to_owned());
        }
        Ok(_) => {}
        Err(reason) => {
            let _ = kept.keep_partial(&name);
            return Err(reason);
        }
    }
    let keep = move || {
        let piece = kept.keep(&name).map_err(said)?;
        Ok((evidence(&piece.path, piece.bytes, took), keep_newest(&around.evidence, &step, most)))
    };
    let (evidence, note) = offload(keep).await.map_err(|error| error.to_string()).and_then(|result| result)?;
    Ok(Finished { evidence: vec![evidence], note, took })
}

/// Posts what is happening as JSON.
pub async fn post(url: String, around: Surroundings, incident: String, step: String) -> Outcome {
    let started = Instant::now();
    let body = serde_json::json!({ "name": around.name, "incident": incident, "step": step }).to_string();
    send(Method::POST, &url, body).await?;
    Ok(done(started.elapsed()))
}

async fn send(method: Method, url: &str, body: String) -> Result<Response<Incoming>, String> {
    let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
    let said = |error: &dyn std::fmt::Display| format!("{url}: {error}");
    let stream = connect(&uri).await.map_err(|error| said(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| said(&error))?;
    // It ends with the last of the response; errors show there.
    tokio::task::spawn_local(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, uri.authority().map_or("localhost", |authority| authority.as_str()))
        .header(header::USER_AGENT, concat!("highwater/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| said(&error))?;
    let response = sender.send_request(request).await.map_err(|error| said(&error))?;
    if response.status().is_success() { Ok(response) } else { Err(said(&response.status())) }
}

/// Connects to an address, or to this machine by its name; a static binary resolves no other names.
async fn connect(uri: &Uri) -> std::io::Result<TcpStream> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(80);
    let addresses: Vec<SocketAddr> = match host {
        "localhost" => vec![([127, 0, 0, 1], port).into(), (std::net::Ipv6Addr::LOCALHOST, port).into()],
        _ => vec![SocketAddr::new(host.parse().map_err(std::io::Error::other)?, port)],
    };
    TcpStream::connect(&addresses[..]).await
}

async fn stream(response: Response<Incoming>, file: &mut File) -> Result<u64, String> {
    let mut body = response.into_body();
    let mut written = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() else { continue };
        written += data.len() as u64;
        if written > LARGEST {
            return Err(format!("the answer is larger than {LARGEST} bytes"));
        }
        file.write_all(&data).map_err(|error| error.to_string())?;
    }
    Ok(written)
}

/// The last part of the path, as a name for the file.
fn name_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("dump");
    last.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_named_after_the_path() {
        assert_eq!(name_of("http://127.0.0.1:6060/debug/pprof/heap?gc=1"), "heap");
        assert_eq!(name_of("http://localhost/"), "localhost");
    }
}

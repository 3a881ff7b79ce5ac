//! Connections: few at a time, each for a short time, so that nobody holds anything for long.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::task::{AbortHandle, JoinSet, spawn_local};
use tokio::time::timeout;

use super::Around;
use super::routes::route;

/// Connections at a time; one more ends the oldest, so that those who only hold on lock nobody out.
const MOST: usize = 16;
/// From the first byte to the last of a connection, which has one request.
const LONGEST: Duration = Duration::from_secs(10);
/// For the head of the request.
const HEAD: Duration = Duration::from_secs(5);
/// Bytes of it, the least that hyper takes.
const HEAD_BYTES: usize = 8 << 10;
const HEADERS: usize = 32;
/// After a connection could not be accepted, for want of descriptors most likely.
const PAUSE: Duration = Duration::from_secs(1);

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    /// A process of this machine.
    Process {
        /// Its number; nothing if it has none in our namespace.
        pid: Option<i32>,
        /// Its user.
        uid: u32,
    },
    /// Whoever reaches the address.
    Network,
}

/// Accepts connections until it is dropped, and those it accepted end with it.
#[derive(Debug)]
pub struct Accepting(AbortHandle);

impl Accepting {
    /// On a unix socket.
    pub fn unix(listener: UnixListener, around: Around) -> Self {
        let accept = async move {
            let mut open = Open::default();
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        if let Ok(caller) = caller(&stream) {
                            open.begin(stream, caller, &around);
                        }
                    }
                    Err(error) => pause(&error).await,
                }
            }
        };
        Self(spawn_local(accept).abort_handle())
    }

    /// On a TCP address.
    pub fn tcp(listener: TcpListener, around: Around) -> Self {
        let accept = async move {
            let mut open = Open::default();
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => open.begin(stream, Caller::Network, &around),
                    Err(error) => pause(&error).await,
                }
            }
        };
        Self(spawn_local(accept).abort_handle())
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The connections of a listener, the oldest first. Dropped, it ends them all.
#[derive(Default)]
struct Open {
    all: JoinSet<()>,
    in_order: VecDeque<AbortHandle>,
}

impl Open {
    fn begin(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static, caller: Caller, around: &Around) {
        while self.all.try_join_next().is_some() {}
        self.in_order.retain(|connection| !connection.is_finished());
        if self.in_order.len() >= MOST {
            self.in_order.pop_front().inspect(AbortHandle::abort);
        }
        self.in_order.push_back(self.all.spawn_local(converse(stream, caller, around.clone())));
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, caller: Caller, around: Around) {
    let answer = |request| {
        let around = around.clone();
        async move { Ok::<_, Infallible>(route(request, caller, &around).await) }
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    // Whoever goes away or is too slow is not worth a word.
    let _ = timeout(LONGEST, connection).await;
}

fn caller(stream: &UnixStream) -> io::Result<Caller> {
    let peer = stream.peer_cred()?;
    Ok(Caller::Process { pid: peer.pid().filter(|pid| *pid > 0), uid: peer.uid() })
}

async fn pause(error: &io::Error) {
    tracing::warn!("a connection cannot be accepted: {error}");
    tokio::time::sleep(PAUSE).await;
}

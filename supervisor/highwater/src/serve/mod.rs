//! What highwater answers over HTTP: whether it and the service are well, figures, incidents, and wishes of whoever runs
//! it. On a unix socket always, on a TCP address where the policy or the command line names one.
//!
//! A connection only asks the loop, by [`Wake::Asked`], and is answered between two of its turns: nothing is kept up to
//! date for readers that are not there.

mod answer;
mod connections;
mod exposition;
mod health;
mod incidents;
mod metrics;
mod own;
mod routes;
mod tally;
mod trigger;
mod view;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use highwater_core::supervisor::Wish;
use tokio::net::{TcpListener, UnixListener, UnixSocket};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, oneshot};

use crate::run::Wake;
use crate::runtime_dir::RuntimeDir;
use crate::work::Surroundings;
use connections::Accepting;

pub use tally::Tally;
pub use view::{Events, Figures, Pressure, Process, View};

/// The name of the unix socket.
pub const SOCKET: &str = "control.sock";
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 16;

/// What a connection asks the loop.
#[derive(Debug)]
pub enum Question {
    /// How everything stands.
    View(oneshot::Sender<Box<View>>),
    /// To begin a step now.
    Wish {
        /// Which.
        wish: Wish,
        /// Who asks, for the journal.
        by: String,
        /// The step that begins, or why none does.
        answer: oneshot::Sender<Result<String, String>>,
    },
}

/// Answers for as long as it lives.
#[derive(Debug)]
pub struct Server {
    around: Around,
    /// The unix socket, with its path.
    unix: Option<(PathBuf, Accepting)>,
    tcp: Option<(SocketAddr, Accepting)>,
}

/// What every connection can use.
#[derive(Clone, Debug)]
struct Around {
    wake: UnboundedSender<Wake>,
    work: Surroundings,
    state_dir: PathBuf,
    /// Who has it reads the incidents.
    turn: Rc<Semaphore>,
}

impl Server {
    /// Begins to answer on the unix socket. Needs the runtime of the loop.
    pub fn start(
        directory: Option<&RuntimeDir>,
        state_dir: &Path,
        work: Surroundings,
        wake: UnboundedSender<Wake>,
    ) -> (Self, io::Result<()>) {
        let around = Around { wake, work, state_dir: state_dir.into(), turn: Rc::new(Semaphore::new(1)) };
        let bound = directory.map(|directory| Ok((directory.path().join(SOCKET), bind(directory, state_dir)?)));
        let (bound, result) = match bound.transpose() {
            Ok(bound) => (bound, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let unix = bound.map(|(path, listener)| (path, Accepting::unix(listener, around.clone())));
        (Self { around, unix, tcp: None }, result)
    }

    /// Answers on this TCP address as well, and on no other. Nothing changes where it is the same as before.
    pub fn listen(&mut self, address: Option<SocketAddr>) -> io::Result<()> {
        if self.tcp.as_ref().map(|(address, _)| *address) == address {
            return Ok(());
        }
        self.tcp = None;
        let Some(address) = address else { return Ok(()) };
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        tracing::info!("listening on http://{}", listener.local_addr()?);
        let listener = TcpListener::from_std(listener)?;
        self.tcp = Some((address, Accepting::tcp(listener, self.around.clone())));
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.unix {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The unix socket, for us only from the first moment on. That of a predecessor makes room: the directory is ours.
fn bind(directory: &RuntimeDir, state_dir: &Path) -> io::Result<UnixListener> {
    let path = directory.short(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixSocket::new_stream()?;
    // The file gets the mode of the socket.
    nix::sys::stat::fchmod(&socket, nix::sys::stat::Mode::from_bits_truncate(0o600))?;
    socket.bind(&path)?;
    link(&directory.path().join(SOCKET), &state_dir.join(SOCKET));
    socket.listen(BACKLOG)
}

/// Lets whoever knows the state directory find the socket. Written only when it is not there already.
fn link(socket: &Path, link: &Path) {
    if socket == link || std::fs::read_link(link).is_ok_and(|target| target == socket) {
        return;
    }
    let _ = std::fs::remove_file(link);
    let _ = std::os::unix::fs::symlink(socket, link);
}

//! One request to a supervisor, over its unix socket.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_kernel::socket;
use nix::fcntl::OFlag;

/// A supervisor answers between two turns of its loop. One that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a supervisor answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// Nobody listens there.
    NotRunning,
    /// Somebody does, or may.
    Failed {
        /// The socket.
        socket: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for AskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => formatter.write_str("it does not run"),
            Self::Failed { socket, error } => match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    write!(formatter, "{}: {error}; only root and the user of the supervisor may ask", socket.display())
                }
                io::ErrorKind::WouldBlock => write!(formatter, "{}: no answer in {PATIENCE:?}", socket.display()),
                _ => write!(formatter, "{}: {error}", socket.display()),
            },
        }
    }
}

/// Asks for a path.
pub fn get(socket: &Path, path: &str) -> Result<Answer, AskError> {
    ask(socket, "GET", path)
}

/// Asks that something be done.
pub fn post(socket: &Path, path: &str) -> Result<Answer, AskError> {
    ask(socket, "POST", path)
}

fn ask(socket: &Path, method: &str, path: &str) -> Result<Answer, AskError> {
    converse(socket, method, path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NotRunning,
        _ => AskError::Failed { socket: socket.into(), error },
    })
}

fn converse(socket: &Path, method: &str, path: &str) -> io::Result<Answer> {
    let mut stream = connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{method} {path} HTTP/1.0\r\nHost: highwater\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its answer is no HTTP"))
}

/// By way of its directory, since an address has room for 107 bytes only.
fn connect(socket: &Path) -> io::Result<UnixStream> {
    let socket = socket.canonicalize()?;
    let directory = OpenOptions::new().read(true).custom_flags(OFlag::O_PATH.bits()).open(parent(&socket))?;
    let name = socket.file_name().unwrap_or_default();
    let short = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
    socket::connect(&short, PATIENCE).map_err(|error| error.source)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let text = "HTTP/1.0 409 Conflict\r\ncontent-length: 2\r\n\r\nno";
        assert_eq!(parse(text), Some(Answer { status: 409, body: "no".into() }));
        assert_eq!(parse("SSH-2.0-x\r\n\r\n"), None);
    }

    #[test]
    fn where_nobody_listens_it_does_not_run() {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("a".repeat(120)).join("control.sock");
        assert!(matches!(get(&socket, "/"), Err(AskError::NotRunning)));
        std::fs::create_dir(socket.parent().unwrap()).unwrap();
        std::fs::write(&socket, "").unwrap();
        assert!(matches!(get(&socket, "/"), Err(AskError::NotRunning)), "a file is no listener");
    }
}

//! A web server that answers as it is told, one connection after the other, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// How a request is answered.
#[derive(Clone, Copy)]
pub enum Reply {
    /// With that status, and words that must not be believed.
    Status(u16),
    /// 503, and so many seconds of patience are asked for.
    Busy(u64),
    /// Not at all: it breaks off in the middle of what is sent.
    BreakOff,
}

/// What was asked.
#[derive(Clone)]
pub struct Asked {
    pub line: String,
    headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.headers.iter().filter_map(|line| line.split_once(": "));
        pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _thread: JoinHandle<()>,
}

impl Server {
    /// Answers so many requests, then listens no more.
    pub fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let thread = thread::spawn(move || {
            for reply in replies {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream);
                seen.lock().unwrap().push(read(&mut reader, reply));
                answer(reader.get_mut(), reply);
            }
        });
        Self { address, asked, _thread: thread }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(reader: &mut BufReader<TcpStream>, reply: Reply) -> Asked {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut asked = Asked { line: lines.remove(0), headers: lines, body: Vec::new() };
    if !matches!(reply, Reply::BreakOff) {
        let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
        asked.body = vec![0; length];
        reader.read_exact(&mut asked.body).unwrap();
    }
    asked
}

fn answer(stream: &mut TcpStream, reply: Reply) {
    let (status, more) = match reply {
        Reply::Status(status) => (status, String::new()),
        Reply::Busy(seconds) => (503, format!("Retry-After: {seconds}\r\n")),
        Reply::BreakOff => return,
    };
    write!(stream, "HTTP/1.1 {status} Said\r\n{more}Content-Length: 2\r\n\r\nno").unwrap();
}

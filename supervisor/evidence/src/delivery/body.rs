//! What is sent: a text or a file, in pieces, each of which is a sign of life.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::cache::{STRETCH, forget};

const PIECE: usize = 64 << 10;

/// When something last went over the line.
#[derive(Clone, Debug)]
pub struct Pulse(Rc<Cell<Instant>>);

impl Pulse {
    pub fn new() -> Self {
        Self(Rc::new(Cell::new(Instant::now())))
    }

    pub fn beat(&self) {
        self.0.set(Instant::now());
    }

    pub fn last(&self) -> Instant {
        self.0.get()
    }
}

/// What is sent.
#[derive(Debug)]
pub enum Content {
    Text(Bytes),
    /// So many bytes of a file.
    File(File, u64),
}

impl Content {
    pub fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(_, length) => *length,
        }
    }
}

/// A request body of known length.
#[derive(Debug)]
pub struct Sending {
    content: Content,
    left: u64,
    pulse: Pulse,
}

impl Sending {
    pub fn new(content: Content, pulse: Pulse) -> Self {
        let left = content.length();
        Self { content, left, pulse }
    }

    fn next(&mut self) -> io::Result<Bytes> {
        let length = self.content.length();
        let piece = match &mut self.content {
            Content::Text(text) => std::mem::take(text),
            Content::File(file, _) => {
                let mut piece = vec![0; PIECE.min(usize::try_from(self.left).unwrap_or(PIECE))];
                let read = file.read(&mut piece)?;
                if read == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
                }
                piece.truncate(read);
                let done = length - self.left;
                if done / STRETCH != (done + read as u64) / STRETCH || self.left == read as u64 {
                    forget(file, done / STRETCH * STRETCH, 0);
                }
                Bytes::from(piece)
            }
        };
        self.left -= piece.len() as u64;
        Ok(piece)
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.pulse.beat();
        if self.left == 0 {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(self.next().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

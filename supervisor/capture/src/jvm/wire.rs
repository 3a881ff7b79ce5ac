//! The bytes on the socket: one question, one reply, then the JVM closes.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use highwater_kernel as kernel;

use super::{Error, Stage};

/// What is kept of the beginning and of the end of a reply, to judge it by.
const KEPT: usize = 4096;
/// A status is a number of at most this many characters.
const LONGEST_STATUS: usize = 11;

/// A connection with an end.
pub(super) struct Wire {
    stream: UnixStream,
    began: Instant,
    deadline: Instant,
}

/// A reply, of which the text went elsewhere.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: i32,
    /// The first and the last 4 KiB of the text.
    pub(super) head: Vec<u8>,
    pub(super) tail: Vec<u8>,
    /// Bytes of text that came.
    pub(super) bytes: u64,
    /// There would have been more than were wanted.
    pub(super) is_cut: bool,
}

impl Wire {
    pub(super) fn new(stream: UnixStream, began: Instant, deadline: Instant) -> Self {
        Self { stream, began, deadline }
    }

    /// Hands over a command of `jcmd`: version, name and three arguments, each with a zero byte behind it.
    pub(super) fn ask(&mut self, line: &[u8]) -> Result<(), Error> {
        let question = [b"1\0jcmd\0", line, b"\0\0\0"].concat();
        let left = self.left(Stage::Asking)?;
        self.stream.set_write_timeout(Some(left)).map_err(lost)?;
        // A JVM that does not trust us may have closed the connection already.
        self.stream.write_all(&question).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => self.timed_out(Stage::Asking),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Error::NoReply,
            _ => lost(error),
        })
    }

    /// Passes on the text of the reply as it comes, `most` bytes at most.
    pub(super) fn reply(mut self, most: u64, keep: &mut dyn Write) -> Result<Reply, Error> {
        let mut reply = Reply::default();
        let mut status = Vec::new();
        let mut buffer = [0; 16 << 10];
        let mut has_status = false;
        loop {
            let mut text = match self.read(&mut buffer)? {
                0 if has_status => return Ok(reply),
                0 if status.is_empty() => return Err(Error::NoReply),
                0 => return Err(unintelligible(&status)),
                count => &buffer[..count],
            };
            if !has_status {
                status.extend_from_slice(text);
                let Some(end) = find_status(&status)? else { continue };
                reply.status = parse_status(&status[..end])?;
                has_status = true;
                text = &status[end + 1..];
            }
            if reply.take(text, most, keep)? {
                return Ok(reply);
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            let left = self.left(Stage::Answering)?;
            self.stream.set_read_timeout(Some(left)).map_err(lost)?;
            match self.stream.read(buffer) {
                Ok(count) => return Ok(count),
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                // It was killed with our question unread.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(0),
                Err(error) => return Err(lost(error)),
            }
        }
    }

    /// Time that is left; never zero, which would mean for ever.
    fn left(&self, stage: Stage) -> Result<Duration, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(self.timed_out(stage)) } else { Ok(left.max(Duration::from_micros(1))) }
    }

    fn timed_out(&self, stage: Stage) -> Error {
        Error::TimedOut { stage, waited: self.began.elapsed() }
    }
}

impl Reply {
    /// Whether that was enough.
    fn take(&mut self, text: &[u8], most: u64, keep: &mut dyn Write) -> Result<bool, Error> {
        let wanted = usize::try_from(most - self.bytes).unwrap_or(usize::MAX).min(text.len());
        self.is_cut = wanted < text.len();
        let text = &text[..wanted];
        keep.write_all(text).map_err(Error::NotKept)?;
        self.bytes += wanted as u64;
        self.head.extend(text.iter().take(KEPT - self.head.len()));
        self.tail.extend_from_slice(&text[text.len().saturating_sub(KEPT)..]);
        self.tail.drain(..self.tail.len().saturating_sub(KEPT));
        Ok(self.is_cut)
    }
}

fn find_status(text: &[u8]) -> Result<Option<usize>, Error> {
    match text.iter().position(|byte| *byte == b'\n') {
        None if text.len() > LONGEST_STATUS => Err(unintelligible(text)),
        end => Ok(end),
    }
}

fn parse_status(text: &[u8]) -> Result<i32, Error> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| unintelligible(text))
}

fn unintelligible(text: &[u8]) -> Error {
    Error::Unintelligible { reply: String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned() }
}

fn lost(source: io::Error) -> Error {
    Error::Connection(kernel::Error { op: "use", path: "the socket of the JVM".into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// A reply, and its text.
    type Replied = Result<(Reply, Vec<u8>), Error>;

    /// What a fake JVM is asked by `ask`, which says `reply` in these pieces and closes.
    fn talk(pieces: &'static [&'static [u8]], most: u64) -> (Vec<u8>, Replied) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let jvm = thread::spawn(move || {
            let mut asked = vec![0; b"1\0jcmd\0Thread.print\0\0\0".len()];
            theirs.read_exact(&mut asked).unwrap();
            for piece in pieces {
                // Whoever has heard enough hangs up.
                let _ = theirs.write_all(piece);
            }
            asked
        });
        let mut wire = Wire::new(ours, Instant::now(), Instant::now() + Duration::from_mins(1));
        wire.ask(b"Thread.print").unwrap();
        let mut kept = Vec::new();
        let reply = wire.reply(most, &mut kept).map(|reply| (reply, kept));
        (jvm.join().unwrap(), reply)
    }

    #[test]
    fn a_question_has_five_strings() {
        let (asked, reply) = talk(&[b"0\n"], 100);
        assert_eq!(asked, b"1\0jcmd\0Thread.print\0\0\0");
        assert_eq!(reply.unwrap().0.bytes, 0);
    }

    #[test]
    fn a_reply_in_pieces_is_one() {
        let (_, reply) = talk(&[b"-", b"1", b"\nab", b"c"], 100);
        let (reply, kept) = reply.unwrap();
        assert_eq!((reply.status, kept.as_slice(), reply.is_cut), (-1, &b"abc"[..], false));
        assert_eq!((reply.head.as_slice(), reply.tail.as_slice()), (&b"abc"[..], &b"abc"[..]));
    }

    #[test]
    fn no_more_is_kept_than_wanted() {
        static ENDLESS: [&[u8]; 100] = [&[b'x'; 1000]; 100];
        let (_, reply) = talk(&[b"0\n", b"0123456789"], 4);
        let (reply, kept) = reply.unwrap();
        assert_eq!((kept.as_slice(), reply.is_cut, reply.bytes), (&b"0123"[..], true, 4));
        let (_, exact) = talk(&[b"0\n", b"0123"], 4);
        assert!(!exact.unwrap().0.is_cut);
        let mut long = vec![&b"0\n"[..]];
        long.extend(ENDLESS);
        let (_, reply) = talk(long.leak(), 50_000);
        let (reply, kept) = reply.unwrap();
        assert_eq!((kept.len(), reply.head.len(), reply.tail.len()), (50_000, KEPT, KEPT));
    }

    #[test]
    fn who_is_no_jvm_is_not_understood() {
        for reply in [&[&b"HTTP/1.1 400 Bad Request\r\n"[..]][..], &[b"0"], &[b"99999999999\n"], &[b"\n"]] {
            let reply = talk(reply.to_vec().leak(), 100).1;
            assert!(matches!(reply, Err(Error::Unintelligible { .. })), "{reply:?}");
        }
        assert!(matches!(talk(&[], 100).1, Err(Error::NoReply)));
    }

    #[test]
    fn the_time_is_up_also_in_the_middle_of_a_reply() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"0\nhalf").unwrap();
        let deadline = Instant::now() + Duration::from_millis(1);
        let error = Wire::new(ours, Instant::now(), deadline).reply(100, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, Error::TimedOut { stage: Stage::Answering, .. }), "{error}");
    }

    #[test]
    fn a_text_that_cannot_be_kept_is_an_error() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"0\nxyz").unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        let error = Wire::new(ours, Instant::now(), deadline).reply(100, &mut &mut [0_u8; 2][..]).unwrap_err();
        assert!(matches!(error, Error::NotKept(_)), "{error}");
    }
}

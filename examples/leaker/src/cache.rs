//! Page cache instead of a leak: a file that is written and read over and over.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::thread;

use crate::error::Error;
use crate::pace::{PIECE, Pace, Rate};

/// What the command line says about the stream.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) rate: Rate,
    pub(crate) file: Option<PathBuf>,
    /// Bytes.
    pub(crate) size: usize,
}

impl Default for Stream {
    fn default() -> Self {
        Self { rate: Rate::None, file: None, size: 64 * 1024 * 1024 }
    }
}

impl Stream {
    /// Nothing without a rate; an error where a rate has no file to go with.
    pub(crate) fn wanted(self) -> Result<Option<Self>, Error> {
        match (self.rate, &self.file) {
            (Rate::None, None) => Ok(None),
            (Rate::None, Some(_)) => Err(Error::Contradiction("--cache-file needs --cache MB/s")),
            (_, None) => Err(Error::Contradiction("--cache needs --cache-file PATH")),
            (_, Some(_)) => Ok(Some(self)),
        }
    }
}

/// Starts the thread that streams for ever.
pub(crate) fn start(stream: Stream) -> Result<(), Error> {
    let path = stream.file.clone().unwrap_or_default();
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(true).open(&path).map_err(Error::file(&path))?;
    let work = move || {
        if let Err(error) = run(&stream, file) {
            eprintln!("leaker: the stream ended: {}", Error::File(path, error));
        }
    };
    let thread = thread::Builder::new().name("cache".to_owned());
    thread.spawn(work).map(drop).map_err(Error::Thread)
}

fn run(stream: &Stream, mut file: File) -> io::Result<()> {
    let mut piece = vec![0xc5; PIECE];
    let mut pace = Pace::new(stream.rate);
    let pieces = stream.size.div_ceil(PIECE).max(1);
    loop {
        file.rewind()?;
        for _ in 0..pieces {
            pace.wait();
            file.write_all(&piece)?;
        }
        file.rewind()?;
        for _ in 0..pieces {
            pace.wait();
            file.read_exact(&mut piece)?;
        }
    }
}

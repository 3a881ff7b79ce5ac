//! Writing one dump, without mapping new memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::MmapMut;

use crate::dump::Dump;
use crate::error::Error;
use crate::gate::Gate;
use crate::log::Log;
use crate::memory::{self, HugePages};
use crate::pace::{PIECE, Pace};

/// Writes dumps, one after the other.
pub(super) struct Writer {
    dump: Dump,
    gate: Arc<Gate>,
    log: Arc<Log>,
    /// Mapped and touched at start: a dump charges nothing but its file.
    buffer: MmapMut,
    count: AtomicUsize,
}

impl Writer {
    pub(super) fn new(dump: &Dump, gate: Arc<Gate>, log: Arc<Log>) -> Result<Self, Error> {
        let mut buffer = memory::map(PIECE, HugePages::System)?;
        memory::touch(&mut buffer);
        Ok(Self { dump: dump.clone(), gate, log, buffer, count: AtomicUsize::new(0) })
    }

    /// Writes one dump; what goes wrong is said on stderr, since nobody waits for a result.
    pub(super) fn write(&self) {
        let path = self.next_path();
        let pass = self.gate.dump();
        let outcome = self.fill(&path);
        drop(pass);
        match outcome {
            Ok(()) => self.log.line(&format!("dump {} {}", path.display(), self.dump.size)),
            Err(error) => eprintln!("leaker: {}", Error::File(path, error)),
        }
    }

    fn next_path(&self) -> PathBuf {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let path = self.dump.template.replace("%p", &process::id().to_string());
        path.replace("%n", &number.to_string()).into()
    }

    /// Returns with the file closed, or, for a dump without end, never.
    fn fill(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let mut pace = Pace::new(self.dump.rate);
        loop {
            self.write_once(&mut file, &mut pace)?;
            if !self.dump.forever {
                return Ok(());
            }
            file.rewind()?;
        }
    }

    fn write_once(&self, file: &mut File, pace: &mut Pace) -> io::Result<()> {
        let mut left = self.dump.size;
        while left > 0 {
            pace.wait();
            let piece = left.min(PIECE);
            file.write_all(&self.buffer[..piece])?;
            left -= piece;
        }
        Ok(())
    }
}

//! Where evidence is kept: `evidence/<incident>/`, readable by its owner only.

mod offer;
mod space;
mod take;
mod tidy;

pub use offer::Offered;
pub use space::{Space, free_space};

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::directory::Directory;
use crate::error::io_error;
use crate::names::{self, COMPRESSED, PARTIAL};
use crate::{Error, Result, cache};

/// All evidence of a supervisor.
#[derive(Debug)]
pub struct Store {
    root: Directory,
}

/// The evidence of one incident.
#[derive(Debug)]
pub struct Incident {
    directory: Directory,
}

/// A file that is kept: on disk, also after a power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Whether its writer finished it.
    pub complete: bool,
}

impl Store {
    /// Opens the directory of all evidence, made if need be. One that others own is refused.
    pub fn open(path: &Path) -> Result<Self> {
        let root = Directory::make(path)?;
        let owner = root.look_itself()?.st_uid;
        if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
            return Err(Error::refused(path, format!("belongs to user {owner}")));
        }
        Ok(Self { root })
    }

    /// The directory of an incident, made if need be.
    pub fn incident(&self, incident: &str) -> Result<Incident> {
        self.check(incident)?;
        Ok(Incident { directory: self.root.make_inside(incident)? })
    }

    /// The directory of an incident that has left something.
    pub fn existing(&self, incident: &str) -> Result<Incident> {
        self.check(incident)?;
        Ok(Incident { directory: self.root.inside(incident)? })
    }

    /// Incidents that have a directory, the oldest first.
    pub fn incidents(&self) -> Result<Vec<String>> {
        let names = self.root.names()?;
        let mut names: Vec<String> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
        names.retain(|name| names::is_incident(name) && self.root.inside(name).is_ok());
        names.sort_by(|a, b| names::by_age(a).cmp(&names::by_age(b)));
        Ok(names)
    }

    /// Room on the file system evidence is on.
    pub fn space(&self) -> Result<Space> {
        space::of(&self.root, self.root.path())
    }

    pub(crate) fn root(&self) -> &Directory {
        &self.root
    }

    fn check(&self, incident: &str) -> Result<()> {
        if names::is_incident(incident) {
            return Ok(());
        }
        Err(Error::refused(self.root.path(), format!("cannot contain an incident named {incident:?}")))
    }
}

impl Incident {
    /// Opens the directory of an incident by its path.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { directory: Directory::open(path)? })
    }

    /// A name for a file of that step which is not taken: not by a file, and not by what becomes of one later.
    pub fn free_name(&self, step: &str, like: &Path) -> String {
        let later = ["", PARTIAL, COMPRESSED, ".partial.gz"];
        let is_free = |name: &String| later.iter().all(|end| !self.directory.has(format!("{name}{end}")));
        let mut names = (1..).map(|number| names::kept_name(step, number, like));
        names.find(is_free).unwrap_or_default()
    }

    /// Takes a finished file in. Blocks while it is put on disk, and copied if it is on another file system; on failure
    /// it stays where it is.
    pub fn take(&self, offered: &Offered, name: &str) -> Result<Piece> {
        take::take(offered, &self.directory, name)?;
        self.piece(name)
    }

    /// Takes what there is of a file that its writer did not finish in, as `NAME.partial`.
    pub fn take_partial(&self, offered: &Offered, name: &str) -> Result<Piece> {
        self.take(offered, &format!("{name}{PARTIAL}"))
    }

    /// Where [`Self::take_partial`] puts a file of that name.
    pub fn partial_path(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}{PARTIAL}"))
    }

    /// A new file, readable by its owner only, to be [kept](Self::keep) when it is written.
    pub fn create(&self, name: &str) -> Result<File> {
        self.directory.create(name)
    }

    /// Puts a file that was [created](Self::create) on disk for good.
    pub fn keep(&self, name: &str) -> Result<Piece> {
        let file = self.directory.read(name)?;
        file.sync_all().map_err(io_error("sync", self.path(name)))?;
        cache::forget(&file, 0, 0);
        self.directory.sync_deep()?;
        self.piece(name)
    }

    /// The same for one that could not be written to its end, which is then called `NAME.partial`.
    pub fn keep_partial(&self, name: &str) -> Result<Piece> {
        let partial = format!("{name}{PARTIAL}");
        self.directory.rename(name, &self.directory, &partial)?;
        self.keep(&partial)
    }

    /// Puts a record such as `incident.json` in place as a whole: there is the old one or the new one.
    pub fn record(&self, name: &str, content: &[u8]) -> Result<Piece> {
        self.directory.replace(name, content)?;
        self.directory.sync_deep()?;
        self.piece(name)
    }

    /// A file that is kept.
    pub fn piece(&self, name: &str) -> Result<Piece> {
        let bytes = u64::try_from(self.directory.look(name)?.st_size).unwrap_or(0);
        Ok(Piece { path: self.path(name), bytes, complete: !names::is_partial(name) })
    }

    /// The files that are kept, by name; what is still being made is left out.
    pub fn files(&self) -> Result<Vec<String>> {
        let names = self.directory.names()?;
        let mut names: Vec<String> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
        names.retain(|name| !names::is_ours(name) && self.directory.read(name).is_ok());
        Ok(names)
    }

    /// The path of a file, whether it is there or not.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Room on the file system it is on.
    pub fn space(&self) -> Result<Space> {
        space::of(&self.directory, self.directory.path())
    }

    /// Its directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }
}

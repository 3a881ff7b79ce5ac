//! The outbox: a directory with a small file for each thing to deliver, and beside it how far that has come.
//!
//! The one is written only by those who want something delivered, the other only by the one process that delivers. So
//! nobody waits for anybody, and neither overwrites what the other knows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::item::Item;
use crate::directory::Directory;
use crate::error::io_error;
use crate::finish::hex;
use crate::{Error, Result, names};

/// No item is larger.
const LARGEST: u64 = 1 << 20;

const ITEM: &str = ".json";
const PROGRESS: &str = ".progress";

/// An item while it is taken out, until it is sure that it is the one that was delivered.
const TAKEN: &str = ".taken";

/// Things to deliver.
#[derive(Debug)]
pub struct Outbox {
    directory: Directory,
}

/// How far the delivery of an item has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Progress {
    /// Which content of the item the figures are of; what was put anew is tried at once.
    of: String,
    /// Attempts that failed.
    pub attempts: u32,
    /// When it is tried again, milliseconds since 1970 by the wall clock.
    pub next_at: u64,
    /// Everything so far is delivered; more may come.
    pub settled: bool,
    /// Files that are delivered, by name.
    pub sent: BTreeMap<String, Sent>,
}

/// A file that is delivered: the same is not sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// An item with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) item: Item,
    pub(super) progress: Progress,
    content: Vec<u8>,
}

impl Entry {
    /// Stands for the item and its content.
    pub(super) fn key(&self) -> (String, Vec<u8>) {
        (self.item.id.clone(), self.content.clone())
    }
}

impl Outbox {
    /// Opens an outbox, made if need be.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { directory: Directory::make(path)? })
    }

    /// Puts something into the outbox, in the place of what has the same id. When this returns it is on disk.
    pub fn put(&self, item: &Item) -> Result<()> {
        if !names::is_incident(&item.id) {
            return Err(Error::refused(self.directory.path(), format!("cannot contain an item named {:?}", item.id)));
        }
        self.directory.replace(&format!("{}{ITEM}", item.id), &plain_json(item))
    }

    /// Everything that is still to be delivered, or was and is not [concluded](super::Kind::is_last): what a supervisor
    /// that was started anew has to conclude.
    pub fn items(&self) -> Result<Vec<(Item, Progress)>> {
        Ok(self.entries()?.into_iter().map(|entry| (entry.item, entry.progress)).collect())
    }

    /// Has everything tried at the next run, however long it was to wait; `false` if a run is under way.
    pub fn hurry(&self) -> Result<bool> {
        let Some(_lock) = self.lock()? else { return Ok(false) };
        for mut entry in self.entries()?.into_iter().filter(|entry| !entry.progress.settled) {
            entry.progress.next_at = 0;
            self.note(&entry)?;
        }
        Ok(true)
    }

    pub(super) fn entries(&self) -> Result<Vec<Entry>> {
        let names = self.directory.names()?;
        let ids = names.iter().filter_map(|name| name.to_str()?.strip_suffix(ITEM)).filter(|id| !names::is_ours(id));
        Ok(ids.filter_map(|id| self.entry(id)).collect())
    }

    /// What cannot be read as an item is left alone.
    pub(super) fn entry(&self, id: &str) -> Option<Entry> {
        let content = self.directory.content(format!("{id}{ITEM}"), LARGEST).ok()?;
        let item: Item = serde_json::from_slice(&content).ok().filter(|item: &Item| item.id == id)?;
        let progress = self.directory.content(format!("{id}{PROGRESS}"), LARGEST).unwrap_or_default();
        let known: Progress = serde_json::from_slice(&progress).unwrap_or_default();
        let of = hex(&Sha256::digest(&content)[..8]);
        let is_same = known.of == of;
        let progress = if is_same { known } else { Progress { of, sent: known.sent, ..Progress::default() } };
        Some(Entry { item, progress, content })
    }

    /// Keeps how far it has come.
    pub(super) fn note(&self, entry: &Entry) -> Result<()> {
        self.directory.replace(&format!("{}{PROGRESS}", entry.item.id), &plain_json(&entry.progress))
    }

    /// Takes an item out, unless something else was put in its place meanwhile; then that stays.
    pub(super) fn take_out(&self, entry: &Entry) -> Result<()> {
        let id = &entry.item.id;
        let (item, taken) = (format!("{id}{ITEM}"), format!(".{id}{TAKEN}"));
        self.directory.rename(&item, &self.directory, &taken)?;
        let is_same = self.directory.content(&taken, LARGEST).is_ok_and(|content| content == entry.content);
        if is_same {
            let _ = self.directory.remove(format!("{id}{PROGRESS}"));
        } else {
            self.put_back(&taken, &item)?;
        }
        self.directory.remove(&taken)?;
        self.directory.sync()
    }

    /// Puts back what a predecessor was killed over, and locks the outbox until the file is closed; nothing if somebody
    /// else is at work in it.
    pub(super) fn lock(&self) -> Result<Option<File>> {
        let path = self.directory.path().join(".lock");
        let lock = match self.directory.create(".lock") {
            Err(error) if error.kind() == Some(io::ErrorKind::AlreadyExists) => self.directory.read(".lock"),
            created => created,
        }?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(io_error("lock", path)(error)),
        }
        for name in self.directory.names()?.iter().filter_map(|name| name.to_str()) {
            if let Some(id) = name.strip_prefix('.').and_then(|name| name.strip_suffix(TAKEN)) {
                self.put_back(name, &format!("{id}{ITEM}"))?;
                self.directory.remove(name)?;
            }
        }
        Ok(Some(lock))
    }

    /// What is newer stays.
    fn put_back(&self, taken: &str, item: &str) -> Result<()> {
        match self.directory.link(taken, item) {
            Err(error) if error.kind() == Some(io::ErrorKind::AlreadyExists) => Ok(()),
            linked => linked,
        }
    }
}

fn plain_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("items and progress are plain data with text keys")
}

#[cfg(test)]
mod tests {
    use super::super::item::{Kind, Notice, Via};
    use super::*;

    fn item(summary: &str) -> Item {
        let notice = Notice { summary: summary.into(), ..Notice::default() };
        Item { since: 1, ..Item::new("i-1", Kind::Notify { via: Via::Alertmanager("http://[::1]".into()), notice }) }
    }

    fn outbox() -> (tempfile::TempDir, Outbox) {
        let root = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&root.path().join("outbox")).unwrap();
        (root, outbox)
    }

    fn only(outbox: &Outbox) -> Entry {
        outbox.entries().unwrap().pop().unwrap()
    }

    #[test]
    fn what_is_put_anew_is_tried_at_once_and_knows_what_was_sent() {
        let (_root, outbox) = outbox();
        outbox.put(&item("first")).unwrap();
        let mut entry = only(&outbox);
        entry.progress.attempts = 7;
        entry.progress.next_at = 9;
        entry.progress.sent.insert("dump".into(), Sent { bytes: 1, sha256: "x".into() });
        outbox.note(&entry).unwrap();
        assert_eq!(only(&outbox).progress, entry.progress);
        outbox.put(&item("second")).unwrap();
        let progress = only(&outbox).progress;
        assert_eq!((progress.attempts, progress.next_at, progress.sent.len()), (0, 0, 1));
    }

    #[test]
    fn what_was_put_meanwhile_is_not_taken_out() {
        let (_root, outbox) = outbox();
        outbox.put(&item("first")).unwrap();
        let first = only(&outbox);
        outbox.put(&item("second")).unwrap();
        outbox.take_out(&first).unwrap();
        assert_eq!(outbox.items().unwrap()[0].0, item("second"));
        outbox.take_out(&only(&outbox)).unwrap();
        assert_eq!(outbox.directory.names().unwrap().len(), 0);
    }

    #[test]
    fn what_a_predecessor_was_killed_over_is_put_back() {
        let (_root, outbox) = outbox();
        outbox.put(&item("first")).unwrap();
        let id = item("first").id;
        outbox.directory.rename(format!("{id}.json"), &outbox.directory, format!(".{id}.taken")).unwrap();
        assert!(outbox.items().unwrap().is_empty());
        let lock = outbox.lock().unwrap();
        assert_eq!(outbox.items().unwrap().len(), 1);
        assert!(outbox.lock().unwrap().is_none());
        drop(lock);
        assert!(outbox.lock().unwrap().is_some());
    }

    #[test]
    fn what_is_no_item_is_left_alone() {
        let (root, outbox) = outbox();
        std::fs::write(root.path().join("outbox/junk.json"), "{").unwrap();
        std::fs::write(root.path().join("outbox/other.json"), serde_json::to_vec(&item("x")).unwrap()).unwrap();
        assert!(outbox.items().unwrap().is_empty());
        assert!(outbox.put(&Item { id: "../x".into(), ..item("x") }).is_err());
    }
}

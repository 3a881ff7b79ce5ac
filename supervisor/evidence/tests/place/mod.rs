//! What is delivered, and by whom.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_evidence::delivery::{Destination, Item, Kind, Outbox, Outcome, Upload, run};
use highwater_evidence::store::{Incident, Store};

/// Evidence of one incident, and an outbox.
pub struct Place {
    _root: tempfile::TempDir,
    pub incident: Incident,
    pub outbox: PathBuf,
}

/// One incident with these files.
pub fn place(files: &[(&str, &[u8])]) -> Place {
    let root = tempfile::tempdir().unwrap();
    let incident = Store::open(&root.path().join("evidence")).unwrap().incident("i-1").unwrap();
    let outbox = root.path().join("outbox");
    let place = Place { _root: root, incident, outbox };
    for (name, content) in files {
        place.add(name, content);
    }
    place
}

impl Place {
    pub fn add(&self, name: &str, content: &[u8]) {
        self.incident.create(name).unwrap().write_all(content).unwrap();
    }

    pub fn put(&self, kind: Kind) {
        Outbox::open(&self.outbox).unwrap().put(&Item::new("i-1", kind)).unwrap();
    }

    pub fn upload(&self, to: Destination, last: bool) {
        self.put(Kind::Upload(Upload { directory: self.incident.directory().path().into(), to, last }));
    }

    pub fn is_empty(&self) -> bool {
        Outbox::open(&self.outbox).unwrap().items().unwrap().is_empty()
    }

    pub fn hurry(&self) {
        assert!(Outbox::open(&self.outbox).unwrap().hurry().unwrap());
    }
}

/// Works the outbox off as a process of its own would: on a thread that ends, since its priority is lowered.
pub fn work(outbox: &Path) -> (Vec<Outcome>, Option<Duration>) {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut out = Vec::new();
            let next = run(outbox, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), next)
        });
        worker.join().unwrap()
    })
}

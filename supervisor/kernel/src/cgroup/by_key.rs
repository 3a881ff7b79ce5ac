//! Whole files of `key value` lines, for evidence: with whatever keys this kernel has.

use std::collections::BTreeMap;

use super::Group;
use crate::Result;
use crate::psi::Pressure;
use crate::text::pairs;

impl Group {
    /// All of `memory.stat`: bytes, or counts, by key.
    pub fn stat_by_key(&self) -> Result<BTreeMap<String, u64>> {
        self.by_key("memory.stat")
    }

    /// All of `memory.events`.
    pub fn events_by_key(&self) -> Result<BTreeMap<String, u64>> {
        self.by_key("memory.events")
    }

    /// `memory.pressure`.
    pub fn pressure(&self) -> Result<Pressure> {
        Pressure::read(&self.path().join("memory.pressure"))
    }

    fn by_key(&self, name: &str) -> Result<BTreeMap<String, u64>> {
        let text = self.read(name)?;
        Ok(pairs(text.as_bytes()).map(|(key, value)| (String::from_utf8_lossy(key).into_owned(), value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::cgroup::tests::fake_group;

    #[test]
    fn every_key_is_there_whatever_its_name() {
        let stat = include_str!("testdata/memory.stat.6.12");
        let (_dir, group) = fake_group(&[("memory.stat", stat), ("memory.events", "low 0\nhigh 7\n")]);
        let found = group.stat_by_key().unwrap();
        assert_eq!(found.len(), stat.lines().count());
        assert_eq!((found["shmem"], found["anon_thp"]), (5_242_880, 102_760_448));
        assert_eq!(group.events_by_key().unwrap()["high"], 7);
        assert!(group.pressure().is_err());
    }
}

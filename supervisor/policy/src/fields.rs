//! How tables are read, key by key.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::language;
use crate::nearest::{list, nearest};
use crate::notes::Notes;
use crate::value::{Item, Value, describe};

/// What to do about a key that is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Presence {
    /// It is an error.
    Required,
    /// There is no value.
    Optional,
    /// This is the value, in TOML.
    Default(&'static str),
}

/// The value of a key.
#[derive(Clone, Debug)]
pub(crate) struct Field<T> {
    /// Where the key is; `None` when it is not given.
    pub(crate) key: Option<Range<usize>>,
    /// Where the value is; empty when it is not given.
    pub(crate) at: Range<usize>,
    /// The value given or by default; `None` when it is absent or wrong.
    pub(crate) value: Option<T>,
}

impl<T> Field<T> {
    /// The value and its place, if it was written down and is sound.
    pub(crate) fn given(&self) -> Option<(&T, &Range<usize>)> {
        self.value.as_ref().filter(|_| self.key.is_some()).map(|value| (value, &self.at))
    }

    /// Whether the key is there, sound or not.
    pub(crate) fn is_present(&self) -> bool {
        self.key.is_some()
    }
}

/// A table being read.
pub(crate) struct Fields<'t> {
    table: &'t DeTable<'t>,
    span: Range<usize>,
    title: &'static str,
    /// Known keys that unknown ones were taken for: they are not missing as well.
    meant: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// Begins to read `item` as a table with these keys; notes every key that is not among them.
    pub(crate) fn open(
        item: &'t Item<'t>,
        title: &'static str,
        keys: &[&'static str],
        notes: &mut Notes,
    ) -> Option<Self> {
        let DeValue::Table(table) = item.get_ref() else {
            let allowed = match keys {
                [] => "an empty table: {}".to_owned(),
                keys => format!("a table with the keys {}", list(keys.iter().copied())),
            };
            notes.error(&item.span(), format!("{title}: found {}", describe(item.get_ref())), allowed);
            return None;
        };
        let strange = table.iter().map(|(key, _)| key).filter(|key| !keys.contains(&key.get_ref().as_ref()));
        let meant = strange.filter_map(|key| unknown(key.get_ref(), &key.span(), title, keys, notes)).collect();
        Some(Self { table, span: item.span(), title, meant })
    }

    /// Whether the key is there, or was meant to be.
    fn has(&self, key: &str) -> bool {
        self.table.contains_key(key) || self.meant.contains(&key)
    }

    /// Reads the value of `key`.
    pub(crate) fn field<T: Value>(&self, key: &str, presence: Presence, notes: &mut Notes) -> Field<T> {
        match self.table.get_key_value(key) {
            Some((key, item)) => Field { key: Some(key.span()), at: item.span(), value: T::read(item, notes) },
            None => Field { key: None, at: 0..0, value: self.absent(key, presence, notes) },
        }
    }

    /// The value of a key that is not given.
    fn absent<T: Value>(&self, key: &str, presence: Presence, notes: &mut Notes) -> Option<T> {
        match presence {
            Presence::Optional => None,
            Presence::Required if self.meant.contains(&key) => None,
            Presence::Required => {
                let message = format!("`{key}` is missing in {}", self.title);
                notes.error(&self.span, message, format!("`{key}` is needed here")).consequence();
                None
            }
            Presence::Default(text) => {
                let item = DeValue::parse(text).expect("defaults are sound: a test reads them all");
                T::read(&item, notes)
            }
        }
    }

    /// Checks that exactly one of the groups of keys is there, and all of it.
    pub(crate) fn choose(&self, groups: &[&[&str]], notes: &mut Notes) {
        let given = |group: &&&[&str]| group.iter().any(|key| self.has(key));
        let mut touched: Vec<&&[&str]> = groups.iter().filter(given).collect();
        touched.sort_by_key(|group| self.start(group));
        match touched.as_slice() {
            [] => {
                let message = format!("{} has none of {}", self.title, alternatives(groups));
                notes.error(&self.span, message, "exactly one of them is needed").consequence();
            }
            [group] => self.complete(group, notes),
            [first, others @ ..] => {
                for other in others {
                    let (key, span) = self.first_of(other);
                    let already = self.first_of(first);
                    let message = format!("`{key}` in {} that already has `{}`", self.title, already.0);
                    let allowed = format!("exactly one of {}", alternatives(groups));
                    notes.error(&span, message, allowed).see(already.1, "the first is");
                }
            }
        }
    }

    /// Notes every key of `group` that is not there.
    fn complete(&self, group: &[&str], notes: &mut Notes) {
        let (there, span) = self.first_of(group);
        for key in group.iter().filter(|key| !self.has(key)) {
            let message = format!("`{there}` without `{key}`");
            notes.error(&span, message, format!("`{key}` is needed too")).consequence();
        }
    }

    /// The first key of the group in the text, with its place; the table's place for one that was only meant.
    fn first_of(&self, group: &[&str]) -> (String, Range<usize>) {
        let found = group.iter().filter_map(|key| self.table.get_key_value(*key));
        let first = found.map(|(key, _)| (key.get_ref().to_string(), key.span())).min_by_key(|(_, span)| span.start);
        let meant = || group.iter().find(|key| self.meant.contains(key)).map_or("", |key| key).to_owned();
        first.unwrap_or_else(|| (meant(), self.span.clone()))
    }

    fn start(&self, group: &[&str]) -> usize {
        self.first_of(group).1.start
    }
}

/// Groups of keys for people.
fn alternatives(groups: &[&[&str]]) -> String {
    let joined: Vec<String> = groups.iter().map(|group| group.join("` + `")).collect();
    list(joined.iter().map(String::as_str))
}

/// Notes an unknown key, with the key that was meant or the table it belongs to. Returns the key that was meant.
fn unknown(
    key: &str,
    span: &Range<usize>,
    title: &str,
    keys: &[&'static str],
    notes: &mut Notes,
) -> Option<&'static str> {
    let allowed = match keys {
        [] => format!("{title} has no keys"),
        keys => format!("keys of {title}: {}", list(keys.iter().copied())),
    };
    let message = format!("unknown key `{key}` in {title}");
    let meant = nearest(key, keys.iter().copied());
    if let Some(meant) = meant {
        notes.error(span, message, format!("did you mean `{meant}`?")).help(allowed);
    } else if let Some(home) = language::home_of(key) {
        notes.error(span, message, format!("`{key}` belongs in {home}")).help(allowed);
    } else {
        notes.error(span, message, allowed);
    }
    meant
}

//! What samples refer to: strings, functions and locations.

use prost::Message;

use crate::names::Name;
use crate::native::demangle;
use crate::pprof::message::{Function, Location, Mapping, ValueType};
use crate::pprof::samples::Values;
use crate::pprof::wire::{self, Value};
use crate::profile::Profile;
use crate::read::Problem;

/// So many entries are read of each kind, which bounds memory whatever a file claims. The largest real profiles have a
/// tenth of it.
const MOST_ENTRIES: usize = 4 << 20;

/// A location or function is no larger than this.
const LARGEST_ENTRY: usize = 1 << 20;

/// The tables as they are in the file.
#[derive(Default)]
pub(super) struct Tables<'a> {
    strings: Vec<&'a [u8]>,
    value_types: Vec<ValueType>,
    mappings: Vec<Mapping>,
    functions: Vec<Function>,
    locations: Vec<&'a [u8]>,
}

impl<'a> Tables<'a> {
    /// Everything of a message but its samples.
    pub(super) fn collect(message: &'a [u8]) -> Result<Self, Problem> {
        let mut tables = Self::default();
        for field in wire::fields(message) {
            if let (number, Value::Bytes(entry)) = field? {
                match number {
                    1 => push(&mut tables.value_types, decode(entry)?)?,
                    3 => push(&mut tables.mappings, decode(entry)?)?,
                    4 => push(&mut tables.locations, entry)?,
                    5 => push(&mut tables.functions, decode(entry)?)?,
                    6 => push(&mut tables.strings, entry)?,
                    _ => {}
                }
            }
        }
        tables.functions.sort_unstable_by_key(|function| function.id);
        tables.mappings.sort_unstable_by_key(|mapping| mapping.id);
        Ok(tables)
    }

    /// Which values of a sample are bytes and objects.
    pub(super) fn values(&self) -> Result<Values, Problem> {
        let types = &self.value_types;
        let named = |name: &[u8]| types.iter().position(|kind| self.string(kind.r#type) == name);
        let in_bytes = || types.iter().rposition(|kind| self.string(kind.unit) == b"bytes");
        let bytes = named(b"inuse_space").or_else(in_bytes).ok_or_else(|| {
            Problem::malformed("no value of its samples is in bytes: it is a profile of something else than memory")
        })?;
        let counted = |at: &usize| types.get(*at).is_some_and(|kind| self.string(kind.unit) == b"count");
        let objects = named(b"inuse_objects").or_else(|| bytes.checked_sub(1).filter(counted));
        Ok(Values { bytes, objects })
    }

    /// The calls at each location, as names of the profile.
    pub(super) fn frames(&self, profile: &mut Profile) -> Result<Frames, Problem> {
        let mut frames = Frames::default();
        let mut names = vec![None; self.functions.len()];
        for entry in &self.locations {
            let location: Location = decode(entry)?;
            let begin = frames.names.len();
            for line in &location.line {
                let name = self.function(line.function_id, &mut names, profile);
                push(&mut frames.names, name)?;
            }
            if location.line.is_empty() {
                push(&mut frames.names, profile.name(&self.place(&location)))?;
            }
            let end = frames.names.len();
            frames.locations.push(Frame { id: location.id, begin: begin as u32, end: end as u32 });
        }
        frames.prepare();
        Ok(frames)
    }

    fn function(&self, id: u64, names: &mut [Option<Name>], profile: &mut Profile) -> Name {
        let Ok(position) = self.functions.binary_search_by_key(&id, |function| function.id) else {
            return profile.name("?");
        };
        *names[position].get_or_insert_with(|| {
            let function = self.functions[position];
            let name = [function.name, function.system_name].into_iter().map(|at| self.string(at));
            let name = String::from_utf8_lossy(name.clone().find(|name| !name.is_empty()).unwrap_or(b"?"));
            profile.name(&demangle(&name))
        })
    }

    /// Where a location is whose function is not known: offset in its file, or else its address.
    fn place(&self, location: &Location) -> String {
        let mapping = self.mappings.binary_search_by_key(&location.mapping_id, |mapping| mapping.id);
        let Some(mapping) = mapping.ok().map(|at| self.mappings[at]) else {
            return format!("{:#x}", location.address);
        };
        let path = String::from_utf8_lossy(self.string(mapping.filename));
        let file = path.rsplit('/').next().filter(|file| !file.is_empty()).unwrap_or("?");
        let offset = location.address.wrapping_sub(mapping.memory_start).wrapping_add(mapping.file_offset);
        format!("{file}+{offset:#x}")
    }

    fn string(&self, at: i64) -> &'a [u8] {
        usize::try_from(at).ok().and_then(|at| self.strings.get(at)).copied().unwrap_or_default()
    }
}

/// The calls at each location.
#[derive(Default)]
pub(super) struct Frames {
    locations: Vec<Frame>,
    /// Of one location, the innermost first.
    names: Vec<Name>,
}

#[derive(Clone, Copy)]
struct Frame {
    id: u64,
    begin: u32,
    end: u32,
}

impl Frames {
    /// Locations are numbered from 1 on by all who write them; whoever does not is sorted.
    fn prepare(&mut self) {
        let in_order = self.locations.iter().zip(1..).all(|(location, number)| location.id == number);
        if !in_order {
            self.locations.sort_unstable_by_key(|location| location.id);
        }
    }

    /// The calls at a location, the innermost first.
    pub(super) fn at(&self, id: u64) -> Option<&[Name]> {
        let direct = usize::try_from(id).ok().and_then(|id| self.locations.get(id.checked_sub(1)?));
        let location = match direct {
            Some(location) if location.id == id => location,
            _ => &self.locations[self.locations.binary_search_by_key(&id, |location| location.id).ok()?],
        };
        self.names.get(location.begin as usize..location.end as usize)
    }
}

fn decode<M: Message + Default>(entry: &[u8]) -> Result<M, Problem> {
    if entry.len() > LARGEST_ENTRY {
        return Err(Problem::malformed("a location or function has more than a megabyte"));
    }
    M::decode(entry).map_err(|error| Problem::malformed(error.to_string()))
}

fn push<T>(list: &mut Vec<T>, entry: T) -> Result<(), Problem> {
    if list.len() >= MOST_ENTRIES {
        return Err(Problem::malformed("it has more than four million functions, locations or strings"));
    }
    list.push(entry);
    Ok(())
}

//! The functions at addresses.

use std::collections::BTreeMap;
use std::path::Path;

use crate::names::Name;
use crate::native::mappings::{Mapping, Mappings};
use crate::native::{demangle, symbols};
use crate::profile::Profile;

/// Names of functions by address.
pub(super) struct Functions(Vec<(u64, Name)>);

impl Functions {
    /// The function at an address that was asked for.
    pub(super) fn get(&self, address: u64) -> Option<Name> {
        let at = self.0.binary_search_by_key(&address, |(known, _)| *known).ok()?;
        Some(self.0[at].1)
    }
}

/// Names the functions at all the addresses, each file being read once. Where a file is gone, is another by now, or has no
/// symbols, the name is that of the file with the offset in it.
pub(super) fn of(addresses: &[u64], mappings: &Mappings, profile: &mut Profile) -> Functions {
    let mut addresses = addresses.to_vec();
    addresses.sort_unstable();
    addresses.dedup();
    let mut by_file: BTreeMap<&str, Vec<(u64, &Mapping)>> = BTreeMap::new();
    let mut functions = Vec::with_capacity(addresses.len());
    for address in addresses {
        match mappings.of(address) {
            Some(mapping) => by_file.entry(&mapping.path).or_default().push((address, mapping)),
            None => functions.push((address, profile.name(&format!("{address:#x}")))),
        }
    }
    for (path, addresses) in by_file {
        let offsets = addresses.iter().map(|(address, mapping)| mapping.offset_of(*address)).collect();
        let symbols = symbols::at(Path::new(path), offsets);
        for (address, mapping) in addresses {
            let name = match symbols.get(&mapping.offset_of(address)) {
                Some(symbol) => profile.name(&demangle(symbol)),
                None => profile.name(&mapping.place_of(address)),
            };
            functions.push((address, name));
        }
    }
    functions.sort_unstable();
    Functions(functions)
}

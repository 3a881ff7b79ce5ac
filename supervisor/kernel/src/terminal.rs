//! The size of a terminal.
#![allow(unsafe_code, reason = "nix leaves this ioctl to its callers")]

use std::os::fd::{AsFd, AsRawFd};

/// Columns and lines of the terminal behind a descriptor; nothing where there is none, or it does not know.
pub fn size(terminal: &impl AsFd) -> Option<(u16, u16)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is borrowed, hence open; the kernel fills a structure that lives across the call.
    let answer = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (answer == 0 && size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_is_no_terminal() {
        assert_eq!(super::size(&std::fs::File::open("/dev/null").unwrap()), None);
    }
}

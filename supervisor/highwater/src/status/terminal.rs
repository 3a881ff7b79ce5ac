//! The terminal: its size, its second screen, its keys.

use std::io::{self, IsTerminal, Read, Write};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// The second screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Columns and lines of the terminal at standard output.
pub fn size() -> Option<(usize, usize)> {
    highwater_kernel::terminal::size(&io::stdout()).map(|(columns, lines)| (columns.into(), lines.into()))
}

/// Draws lines from the top, over what was there.
pub fn draw(lines: &[String]) {
    write(&format!("\x1b[H{}\x1b[K\x1b[J", lines.join("\x1b[K\r\n")));
}

/// The second screen of the terminal. Dropped, the first is there again as it was.
#[derive(Debug)]
pub struct Screen {
    /// How keys were taken before, where they can be asked for.
    before: Option<Termios>,
}

impl Screen {
    /// Opens it.
    pub fn open() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("standard output is none"));
        }
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut each_key) = before.clone() {
            each_key.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &each_key);
        }
        write(ENTER);
        Ok(Self { before })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        write(LEAVE);
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}

/// Reads keys for as long as somebody takes them.
pub fn keys(mut take: impl FnMut(u8) -> bool) {
    let mut key = [0];
    while matches!(io::stdin().read(&mut key), Ok(1)) && take(key[0]) {}
}

/// At once, so that nothing is seen half drawn.
fn write(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

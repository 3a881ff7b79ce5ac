//! The service: this test program itself, run once more for one role.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;

use highwater_kernel::listen::Socket;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The command of highwater that runs this program in a role.
pub fn command(role: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap().display().to_string();
    let test = format!("service::{role}");
    [program, "--exact".into(), test, "--ignored".into(), "--nocapture".into(), "--quiet".into()].into()
}

/// Answers so many requests, one a connection, with its pid, and ends.
#[test]
#[ignore = "a role, not a test"]
fn server() {
    const REQUESTS: usize = 50;
    let handed = Socket::handed_over().unwrap();
    let listener = match handed.first() {
        Some(socket) => TcpListener::from(socket.as_fd().try_clone_to_owned().unwrap()),
        None => TcpListener::bind(std::env::var("ADDRESS").unwrap()).unwrap(),
    };
    for _ in 0..REQUESTS {
        let (mut connection, _) = listener.accept().unwrap();
        BufReader::new(&connection).read_line(&mut String::new()).unwrap();
        writeln!(connection, "{}", std::process::id()).unwrap();
    }
    std::process::exit(0);
}

/// Says what it is told to say, a line a message with `|` between the assignments, and waits to be ended.
#[test]
#[ignore = "a role, not a test"]
fn notifier() {
    let systemd = UnixDatagram::unbound().unwrap();
    systemd.connect(std::env::var("NOTIFY_SOCKET").unwrap()).unwrap();
    let own = std::process::id().to_string();
    assert_eq!(std::env::var("WATCHDOG_PID").ok(), std::env::var("WATCHDOG_USEC").ok().map(|_| own));
    for message in std::env::var("SAYS").unwrap().split('\n') {
        systemd.send(message.replace('|', "\n").as_bytes()).unwrap();
    }
    loop {
        std::thread::park();
    }
}

/// Watches for pressure as sd-event does, and says to standard error how often there was any.
#[test]
#[ignore = "a role, not a test"]
fn shrinker() {
    assert!(std::env::var_os("MEMORY_PRESSURE_WRITE").is_none());
    let path = std::env::var("MEMORY_PRESSURE_WATCH").unwrap();
    assert!(std::fs::metadata(&path).unwrap().file_type().is_fifo());
    let mut fifo = File::options().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(path).unwrap();
    for time in 1.. {
        poll(&mut [PollFd::new(fifo.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
        let _ = fifo.read(&mut [0; 4096]).unwrap();
        say(&format!("let go of what can be spared: {time}"));
    }
}

/// Says to standard error what it was told to watch, and is told nothing.
#[test]
#[ignore = "a role, not a test"]
fn deaf() {
    say(&format!("watches {}", std::env::var("MEMORY_PRESSURE_WATCH").unwrap_or_default()));
    loop {
        std::thread::park();
    }
}

/// In one piece: highwater writes into the same log, and `eprintln` writes one part after the other.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

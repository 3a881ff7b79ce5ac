//! Sockets that stay open over every restart.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use highwater_kernel::listen::{Address, Socket};
use highwater_kernel::notify::Inbox;
use highwater_kernel::spawn::Spawn;

use crate::free_port::free_port;
use crate::stage::Plan;

/// A restart takes a tenth of a second: long enough to be refused in, if nobody listened.
const RESTARTING: &str = r#"
service.restart = "always"
trigger.oom.memory-event = { counter = "oom" }
[[step]]
name = "restart"
restart = { budget = { times = 1000, within = "1h" }, backoff = "100ms..101ms" }
"#;

/// An address where nobody listens.
fn free_address() -> SocketAddr {
    ([127, 0, 0, 1], free_port()).into()
}

fn policy(address: SocketAddr) -> String {
    format!("{RESTARTING}\n[[socket]]\nlisten = \"{address}\"\nname = \"web\"\n")
}

/// One request: the pid of whoever answered.
fn request(address: SocketAddr) -> std::io::Result<u32> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"hello\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    answer.trim().parse().map_err(std::io::Error::other)
}

/// What clients saw that never paused.
#[derive(Default)]
struct Load {
    answered: AtomicUsize,
    failed: AtomicUsize,
    generations: Mutex<BTreeSet<u32>>,
    enough: AtomicBool,
}

impl Load {
    /// Four clients, until so many generations have answered.
    fn until(address: SocketAddr, generations: usize) -> Arc<Self> {
        let load = Arc::new(Self::default());
        let clients = [(); 4].map(|()| {
            let load = Arc::clone(&load);
            std::thread::spawn(move || load.run(address, generations))
        });
        for client in clients {
            client.join().unwrap();
        }
        load
    }

    fn run(&self, address: SocketAddr, wanted: usize) {
        while !self.enough.load(Ordering::Relaxed) {
            match request(address) {
                Ok(pid) => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    let mut generations = self.generations.lock().unwrap();
                    generations.insert(pid);
                    self.enough.fetch_or(generations.len() >= wanted, Ordering::Relaxed);
                }
                Err(_) => drop(self.failed.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }
}

#[test]
fn restarts_under_load_lose_no_connection() {
    let address = free_address();
    let mut plan = Plan::new(&policy(address), "server");
    let mut highwater = plan.start();
    highwater.until("service.started");
    let load = Load::until(address, 6);
    let (answered, failed) = (load.answered.load(Ordering::Relaxed), load.failed.load(Ordering::Relaxed));
    assert_eq!(failed, 0, "{answered} answered over {} generations", load.generations.lock().unwrap().len());
    assert!(answered > 200, "{answered}");
}

#[test]
fn the_same_load_is_refused_where_the_socket_is_not_kept() {
    let address = free_address();
    let mut plan = Plan::new(RESTARTING, "server").env("ADDRESS", address.to_string());
    let mut highwater = plan.start();
    highwater.until("service.started");
    let load = Load::until(address, 3);
    assert!(load.failed.load(Ordering::Relaxed) > 0, "or the other test could not fail");
}

#[test]
fn a_port_that_is_taken_is_a_failure_to_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (status, said) = Plan::new(&policy(address), "server").start().end();
    assert_eq!(status, Some(125), "{said}");
    assert!(said.contains(&format!("cannot listen on {address}: Address already in use")), "{said}");
}

#[test]
fn sockets_survive_a_restart_of_highwater_in_the_store_of_systemd() {
    let address = free_address();
    let plan = Plan::new(&policy(address), "server");
    let systemd = Inbox::make(&plan.path().join("systemd")).unwrap();
    let mut plan = plan.env("NOTIFY_SOCKET", systemd.path());
    let mut first = plan.start();
    first.until("service.started");
    assert_eq!(systemd.receive().unwrap().unwrap().text, "FDSTORE=1\nFDPOLL=0\nFDNAME=highwater.web");
    drop(first);

    // What systemd would do: the socket it kept comes back under its name, beside one that nobody wants any more.
    while systemd.receive().unwrap().is_some() {}
    let kept = Socket::bind("", &Address::Ip(address), 16).unwrap();
    let stale = Socket::bind("", &Address::Ip(free_address()), 16).unwrap();
    let sockets = [(kept.as_fd(), "highwater.web"), (stale.as_fd(), "highwater.old")];
    let run = plan.path().join("run");
    let second = Spawn::new(plan.words()).sockets(sockets).env("NOTIFY_SOCKET", systemd.path());
    let nowhere = std::fs::File::options().write(true).open("/dev/null").unwrap();
    let second = second.stdout(nowhere.as_fd()).stderr(nowhere.as_fd());
    let second = second.env("RUNTIME_DIRECTORY", run).start().unwrap();
    request(address).unwrap();
    assert_eq!(systemd.receive().unwrap().unwrap().text, "FDSTOREREMOVE=1\nFDNAME=highwater.old");
    second.pidfd.send_signal(15).unwrap();
    let fd = second.pidfd.as_fd();
    nix::poll::poll(&mut [nix::poll::PollFd::new(fd, nix::poll::PollFlags::POLLIN)], 60_000_u16).unwrap();
    let journal = std::fs::read_to_string(plan.path().join("journal.jsonl")).unwrap();
    assert!(journal.contains(&format!("web on {address} (kept by systemd)")), "{journal}");
}

#[test]
fn a_reload_says_that_it_leaves_sockets_alone() {
    let address = free_address();
    let mut plan = Plan::new(&policy(address), "server");
    let mut highwater = plan.start();
    highwater.until("service.started");
    std::fs::write(plan.path().join("policy.toml"), RESTARTING).unwrap();
    highwater.send(nix::sys::signal::Signal::SIGHUP);
    highwater.until("policy.reloaded");
    highwater.until("the sockets stay as they are until highwater is restarted");
}

//! A service that speaks to systemd, through highwater: readiness, status, watchdog, and a socket that is never closed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use highwater_tests::{call, python, wait_until};

use crate::instance::{Instance, write};

const SOCKET: &str = "127.0.0.1:8931";
/// It is restarted when it has grown.
const RESTART: &str = r#"
[service]
notify = "relay"
[[socket]]
listen = "127.0.0.1:8931"
[trigger.grown]
usage = { above = "60%" }
[[step]]
name = "restart"
restart = { backoff = "1ms..2ms" }
[incident]
resolve-after = "500ms"
"#;
const LIMIT: &str = "[Service]\nMemoryMax=128M\n";

fn talking(name: &str, policy: &str, environment: &str, drop_in: &str) -> Instance {
    let place = Path::new("/usr/local/lib/highwater-test-service.py");
    write(place, include_str!("service.py"));
    let script = format!("export {environment}\nexec {} -S {}\n", python().display(), place.display());
    Instance::new(name, policy, &script, drop_in)
}

/// Says a word to the service, and returns which process answered.
fn say(word: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(SOCKET)?;
    stream.write_all(format!("{word}\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

/// Clients that never cease to ask.
struct Load {
    ends: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    answers: Arc<Mutex<Answers>>,
}

#[derive(Default)]
struct Answers {
    count: usize,
    from: BTreeSet<String>,
    failures: Vec<String>,
}

impl Load {
    fn start(clients: usize) -> Self {
        let (ends, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Answers::default())));
        let client = |_| {
            let (ends, answers) = (Arc::clone(&ends), Arc::clone(&answers));
            thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    let result = say("ask");
                    answers.lock().unwrap().note(result);
                }
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { ends, clients, answers }
    }

    /// Waits for an answer of a process that has not answered before.
    #[track_caller]
    fn wait_for_another(&self, so_far: usize) {
        wait_until("an answer of the next generation", || {
            (self.answers.lock().unwrap().from.len() > so_far).then_some(())
        });
    }

    fn end(self) -> Answers {
        self.ends.store(true, Ordering::Relaxed);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        Arc::into_inner(self.answers).unwrap().into_inner().unwrap()
    }
}

impl Answers {
    fn note(&mut self, result: std::io::Result<String>) {
        match result {
            Ok(process) => {
                self.count += 1;
                self.from.insert(process);
            }
            Err(error) => self.failures.push(error.to_string()),
        }
    }
}

#[test]
fn no_connection_is_lost_in_a_restart_of_the_service_or_of_highwater() {
    let instance = talking("kept", RESTART, "READY_WHEN=/", LIMIT);
    instance.systemctl("start");
    let load = Load::start(4);
    load.wait_for_another(0);
    // Until it is over 60 % of 128 MiB.
    (0..4).for_each(|_| drop(say("grow").unwrap()));
    load.wait_for_another(1);
    instance.systemctl("restart");
    load.wait_for_another(2);
    let answers = load.end();
    assert_eq!(answers.failures, Vec::<String>::new(), "of {} more", answers.count);
    assert_eq!(answers.from.len(), 3, "{:?}", answers.from);
    println!("{} answers by {} processes", answers.count, answers.from.len());
}

#[test]
fn a_start_waits_until_the_service_is_ready_and_shows_what_it_says() {
    let file = "/run/talking-ready";
    let instance = talking("talks", RESTART, &format!("READY_WHEN={file}"), LIMIT);
    call(["systemctl", "start", "--no-block", &instance.unit()]);
    instance.service(1);
    assert_eq!(instance.show("ActiveState"), ["ActiveState=activating"]);
    fs::write(file, "").unwrap();
    instance.wait_for("active");
    assert_eq!(instance.show("StatusText"), ["StatusText=serving"]);
}

/// A dump keeps the service from showing signs of life for longer than systemd waits.
#[test]
fn the_watchdog_knows_a_dump_from_a_hang() {
    let policy = RESTART.replace("name = \"restart\"", "name = \"dump\"").replace(
        "restart = { backoff = \"1ms..2ms\" }",
        "dump = { signal = \"SIGUSR1\", file = \"/tmp/dump-*\", within = \"40s\", needs = \"1MiB\" }",
    );
    let watchdog = format!("{LIMIT}WatchdogSec=5\n");
    let instance = talking("watched", &policy, "DUMP=/tmp/dump-1 DUMP_TAKES=12", &watchdog);
    instance.systemctl("start");
    (0..4).for_each(|_| drop(say("grow").unwrap()));
    let end = instance.journal().wait_for("step.finished");
    assert_eq!(end["outcome"], "done", "{end}");
    assert_eq!(instance.show("NRestarts"), ["NRestarts=0"]);
    thread::spawn(|| say("hang"));
    wait_until("the next highwater", || (instance.show("NRestarts") == ["NRestarts=1"]).then_some(()));
    let told = call(["journalctl", "--no-pager", "--output=cat", "--unit", &instance.unit()]);
    assert!(told.contains("Watchdog timeout"), "{told}");
}

//! A supervisor that runs on this machine, as a tree of processes where there are no cgroups.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Long enough for a machine that is very busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A dump that ends when the test lets it, by [`Supervised::let_dump_end`].
pub const POLICY: &str = r#"
    [trigger.near-limit]
    usage = { above = "99%", for = "1h" }
    [[step]]
    name = "dump"
    dump = { command = ["cat", "GATE"], within = "10m" }
    [[step]]
    name = "again"
    restart = { budget = { times = 3, within = "1h" } }
"#;

/// A supervisor. Dropped, it is killed, and its service with it.
pub struct Supervised {
    pub place: TempDir,
    child: Child,
}

/// An answer, head and body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self { status: status.unwrap_or_else(|| panic!("{head}")), head: head.to_lowercase(), body: body.into() }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Supervised {
    /// Starts `sleep` under [`POLICY`], and waits until it can be asked and the service runs.
    pub fn start(options: &[&str]) -> Self {
        Self::under(POLICY, options)
    }

    pub fn under(policy: &str, options: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let gate = place.path().join("gate");
        nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
        write(&place, policy);
        let mut command = program(place.path());
        command.args(["run", "--name", "web", "--policy"]).arg(place.path().join("policy.toml"));
        command.arg("--state-dir").arg(place.path().join("state")).args(options).args(["--", "sleep", "infinity"]);
        let log = std::fs::File::create(place.path().join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let supervised = Self { place, child };
        supervised.wait_until("the service runs", |this| {
            this.try_get("/status").is_ok_and(|answer| answer.json()["state"] == "running")
        });
        supervised
    }

    pub fn socket(&self) -> PathBuf {
        self.place.path().join("run/control.sock")
    }

    pub fn state_dir(&self) -> PathBuf {
        self.place.path().join("state")
    }

    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap()
    }

    pub fn post(&self, path: &str) -> Answer {
        self.send(&format!("POST {path} HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap()
    }

    /// Sends a request as it is, over the unix socket.
    pub fn send(&self, request: &str) -> io::Result<Answer> {
        converse(UnixStream::connect(self.socket())?, request)
    }

    /// The TCP address it said it listens on, the newest.
    pub fn address(&self) -> String {
        self.wait_until("the log has it", |this| this.log().contains("http://"));
        let log = self.log();
        log.rsplit_once("http://").and_then(|(_, rest)| rest.lines().next()).unwrap().into()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.path().join("log")).unwrap()
    }

    pub fn journal(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.state_dir().join("journal.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Lets the dump under way have its contents.
    pub fn let_dump_end(&self) {
        std::fs::write(self.place.path().join("gate"), "heap").unwrap();
    }

    pub fn reload(&self, policy: &str) {
        write(&self.place, policy);
        self.signal(Signal::SIGHUP);
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !is_so(self) {
            assert!(since.elapsed() < PATIENCE, "waited in vain: {what}\n{}", self.log());
            sleep(Duration::from_millis(5));
        }
    }

    fn try_get(&self, path: &str) -> io::Result<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // A number that has been waited for may be somebody else's.
        if let Ok(None) = self.child.try_wait() {
            // Twice: at once.
            self.signal(Signal::SIGTERM);
            self.signal(Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

/// highwater, with its runtime directory in that place.
pub fn program(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    command.env("RUNTIME_DIRECTORY", place.join("run")).env_remove("STATE_DIRECTORY").env_remove("NOTIFY_SOCKET");
    command
}

/// GET over TCP.
pub fn get_from(address: &str, path: &str) -> Answer {
    let stream = TcpStream::connect(address).unwrap();
    converse(stream, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).unwrap()
}

pub fn converse(mut stream: impl Read + Write, request: &str) -> io::Result<Answer> {
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(Answer::of(&text))
}

fn write(place: &TempDir, policy: &str) {
    let gate = place.path().join("gate").display().to_string();
    std::fs::write(place.path().join("policy.toml"), policy.replace("GATE", &gate)).unwrap();
}

//! A board of `tests/lane/board`: made, switched on, talked to, and cut off from its power.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use highwater_tests::program;
use serde_json::Value;

/// An emulated board on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_mins(5);
/// What answers on the line: no prompt and no echo, one command a line.
const SHELL: &str =
    "#!/bin/sh\nstty -echo 2>/dev/null\nwhile read -r line; do eval \"$line\"; echo \"=end=$?\"; done\n";
/// Mounts the disk that is written to.
const SETUP: &str =
    "#!/bin/sh\nmount -t ext4 /dev/vdb /data || mount -t ext4 -o ro /dev/vdb /data\nmkdir -p /data/tmp\n";
/// What keeps the line answering.
const LINE: &str = "/bin/getty -n -l /sbin/shell 115200 ttyS1";

/// A board that was made, and is switched off or on.
pub struct Board {
    directory: PathBuf,
    running: Option<Running>,
    settings: Vec<(&'static str, String)>,
}

/// A copy of a disk.
pub struct Disk(PathBuf);

struct Running {
    qemu: Child,
    console: Arc<Mutex<Vec<u8>>>,
    line: RefCell<Option<BufReader<UnixStream>>>,
}

impl Board {
    /// A board with that policy, whose PID 1 is highwater: `arguments` follow its own options.
    #[track_caller]
    pub fn with_highwater(name: &str, policy: &str, options: &str, service: &str) -> Self {
        let init = format!(
            "#!/bin/sh\nexec /sbin/highwater init --policy /etc/highwater.toml --state-dir /data/state --name board \
             --setup /sbin/setup --also '{LINE}' {options} -- {service}\n"
        );
        Self::made(name, policy, &init, &[])
    }

    /// A board with that policy and that `/sbin/init`, and with further files.
    #[track_caller]
    pub fn made(name: &str, policy: &str, init: &str, files: &[(&str, &str)]) -> Self {
        let directory = std::env::temp_dir().join(format!("highwater-board-{}-{name}", std::process::id()));
        let tree = directory.join("tree");
        fs::create_dir_all(tree.join("etc")).unwrap();
        fs::create_dir_all(tree.join("sbin")).unwrap();
        fs::create_dir_all(tree.join("bin")).unwrap();
        install("highwater", &tree.join("sbin/highwater"));
        install("leaker", &tree.join("bin/leaker"));
        fs::write(tree.join("etc/highwater.toml"), policy).unwrap();
        fs::write(tree.join("etc/hostname"), "board-7\n").unwrap();
        for (path, text) in [("sbin/init", init), ("sbin/shell", SHELL), ("sbin/setup", SETUP)].iter().chain(files) {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            script(&path, text);
        }
        let made = lane().arg("make").args([&tree, &directory]).status().unwrap();
        assert!(made.success(), "the board was not made: {made}");
        fs::remove_dir_all(tree).unwrap();
        Self { directory, running: None, settings: Vec::new() }
    }

    /// With another variable for the lane, such as the memory of the board.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.settings.push((name, value.into()));
    }

    /// Switches it on.
    #[track_caller]
    pub fn boot(&mut self) {
        let mut command = lane();
        command.arg("boot").arg(&self.directory).envs(self.settings.iter().cloned());
        let mut qemu = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let console = Arc::new(Mutex::new(Vec::new()));
        let (mut output, kept) = (qemu.stdout.take().unwrap(), Arc::clone(&console));
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut piece) {
                kept.lock().unwrap().extend_from_slice(&piece[..read]);
            }
        });
        self.running = Some(Running { qemu, console, line: RefCell::new(None) });
    }

    /// All that the console said since the board was switched on.
    pub fn console(&self) -> String {
        self.running.as_ref().map(Running::console).unwrap_or_default()
    }

    /// Waits until the console says something.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.console().contains(what) {
            let ended = self.running().qemu.try_wait().unwrap();
            if ended.is_some() && self.console().contains("Oops: int3") {
                // An emulated processor met code that the kernel was patching: no fault of the board.
                self.boot();
                continue;
            }
            assert!(ended.is_none() || self.console().contains(what), "the board is off, without {what:?}");
            assert!(Instant::now() < deadline, "waited in vain for {what:?} on the console");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a command on the board, and returns what it prints.
    #[track_caller]
    pub fn ask(&self, command: &str) -> String {
        let running = self.running.as_ref().expect("switched on");
        let mut line = running.line.borrow_mut();
        let line = line.get_or_insert_with(|| connect(&self.directory.join("line")));
        line.get_mut().write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        loop {
            let mut text = Vec::new();
            let read = line.read_until(b'\n', &mut text).unwrap_or_else(|error| panic!("{command}: {error}"));
            assert!(read > 0, "the board was switched off during: {command}");
            let text = String::from_utf8_lossy(&text).replace('\r', "");
            if text.starts_with("=end=") {
                return answer;
            }
            answer += &text;
        }
    }

    /// Asks again and again until the answer is as wanted.
    #[track_caller]
    pub fn ask_until(&self, command: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(command);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{command} went on saying: {answer}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The journal, as the board shows it. Every line must be whole.
    #[track_caller]
    pub fn journal(&self) -> Vec<Value> {
        lines(&self.ask("cat /data/state/journal.jsonl.1 /data/state/journal.jsonl 2>/dev/null"))
    }

    /// Waits until the board is off by itself.
    #[track_caller]
    pub fn wait_off(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.running().qemu.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the board stays on");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Takes its power away.
    pub fn cut(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.qemu.kill();
            let _ = running.qemu.wait();
        }
    }

    /// Its data disk while it is off, as the next boot will find it: the disk's own journal is replayed.
    #[track_caller]
    pub fn data(&self) -> Disk {
        let copy = self.directory.join("copy");
        run(Command::new("cp").arg("--sparse=always").args([&self.directory.join("data"), &copy]));
        // 1 is "errors were corrected": replaying is that.
        let repaired = tool("e2fsck").arg("-fp").arg(&copy).output().unwrap();
        assert!(repaired.status.code().is_some_and(|code| code <= 1), "{repaired:?}");
        Disk(copy)
    }

    fn running(&mut self) -> &mut Running {
        self.running.as_mut().expect("switched on")
    }
}

impl Disk {
    /// A file, by its path on that disk.
    #[track_caller]
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        let read = self.debug(&format!("cat {path}"));
        let is_missing = String::from_utf8_lossy(&read.stderr).contains("File not found");
        (!is_missing).then_some(read.stdout)
    }

    /// Names in a directory.
    #[track_caller]
    pub fn names(&self, path: &str) -> Vec<String> {
        let listed = self.debug(&format!("ls -p {path}"));
        let name =
            |line: &str| line.split('/').nth(5).filter(|name| !matches!(*name, "." | ".." | "")).map(String::from);
        String::from_utf8_lossy(&listed.stdout).lines().filter_map(name).collect()
    }

    #[track_caller]
    fn debug(&self, request: &str) -> std::process::Output {
        tool("debugfs").args(["-R", request]).arg(&self.0).output().unwrap()
    }
}

impl Running {
    fn console(&self) -> String {
        String::from_utf8_lossy(&self.console.lock().unwrap()).replace('\r', "")
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let console = self.console();
        self.cut();
        if std::thread::panicking() {
            eprintln!("---- console of the board\n{console}\n---- end of console");
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Every line of a journal.
#[track_caller]
pub fn lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in line: {line}"));
    text.lines().map(parse).collect()
}

/// How often an event is in a journal.
pub fn count(journal: &[Value], event: &str) -> usize {
    journal.iter().filter(|line| line["event"] == event).count()
}

fn connect(path: &Path) -> BufReader<UnixStream> {
    let line = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    line.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(line)
}

/// Without what only a debugger needs: the disk of a board is small.
fn install(name: &str, path: &Path) {
    run(Command::new("strip").arg("-o").arg(path).arg(program(name)));
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn tool(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

fn lane() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("lane/board"))
}

#[track_caller]
fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

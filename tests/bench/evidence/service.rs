//! The examples as services that hold or leak as much as a table asks for.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_tests::{program, python};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

/// How long one answer may take while a service stands still for its dump.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    Go,
    Jvm,
    Python,
    Node,
    Native,
    /// The native service with jemalloc in place of the C library's allocator; it leaks while it is let.
    Jemalloc,
}

/// One of the examples, with its files in a directory. Its ports are free ones of this machine.
pub struct Service {
    runtime: Runtime,
    directory: PathBuf,
    /// Where it answers `/healthz`; the native one has no network.
    pub port: u16,
    /// Where the Go service answers `/debug/pprof`.
    pub profiles: u16,
}

impl Service {
    pub fn new(runtime: Runtime, directory: &Path) -> Self {
        Self { runtime, directory: directory.into(), port: unused_port(), profiles: unused_port() }
    }

    pub fn answers(&self) -> bool {
        !matches!(self.runtime, Runtime::Native | Runtime::Jemalloc)
    }

    /// Made by the benchmark when the service may begin to leak.
    pub fn leak_file(&self) -> PathBuf {
        self.directory.join("leak")
    }

    /// It holds what is brought to it by logging in; the native one 80 MiB from its start; that with jemalloc what it
    /// leaks while [`Service::leak_file`] is there.
    pub fn holding(&self) -> Vec<OsString> {
        let more = match self.runtime {
            Runtime::Native => "--base 80 --rate 0".into(),
            Runtime::Jvm => "--in attributes".into(),
            Runtime::Jemalloc => format!("--leak-when {}", self.leak_file().display()),
            _ => String::new(),
        };
        let wrapped = if self.runtime == Runtime::Jvm { on_a_disk(&self.directory) } else { Vec::new() };
        wrapped.into_iter().chain(self.command(&more)).collect()
    }

    /// It leaks so many MB/s: the native one after a second, from 120 MiB on, the others as soon as
    /// [`Service::leak_file`] is there.
    pub fn leaking(&self, rate: &str) -> Vec<OsString> {
        let file = self.leak_file();
        let when = file.display();
        let more = match self.runtime {
            Runtime::Native => format!("--base 120 --rate {rate} --leak-after 1"),
            Runtime::Go => format!("-self-load {rate} -self-load-when {when}"),
            _ => format!("--leak {rate} --leak-when {when}"),
        };
        self.command(&more)
    }

    fn command(&self, more: &str) -> Vec<OsString> {
        let (directory, port) = (self.directory.display(), self.port);
        let line = match self.runtime {
            Runtime::Go => format!(
                "{} -addr 127.0.0.1:{port} -pprof-addr 127.0.0.1:{} -profile-dir {directory}",
                program("go-sessions").display(),
                self.profiles
            ),
            // More heap than the limit of the second table has room for: the kernel is met before an OutOfMemoryError.
            Runtime::Jvm => {
                format!(
                    "java -XX:+UseSerialGC -Xmx400m -cp {} Sessions --port {port}",
                    program("java-sessions").display()
                )
            }
            Runtime::Python => format!(
                "{} {EXAMPLES}/python-sessions/service.py --port {port} --snapshot-dir {directory}",
                python().display()
            ),
            Runtime::Node => format!(
                "node --heapsnapshot-signal=SIGUSR2 --diagnostic-dir={directory} --report-on-signal \
                 --report-signal=SIGHUP --report-directory={directory} {EXAMPLES}/node-sessions/service.js --port {port}"
            ),
            Runtime::Native => {
                format!("{} --dump-size 16 --dump-file {directory}/heap-%p-%n.bin", program("leaker").display())
            }
            Runtime::Jemalloc => format!("{} 40 {directory}", program("native-sessions").display()),
        };
        line.split_whitespace().chain(more.split_whitespace()).map(OsString::from).collect()
    }

    pub fn is_healthy(&self) -> bool {
        request(self.port, "GET /healthz").is_ok_and(|answered| answered)
    }

    /// One more session that it will never forget.
    pub fn log_in(&self) -> io::Result<bool> {
        request(self.port, "POST /login")
    }
}

/// A JVM keeps its heap dumps in its `/var/tmp`, which the VM has in memory: as in a container, it gets one of its own.
fn on_a_disk(directory: &Path) -> Vec<OsString> {
    let script = r#"mount --bind "$0" /var/tmp && exec "$@""#;
    ["unshare", "--mount", "sh", "-c", script].map(OsString::from).into_iter().chain([directory.into()]).collect()
}

/// Whether the answer was yes.
fn request(port: u16, what: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!("{what} HTTP/1.1\r\nHost: service\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.") && answer.get(8..12) == Some(b" 200"))
}

fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port()
}

//! Chromium without a window, spoken to by its `DevTools` protocol through a pair of pipes: no port, no network.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Chromium answers within milliseconds, unless something is wrong with it.
const LONGEST: Duration = Duration::from_secs(120);
/// Chromium reads messages from descriptor 3 and writes them to 4, each with a zero byte at its end.
const WITH_PIPES: &str = "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null";
const OPTIONS: [&str; 9] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--font-render-hinting=none",
];
/// The font of the system, as a machine with a desktop has one, so that pictures look like what people see.
const FONTS: &str = "<?xml version=\"1.0\"?><fontconfig><dir>/usr/share/fonts</dir>\
    <alias binding=\"strong\"><family>system-ui</family><prefer><family>Inter</family></prefer></alias>\
    <alias binding=\"strong\"><family>sans</family><prefer><family>Inter</family></prefer></alias>\
    <alias binding=\"strong\"><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>\
    </fontconfig>";

/// A browser with one empty tab.
pub struct Browser {
    process: Child,
    requests: ChildStdin,
    replies: Receiver<Value>,
    session: Option<String>,
    number: u64,
    events: Vec<Value>,
    home: TempDir,
}

impl Browser {
    /// Starts it; panics where there is none: `tests/lane/setup page` installs it.
    pub fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("fonts.conf"), FONTS).unwrap();
        let mut process = Command::new("sh")
            .args(["-c", WITH_PIPES, "sh", "chromium"])
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", home.path().display()))
            .env("FONTCONFIG_FILE", home.path().join("fonts.conf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh is on every machine");
        let requests = process.stdin.take().unwrap();
        let replies = listen(process.stdout.take().unwrap());
        let mut browser = Self { process, requests, replies, session: None, number: 0, events: Vec::new(), home };
        browser.open_tab();
        browser
    }

    fn open_tab(&mut self) {
        let target = self.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attached = self.call("Target.attachToTarget", &json!({"targetId": target["targetId"], "flatten": true}));
        self.session = attached["sessionId"].as_str().map(Into::into);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// Asks for something and waits for the answer.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        write!(self.requests, "{message}\0").and_then(|()| self.requests.flush()).expect("chromium listens");
        loop {
            let message = self.next();
            if message["id"] == self.number {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    /// Waits for something to happen.
    pub fn wait_for(&mut self, event: &str) {
        while !self.events.iter().any(|message| message["method"] == event) {
            let message = self.next();
            self.events.push(message);
        }
    }

    /// What a page thinks of an expression.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let result = self.call("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}));
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// What happened since this was asked last.
    pub fn events(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.events)
    }

    /// A directory that goes away with the browser.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    fn next(&self) -> Value {
        match self.replies.recv_timeout(LONGEST) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("chromium said nothing for {LONGEST:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("chromium is not here or ended: tests/lane/setup page"),
        }
    }
}

fn listen(pipe: impl std::io::Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(pipe).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).expect("chromium speaks JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

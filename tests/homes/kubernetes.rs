//! highwater in a pod: the manifests of `examples/kubernetes`, played by podman for an ordinary user without any
//! capability, under a read-only root and a read-only cgroup file system.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use highwater_tests::Journal;
use serde_json::Value;

use crate::manifest::manifest;
use crate::podman::{Podman, patiently, repository};

/// Where highwater listens: the pods have the network of the VM.
const HIGHWATER: &str = "127.0.0.1:9464";

/// Metrics that are only there with a cgroup of the service's own, or after a delivery.
const ELSEWHERE: [&str; 4] = [
    "highwater_memory_high_bytes",
    "highwater_memory_pressure_waiting_seconds_total",
    "highwater_memory_pressure_stalled_seconds_total",
    "highwater_deliveries_total",
];

/// An answer of highwater's: its status, and its body behind the head.
fn ask(path: &str) -> Option<(u32, String)> {
    let mut connection = TcpStream::connect(HIGHWATER).ok()?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    connection.read_to_string(&mut text).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    Some((status, text))
}

#[track_caller]
fn wait_for(journal: &Journal, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
    patiently(what, || journal.lines().into_iter().find(&matches))
}

#[track_caller]
fn wait_for_step(journal: &Journal, event: &str, step: &str) -> Value {
    wait_for(journal, &format!("{event} of {step}"), |line| line["event"] == event && line["step"] == step)
}

#[track_caller]
fn wait_for_life(journal: &Journal, generation: u32) -> Value {
    wait_for(journal, &format!("life {generation}"), |line| {
        line["event"] == "service.started" && line["generation"] == generation
    })
}

/// Whether there is a notice with that in it.
fn said(journal: &Journal, text: &str) -> bool {
    journal.events("supervisor.notice").iter().any(|line| line["reason"].to_string().contains(text))
}

/// That a step has left a file behind, as this machine sees it.
#[track_caller]
fn has_evidence(step: &Value, volume: &Path) {
    assert_eq!(step["outcome"], "done", "{step}");
    let path = step["evidence"][0]["path"].as_str().unwrap_or_else(|| panic!("no evidence in {step}"));
    let file = volume.join(path.strip_prefix("/var/lib/highwater/").expect("a path in the volume"));
    assert!(fs::metadata(&file).is_ok_and(|file| file.len() > 0), "{} is not kept", file.display());
}

/// What `doctor` says in a container.
fn doctor(podman: &Podman, container: &str, program: &str) -> Value {
    let text = podman.run(&["exec", container, program, "doctor", "--json"]);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What that is about an action.
fn verdict<'a>(findings: &'a Value, shape: &str, action: &str) -> &'a Value {
    let rows = findings["container"].as_array().expect("doctor knows that this is a container");
    &rows.iter().find(|row| row["action"] == action).expect("every action")[shape]
}

#[track_caller]
fn can(findings: &Value, shape: &str, actions: &[&str]) {
    for action in actions {
        assert_eq!(verdict(findings, shape, action)["can"], true, "{shape} {action}: {findings}");
    }
}

/// Names of metrics that a file of the examples asks for.
fn metrics_in(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(repository().join("examples/kubernetes/monitoring").join(file)).expect("a file");
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let is_metric = |word: &&str| word.starts_with("highwater_") || word.starts_with("process_");
    words.filter(is_metric).map(str::to_owned).collect()
}

/// What alerts and dashboard ask for is there.
#[track_caller]
fn metrics_are_known() {
    let (_, text) = patiently("metrics", || ask("/metrics"));
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let known: BTreeSet<String> = types.chain(ELSEWHERE).map(str::to_owned).collect();
    let wanted: BTreeSet<String> = ["rules.yaml", "dashboard.json"].into_iter().flat_map(metrics_in).collect();
    let unknown: Vec<_> = wanted.difference(&known).collect();
    assert!(unknown.is_empty(), "there is no {unknown:?} in\n{text}");
}

#[test]
fn wrapped_by_highwater_a_leaking_service_dumps_sheds_load_and_starts_again_in_place() {
    let podman = Podman::shared();
    let last_words = podman.writable_file("wrap.log");
    let _pod = podman.play(&manifest("wrap", &last_words));
    let volume = podman.volume("evidence");
    let journal = Journal::in_state_dir(&volume);
    // It says what it cannot do before it matters.
    let started = wait_for(&journal, "the start", |line| line["event"] == "supervisor.started");
    let missing = started["missing"].to_string();
    assert!(missing.contains("throttle") && missing.contains("read-only"), "{missing}");

    // The ladder, as far as it goes here.
    has_evidence(&wait_for_step(&journal, "step.finished", "heap-profile"), &volume);
    let words = patiently("last words", || {
        fs::read_to_string(&last_words).ok().filter(|words| words.contains("step heap-profile done"))
    });
    assert!(words.contains("/var/lib/highwater/evidence/") && words.contains("of 128 MiB in use"), "{words}");
    wait_for_step(&journal, "step.started", "shed");
    wait_for_life(&journal, 2);
    let exit = &journal.events("service.exited")[0];
    assert_eq!(exit["cause"], "asked", "it was ended, not killed: {exit}");

    let (status, body) = patiently("an answer", || ask("/livez"));
    assert_eq!(status, 200, "{body}");
    metrics_are_known();
    let findings = doctor(podman, "web-pod-0-web", "/opt/highwater/highwater");
    can(&findings, "wrap", &["dump", "shed", "signal", "restart", "kill"]);
    let throttle = verdict(&findings, "wrap", "throttle");
    assert!(throttle["remedy"].to_string().contains("cgroup_writable"), "{throttle}");
    let observe = verdict(&findings, "observe", "dump");
    assert!(observe["remedy"].to_string().contains("shareProcessNamespace"), "{observe}");
}

#[test]
fn from_a_sidecar_a_service_is_found_dumped_and_asked_to_end_and_the_next_one_is_looked_after() {
    let podman = Podman::shared();
    let last_words = podman.writable_file("sidecar.log");
    let _pod = podman.play(&manifest("sidecar", &last_words));
    let volume = podman.volume("evidence");
    let journal = Journal::in_state_dir(&volume);
    let found = wait_for_life(&journal, 1);
    has_evidence(&wait_for_step(&journal, "step.finished", "heap-profile"), &volume);
    wait_for_step(&journal, "step.started", "shed");
    let (_, body) = patiently("not ready", || ask("/readyz").filter(|(status, _)| *status == 503));
    assert!(body.to_lowercase().contains("retry-after"), "{body}");
    let exit = wait_for(&journal, "the end", |line| line["event"] == "service.exited");
    assert_eq!(exit["cause"], "asked", "it was ended, not killed: {exit}");
    assert_ne!(wait_for_life(&journal, 2)["pid"], found["pid"]);
    let has_said = || fs::read_to_string(&last_words).is_ok_and(|words| words.contains("step heap-profile done"));
    patiently("last words", || has_said().then_some(()));

    let findings = doctor(podman, "web-pod-0-highwater", "/highwater");
    can(&findings, "observe", &["dump", "shed", "signal", "restart", "kill"]);
    assert_eq!(verdict(&findings, "observe", "throttle")["can"], false, "{findings}");
}

/// A container of one's own making: the leaker below highwater, as a kubelet would start it.
struct Container {
    podman: &'static Podman,
    name: &'static str,
    last_words: PathBuf,
    state: PathBuf,
    journal: Journal,
}

impl Container {
    fn start(name: &'static str, policy: &str, how: &[&str], service: &[&str]) -> Self {
        let podman = Podman::shared();
        let last_words = podman.writable_file(&format!("{name}.log"));
        let state = podman.directory(name);
        fs::write(state.join("policy.toml"), policy).expect("a policy");
        let mount = |path: &Path, to: &str| format!("--volume={}:{to}", path.display());
        let mounts = [
            mount(&podman.program(), "/opt/highwater"),
            mount(&last_words, "/dev/termination-log"),
            mount(&state, "/state"),
        ];
        let mounts: Vec<&str> = mounts.iter().map(String::as_str).collect();
        let user = ["run", "--detach", "--name", name, "--cap-drop=all", "--read-only", "--network=host"];
        let limits = ["--security-opt=no-new-privileges", "--cgroup-conf=memory.oom.group=1"];
        let image = ["--entrypoint=[\"/opt/highwater/highwater\"]", "localhost/go-sessions:1.0"];
        let own = ["run", "--name", name, "--policy=/state/policy.toml", "--state-dir=/state", "--", "/leaker"];
        podman.run(&[&user[..], &limits, how, &mounts, &image, &own, service].concat());
        Self { podman, name, last_words, journal: Journal::in_state_dir(&state), state }
    }

    /// Waits for its end and says its status.
    fn status(&self) -> String {
        let state = || self.podman.run(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", self.name]);
        patiently("the end", || state().strip_prefix("exited ").map(str::to_owned))
    }

    fn last_words(&self) -> String {
        fs::read_to_string(&self.last_words).expect("last words")
    }

    /// The cgroup of its first process, as the machine sees it.
    fn cgroup(&self) -> PathBuf {
        let pid = self.podman.run(&["inspect", "-f", "{{.State.Pid}}", self.name]);
        let line = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("a cgroup");
        Path::new("/sys/fs/cgroup").join(line.trim_end().strip_prefix("0::/").expect("cgroup v2"))
    }

    /// The limit of the container, wherever the runtime has put it.
    fn limited(&self) -> PathBuf {
        let has_limit = |group: &&Path| fs::read_to_string(group.join("memory.max")).is_ok_and(|max| max != "max\n");
        self.cgroup().ancestors().find(has_limit).expect("a limit").to_path_buf()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("---- {}", self.name);
            println!("{}", self.podman.try_run(&["logs", self.name]).1);
            println!("{}", fs::read_to_string(self.state.join("journal.jsonl")).unwrap_or_default());
        }
        self.podman.try_run(&["rm", "--force", "--time=1", self.name]);
    }
}

#[test]
fn a_limit_that_is_resized_in_place_is_read_again_and_the_last_words_say_why_it_ended() {
    let policy = "[trigger.near]\nusage = { of = \"anon\", above = \"80%\" }\n\n[[step]]\nname = \"restart\"\n\
        restart = { budget = { times = 1, within = \"1h\" }, backoff = \"100ms..200ms\" }\n";
    let how = ["--user=65532:65532", "--memory=256m"];
    let container = Container::start("resize", policy, &how, &["--base=96"]);
    wait_for_life(&container.journal, 1);
    // 96 MiB are far from 80% of 256 MiB; of 112 MiB they are not.
    fs::write(container.limited().join("memory.max"), (112 << 20).to_string()).expect("a new limit");
    let fired = wait_for(&container.journal, "the trigger", |line| line["event"] == "trigger.fired");
    assert!(fired["reading"]["above"].as_u64().is_some_and(|level| level < 100 << 20), "{fired}");
    // One restart is allowed: the second is the end.
    assert_eq!(container.status(), "75");
    let words = container.last_words();
    assert!(words.starts_with("highwater resize, generation 2: stopping: the budget of 1 restarts"), "{words}");
    assert!(words.contains("of 112 MiB in use") && words.contains("trigger near fired"), "{words}");
}

#[test]
fn a_kill_of_the_whole_container_finds_the_last_words_written() {
    let policy = "[trigger.near]\nusage = { of = \"anon\", above = \"50%\" }\n\n[[step]]\nname = \"look\"\n\
        signal = { send = \"SIGCONT\" }\n";
    let how = ["--user=65532:65532", "--memory=96m", "--memory-swap=96m"];
    let container = Container::start("killed", policy, &how, &["--base=24", "--rate=3", "--leak-after=3"]);
    assert_eq!(container.status(), "137", "the kernel killed highwater with the service");
    assert!(said(&container.journal, "memory.oom.group is 1"), "{:?}", container.journal.lines());
    let words = container.last_words();
    assert!(words.contains("an incident is open") && words.contains("step look"), "{words}");
}

#[test]
fn in_a_container_with_a_writable_cgroup_the_whole_ladder_runs_and_the_limits_of_others_stay() {
    let policy = "[memory]\nreserve = \"16MiB\"\ntripwire = \"off\"\n\n\
        [trigger.near]\nusage = { of = \"anon\", above = \"70%\" }\n\n\
        [[step]]\nname = \"throttle\"\nthrottle = { high = \"95%\", for = \"2s\" }\n\n\
        [[step]]\nname = \"restart\"\nafter = \"4s\"\n\
        restart = { budget = { times = 500, within = \"1h\" }, backoff = \"100ms..200ms\" }\n";
    let (unmasked, high) = ("--security-opt=unmask=/sys/fs/cgroup", "--cgroup-conf=memory.high=125829120");
    let how = ["--user=0", "--cgroupns=private", unmasked, "--memory=128m", high];
    let container = Container::start("writable", policy, &how, &["--base=72", "--rate=2"]);
    let journal = &container.journal;
    let started = wait_for(journal, "the start", |line| line["event"] == "supervisor.started");
    assert_eq!(started["missing"], Value::Array(vec![]), "{started}");
    patiently("what is said of the limit of others", || said(journal, "memory.high is 120 MiB").then_some(()));
    let throttled = wait_for_step(journal, "step.finished", "throttle");
    assert_eq!(throttled["outcome"], "done", "{throttled}");
    assert_eq!(fs::read_to_string(container.limited().join("memory.high")).expect("a limit"), "125829120\n");
    wait_for_life(journal, 2);
    let findings = doctor(container.podman, container.name, "/opt/highwater/highwater");
    can(&findings, "wrap", &["throttle", "reclaim"]);
}

//! Sockets that stay open while services and supervisors come and go: bound by highwater, or by a socket unit.

use std::{fs, thread};

use highwater_tests::{Process, Signal, call, wait_until};

use crate::clients::{Load, say, talking};
use crate::instance::{Instance, write};

/// The part of systemd's how-to that is followed here.
const MANUAL: &str = include_str!("../../systemd/README.md");
const CHAPTER: &str = "\n### By a socket unit\n";
/// Where `[[socket]]` listens here, and where the unit of the how-to does.
const BOUND: &str = "127.0.0.1:8931";
const OF_THE_UNIT: &str = "127.0.0.1:8080";
/// It is restarted when it has grown.
const RESTART: &str = r#"
[service]
notify = "relay"
[trigger.grown]
usage = { above = "60%" }
[[step]]
name = "restart"
restart = { backoff = "1ms..2ms" }
[incident]
resolve-after = "500ms"
"#;
const LIMIT: &str = "[Service]\nMemoryMax=128M\n";
const CLIENTS: usize = 4;

fn with_its_own_socket(name: &str) -> Instance {
    let policy = format!("{RESTART}[[socket]]\nlisten = \"{BOUND}\"\n");
    talking(name, &policy, "READY_WHEN=/", LIMIT)
}

/// Makes the service bigger than 60 % of 128 MiB.
fn grow(address: &str) {
    (0..4).for_each(|_| drop(say(address, "grow").unwrap()));
}

#[test]
fn no_connection_is_lost_in_a_restart_of_the_service_or_of_highwater() {
    let instance = with_its_own_socket("kept");
    instance.systemctl("start");
    let load = Load::start(BOUND, CLIENTS);
    load.wait_for_another(0);
    grow(BOUND);
    load.wait_for_another(1);
    instance.systemctl("restart");
    load.wait_for_another(2);
    assert_eq!(say(BOUND, "socket").unwrap(), "port-8931, waits\n");
    load.end_without_loss(3);
}

fn chapter() -> &'static str {
    let (_, chapter) = MANUAL.split_once(CHAPTER).expect("the chapter");
    chapter.split("\n#").next().expect("at least something")
}

/// What stands in the how-to in that language, by its number.
fn block(language: &str, number: usize) -> &'static str {
    let block = chapter().split(&format!("```{language}\n")).nth(number + 1).expect("a block");
    block.split_once("```").expect("its end").0
}

/// Follows what the how-to says, word by word. The socket unit is gone when this is.
struct SocketUnit;

impl SocketUnit {
    #[track_caller]
    fn by_the_manual() -> Self {
        let (_, path) = chapter().split_once('`').expect("the name of the file");
        let (path, _) = path.split_once('`').expect("its end");
        write(path.as_ref(), block("ini", 0));
        call(["sh", "-ec", &block("sh", 0).replace("sudo ", "")]);
        Self
    }
}

impl Drop for SocketUnit {
    fn drop(&mut self) {
        let script = "systemctl disable --now web.socket; rm /etc/systemd/system/web.socket; systemctl daemon-reload";
        let _ = std::process::Command::new("sh").args(["-c", script]).status();
    }
}

#[test]
fn the_first_connection_starts_a_unit_whose_socket_is_never_closed() {
    let instance = talking("web", RESTART, "READY_WHEN=/", &format!("{LIMIT}NonBlocking=yes\n"));
    let unit = SocketUnit::by_the_manual();
    assert_eq!(instance.show("ActiveState"), ["ActiveState=inactive"]);
    let load = Load::start(OF_THE_UNIT, CLIENTS);
    load.wait_for_another(0);
    instance.wait_for("active");
    assert!(kept(&instance)[0].starts_with("web.socket on "), "{:?}", kept(&instance));
    assert_eq!(say(OF_THE_UNIT, "socket").unwrap(), "web.socket, does not wait\n");
    grow(OF_THE_UNIT);
    load.wait_for_another(1);
    instance.journal().wait_for("incident.resolved");
    call(["highwater", "trigger", "restart", "--name", "web"]);
    load.wait_for_another(2);
    instance.systemctl("restart");
    load.wait_for_another(3);
    assert_eq!(say(OF_THE_UNIT, "socket").unwrap(), "web.socket, does not wait\n");
    load.end_without_loss(4);
    drop(unit);
}

/// What each highwater so far said of the sockets that it keeps.
#[track_caller]
fn kept(instance: &Instance) -> Vec<String> {
    instance.service(1);
    let notices = instance.journal().events("supervisor.notice");
    let said = |notice: &serde_json::Value| notice["reason"].as_str().map(str::to_owned);
    let kept = |reason: String| reason.strip_prefix("sockets that stay open over every restart: ").map(str::to_owned);
    notices.iter().filter_map(said).filter_map(kept).collect()
}

/// Connections that nobody has taken yet, as the kernel counts them.
#[track_caller]
fn waiting(address: &str) -> usize {
    const LISTENS: &str = "0A";
    let port: u16 = address.rsplit_once(':').expect("a port").1.parse().unwrap();
    let at = format!(":{port:04X}");
    let lines = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default()).concat();
    let mut sockets = lines.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let socket =
        sockets.find(|fields| fields[1].ends_with(&at) && fields[3] == LISTENS).expect("a socket that listens");
    let (_, queue) = socket[4].split_once(':').expect("two queues");
    usize::from_str_radix(queue, 16).unwrap()
}

/// Kills highwater while one client is being answered and all others wait: only that one is lost.
#[track_caller]
fn only_what_is_being_answered_is_lost_in_a_kill(instance: &Instance, address: &'static str) {
    let load = Load::start(address, CLIENTS);
    load.wait_for_another(0);
    let lost = thread::spawn(move || say(address, "hang"));
    wait_until("the one that is being answered", || {
        (instance.show("StatusText") == ["StatusText=hanging"]).then_some(())
    });
    wait_until("clients that wait", || (waiting(address) == CLIENTS).then_some(()));
    Process(instance.main_pid()).signal(Signal::KILL);
    let late = thread::spawn(move || say(address, "ask"));
    load.wait_for_another(1);
    lost.join().unwrap().unwrap_err();
    late.join().unwrap().unwrap();
    load.end_without_loss(2);
}

#[test]
fn a_highwater_that_is_killed_leaves_its_sockets_with_systemd() {
    let instance = with_its_own_socket("left");
    instance.systemctl("start");
    only_what_is_being_answered_is_lost_in_a_kill(&instance, BOUND);
    only_what_is_being_answered_is_lost_in_a_kill(&instance, BOUND);
    assert_eq!(instance.show("NRestarts"), ["NRestarts=2"]);
    let [bound, stored] = ["bound", "kept by systemd"].map(|origin| format!("port-8931 on {BOUND} ({origin})"));
    assert_eq!(kept(&instance), [&*bound, &stored, &stored]);
}

#[test]
fn a_socket_unit_keeps_its_socket_when_highwater_is_killed() {
    let instance = talking("web", RESTART, "READY_WHEN=/", LIMIT);
    let unit = SocketUnit::by_the_manual();
    only_what_is_being_answered_is_lost_in_a_kill(&instance, OF_THE_UNIT);
    assert_eq!(instance.show("NRestarts"), ["NRestarts=1"]);
    drop(unit);
}

#[test]
fn a_socket_unit_is_closed_where_a_person_must_look() {
    let once = RESTART.replace("backoff", "budget = { times = 1, within = \"1h\" }, backoff");
    let instance = talking("web", &once, "READY_WHEN=/", LIMIT);
    instance.drop_in("override.conf", block("ini", 1));
    let unit = SocketUnit::by_the_manual();
    grow(OF_THE_UNIT);
    instance.service(2);
    // Of the last ones there may be no answer.
    (0..4).for_each(|_| drop(say(OF_THE_UNIT, "grow")));
    instance.wait_for("failed");
    assert_eq!(instance.show("ExecMainStatus"), ["ExecMainStatus=75"]);
    wait_until("the end of the socket", || {
        let state = call(["systemctl", "show", "--value", "--property", "ActiveState", "web.socket"]);
        (state == "inactive").then_some(())
    });
    let refused = say(OF_THE_UNIT, "ask").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{refused}");
    assert_eq!(instance.journal().events("service.started").len(), 2);
    instance.systemctl("reset-failed");
    drop(unit);
}

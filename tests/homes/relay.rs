//! What systemd and the service have to say to each other, through highwater: readiness, status, watchdog, and pressure.

use std::{fs, thread};

use highwater_tests::{call, wait_until};

use crate::clients::{say, talking};
use crate::instance::{Instance, journalctl};

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
        "dump = { signal = \"SIGUSR1\", file = \"/tmp/dump-*\", within = \"2m\", needs = \"1MiB\" }",
    );
    let watchdog = format!("{LIMIT}WatchdogSec=15\n");
    let instance = talking("watched", &policy, "DUMP=/tmp/dump-1 DUMP_TAKES=30", &watchdog);
    instance.systemctl("start");
    (0..4).for_each(|_| drop(say(SOCKET, "grow").unwrap()));
    let end = instance.journal().wait_for("step.finished");
    assert_eq!(end["outcome"], "done", "{end}");
    assert_eq!(instance.show("NRestarts"), ["NRestarts=0"]);
    thread::spawn(|| say(SOCKET, "hang"));
    wait_until("the next highwater", || (instance.show("NRestarts") == ["NRestarts=1"]).then_some(()));
    let told = journalctl(["--output=cat", "--unit", &instance.unit()]);
    assert!(told.contains("Watchdog timeout"), "{told}");
}

/// A service that waits for word of memory pressure, as the user nobody: by the unit, or by its own program.
#[track_caller]
fn is_told_of_pressure(name: &str, drop_in: &str) {
    let policy = "[trigger.any]\nusage = { above = \"1%\" }\n[[step]]\nname = \"less\"\nshrink = {}\n";
    let file = format!("/var/lib/highwater/{name}/told");
    let script = format!(
        "if [ $(id -u) = 0 ]; then
            as_nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
            chmod 711 /var/lib/highwater/{name}
            : >{file} && chown nobody {file} \"$MEMORY_PRESSURE_WATCH\"
        fi
        exec $as_nobody sh -c 'head -c1 \"$MEMORY_PRESSURE_WATCH\" >{file}; exec sleep 100000'
        "
    );
    let instance = Instance::new(name, policy, &script, &format!("[Service]\nMemoryMax=32M\n{drop_in}"));
    instance.systemctl("start");
    wait_until("word of pressure", || (fs::read_to_string(&file).ok()? == "!").then_some(()));
}

#[test]
fn a_service_of_another_user_is_told_of_pressure() {
    is_told_of_pressure("told-by-root", "");
    is_told_of_pressure("told-by-itself", "User=nobody\n");
}

//! The Debian package: that it installs, and what its life does to the services that run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use highwater_tests::{Process, call, program};

use crate::instance::Instance;

const PROGRAM: &str = "/usr/bin/highwater";
/// The same a version later.
const NEXT: &str = "deb/highwater-next.deb";

/// Installs the package for tests that only use it.
pub fn installed() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        install("deb/highwater.deb");
    });
}

#[track_caller]
fn install(package: &str) -> String {
    dpkg(&["--install", program(package).to_str().unwrap()])
}

/// Without what other packages would do to pages and menus, which takes minutes here.
#[track_caller]
fn dpkg(arguments: &[&str]) -> String {
    call(["dpkg", "--no-triggers", "--force-unsafe-io"].iter().chain(arguments))
}

fn idle(name: &str) -> Instance {
    let calm = "[trigger.never]\nusage = { above = \"99%\" }\n[[step]]\nname = \"kill\"\nkill = {}\n";
    Instance::new(name, calm, "exec sleep 100000\n", "")
}

fn executable(pid: u32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}

/// Ends without the package, so that whoever needs it installs it anew.
#[test]
fn a_service_survives_an_upgrade_and_is_stopped_by_a_removal() {
    installed();
    let instance = idle("life");
    instance.systemctl("enable");
    instance.systemctl("start");
    let (supervisor, service) = (instance.main_pid(), instance.service(1));

    let said = install(NEXT);
    assert!(said.contains("systemctl restart highwater@life.service"), "{said}");
    assert_eq!((instance.main_pid(), instance.service(1)), (supervisor, service));
    assert!(Process(service).is_alive());
    assert_eq!(executable(supervisor), Path::new("/usr/bin/highwater (deleted)"));
    instance.systemctl("restart");
    assert_eq!(executable(instance.main_pid()), Path::new(PROGRAM));
    assert!(!Process(service).is_alive());

    let supervisor = instance.main_pid();
    dpkg(&["--remove", "highwater"]);
    assert!(!Process(supervisor).is_alive() && !Path::new(PROGRAM).exists());
    assert_eq!(instance.journal().events("service.exited").last().unwrap()["cause"], "asked");
    assert!(Path::new("/etc/highwater/README").exists(), "what is configured stays");

    dpkg(&["--purge", "highwater"]);
    assert!(!Path::new("/var/lib/highwater").exists() && !Path::new("/etc/highwater/README").exists());
    assert!(!Path::new("/etc/systemd/system/multi-user.target.wants/highwater@life.service").exists());
    assert!(Path::new("/etc/highwater/life.toml").exists(), "policies are the administrator's");
    install("deb/highwater.deb");
}

#[test]
fn the_package_brings_what_a_shell_and_a_reader_look_for() {
    installed();
    let files = call(["dpkg", "--listfiles", "highwater"]);
    for file in [
        "/usr/share/man/man1/highwater-run.1.gz",
        "/usr/share/bash-completion/completions/highwater",
        "/usr/share/zsh/vendor-completions/_highwater",
        "/usr/share/fish/vendor_completions.d/highwater.fish",
        "/usr/share/highwater/policies/go.toml",
        "/usr/lib/systemd/system/highwater@.service",
    ] {
        assert!(files.lines().any(|line| line == file), "{file} is not in:\n{files}");
        assert!(Path::new(file).exists(), "{file}");
    }
    call([PROGRAM, "check", "/usr/share/highwater/policies/go.toml"]);
    // An incident that was resolved: what `journalctl -x` says of it.
    let explained = call(["journalctl", "--no-pager", "--list-catalog", "3a7166a63b2745ec88bf33b37b341487"]);
    assert!(explained.contains("highwater"), "{explained}");
}

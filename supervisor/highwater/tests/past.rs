//! `highwater incidents` and `highwater report` on evidence as a supervisor leaves it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const FIRST: &str = "20261122T080734Z-1";
const SECOND: &str = "20261122T080734Z-2";

/// A state directory with two incidents and one that cannot be read.
fn evidence() -> TempDir {
    let state = tempfile::tempdir().unwrap();
    add(&state, FIRST, |text| text);
    add(&state, SECOND, |text| text.replace(FIRST, SECOND).replace("T08:21:55.331204Z", "T09:21:55.331204Z"));
    add(&state, "20261101T000000Z-1", |_| "{\n\"version\": 1,".into());
    state
}

fn add(state: &TempDir, id: &str, change: impl Fn(String) -> String) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../report/tests/fixtures/evidence").join(FIRST);
    let directory = state.path().join("evidence").join(id);
    fs::create_dir_all(&directory).unwrap();
    let text = fs::read_to_string(fixture.join("incident.json")).unwrap();
    fs::write(directory.join("incident.json"), change(text)).unwrap();
    fs::copy(fixture.join("difference.svg"), directory.join("difference.svg")).unwrap();
}

fn highwater(state: &TempDir, arguments: &[&str]) -> Output {
    let (command, rest) = arguments.split_first().unwrap();
    prepared(&[command, "--state-dir", state.path().to_str().unwrap()]).args(rest).output().unwrap()
}

/// Nothing of the machine's own state may be found.
fn prepared(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    command.args(arguments).env_remove("STATE_DIRECTORY").env("PATH", "/nonexistent");
    command
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn page_of(state: &TempDir, id: &str) -> PathBuf {
    state.path().join("evidence").join(id).join("report.html")
}

#[test]
fn incidents_are_listed_the_newest_first() {
    let state = evidence();
    let listed = highwater(&state, &["incidents"]);
    assert!(listed.status.success());
    let lines: Vec<&str> = out(&listed).lines().collect();
    assert_eq!(
        lines[..2],
        [
            "INCIDENT            OPENED (UTC)         TOOK    OPENED BY  OUTCOME    KIND  EVIDENCE  GREW MOST",
            "20261122T080734Z-2  2026-11-22 09:21:55  56.6 s  breach     restarted  anon  70.5 KiB  \
             github.com/acme/sessions/store.(*Memory).Put",
        ]
    );
    assert!(lines[2].starts_with("20261122T080734Z-1  2026-11-22 08:21:55"), "{lines:?}");
    assert!(said(&listed).contains("20261101T000000Z-1/incident.json is not a whole record"), "{}", said(&listed));
}

#[test]
fn incidents_are_listed_as_json() {
    let listed = highwater(&evidence(), &["incidents", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&json[0]["incident"], &json[1]["incident"]), (&SECOND.into(), &FIRST.into()));
    assert_eq!((&json[0]["outcome"], &json[0]["kind"]), (&"Restarted".into(), &"anon".into()));
    assert_eq!(json[0]["took_ms"], 56_640);
}

#[test]
fn where_nothing_happened_it_is_said() {
    let state = tempfile::tempdir().unwrap();
    let listed = highwater(&state, &["incidents"]);
    assert!(listed.status.success());
    assert_eq!(out(&listed), format!("no incident so far in {}/evidence\n", state.path().display()));
    assert_eq!(out(&highwater(&state, &["incidents", "--json"])), "[]\n");
    let report = highwater(&state, &["report"]);
    assert_eq!(report.status.code(), Some(1));
    assert!(said(&report).contains("no incident so far in"), "{}", said(&report));
}

#[test]
fn the_report_of_the_newest_is_written_beside_its_evidence() {
    let state = evidence();
    let report = highwater(&state, &["report"]);
    let page = page_of(&state, SECOND);
    assert_eq!((report.status.code(), out(&report)), (Some(0), format!("{}\n", page.display()).as_str()));
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains(SECOND) && !text.contains(FIRST));
    assert!(text.contains("graph-1") && text.contains("main.(*server).login"), "the flame graph is in it");
    assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(highwater(&state, &["report"]).status.success(), "it can be written again");
}

#[test]
fn an_incident_is_chosen_by_as_much_of_its_id_as_is_needed() {
    let state = evidence();
    assert!(highwater(&state, &["report", FIRST]).status.success());
    assert!(page_of(&state, FIRST).exists());
    let several = highwater(&state, &["report", "20261122"]);
    assert_eq!(several.status.code(), Some(1));
    let expected = "2 incidents begin with 20261122; give more of the id:\n\nINCIDENT";
    assert!(said(&several).contains(expected) && said(&several).contains(SECOND), "{}", said(&several));
    for unknown in ["2027", "../evidence", "20261122T080734Z-1/", "/"] {
        let unknown = highwater(&state, &["report", unknown]);
        assert_eq!(unknown.status.code(), Some(1));
        assert!(
            said(&unknown).contains("there is no incident") && said(&unknown).contains(FIRST),
            "{}",
            said(&unknown)
        );
    }
    let broken = highwater(&state, &["report", "20261101"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(said(&broken).contains("at line 2 column 13"), "{}", said(&broken));
}

#[test]
fn the_page_goes_where_it_is_wanted() {
    let state = evidence();
    let printed = highwater(&state, &["report", "--output", "-"]);
    assert!(out(&printed).starts_with("<!DOCTYPE html>") && out(&printed).ends_with("</html>\n"));
    let file = state.path().join("elsewhere.html");
    let written = highwater(&state, &["report", "--output", file.to_str().unwrap()]);
    assert_eq!(out(&written), format!("{}\n", file.display()));
    assert_eq!(fs::read_to_string(&file).unwrap(), out(&printed));
    let nowhere = highwater(&state, &["report", "--output", "/nonexistent/page.html"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(said(&nowhere).contains("/nonexistent/page.html: No such file or directory"), "{}", said(&nowhere));
}

#[test]
fn without_a_browser_it_is_said_what_to_do() {
    let state = evidence();
    let opened = highwater(&state, &["report", "--open"]);
    assert!(opened.status.success() && page_of(&state, SECOND).exists());
    assert!(said(&opened).contains("there is no xdg-open here: open the page in a browser"), "{}", said(&opened));
    assert_eq!(highwater(&state, &["report", "--open", "--output", "-"]).status.code(), Some(2));
}

#[test]
fn the_browser_is_given_the_page() {
    let state = evidence();
    let bin = state.path().join("bin");
    fs::create_dir(&bin).unwrap();
    // A browser that shows pages as they are.
    std::os::unix::fs::symlink("/bin/cat", bin.join("xdg-open")).unwrap();
    let arguments = ["report", "--open", "--state-dir", state.path().to_str().unwrap()];
    let opened = prepared(&arguments).env("PATH", &bin).output().unwrap();
    let page = fs::read_to_string(page_of(&state, SECOND)).unwrap();
    assert_eq!(out(&opened), format!("{}\n{page}", page_of(&state, SECOND).display()));
}

#[test]
fn whose_incidents_are_meant_is_found_out_or_asked() {
    let home = tempfile::tempdir().unwrap();
    let list = |more: &[&str]| {
        // Who is not root keeps state here; root's is not looked at, so that nothing depends on the machine.
        let mut command = prepared(&[&["incidents"], more].concat());
        command.env("XDG_STATE_HOME", home.path()).env("STATE_DIRECTORY", home.path().join("highwater/web"));
        command.output().unwrap()
    };
    let by_systemd = list(&[]);
    assert!(out(&by_systemd).contains("highwater/web/evidence"), "{}", out(&by_systemd));
    let elsewhere = home.path().join("x");
    let given = list(&["--state-dir", elsewhere.to_str().unwrap()]);
    assert!(out(&given).contains(&format!("{}/evidence", elsewhere.display())));
}

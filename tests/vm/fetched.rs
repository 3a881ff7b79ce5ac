//! Dumps that are fetched: by HTTP, and by a command.

use std::fs;
use std::path::Path;

use highwater_tests::{Process, wait_until};
use serde_json::Value;

use crate::dumps::files;
use crate::incident::{Place, done, evidence, not_done};
use crate::level::{steps, with_leaker};
use crate::web::{answer_once, unused_port};

/// Answers that are asked for one after the other, in steps that are named after them.
#[test]
fn a_dump_by_http_is_a_whole_answer_that_says_yes() {
    let answers = [
        ("yes", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nprofile"),
        ("no", "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n"),
        ("cut", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nprof"),
        ("void", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ];
    let (ports, servers): (Vec<u16>, Vec<_>) = answers.iter().map(|(_, answer)| answer_once(answer)).unzip();
    let actions = answers.iter().zip(ports).map(|((name, _), port)| get(name, port));
    let actions: Vec<String> = actions.chain([get("refused", unused_port())]).collect();
    let place = Place::on_disk("http");
    let highwater = with_leaker(&place, &steps(&actions.concat()), "");
    for server in servers {
        let request = server.join().unwrap();
        assert!(request.starts_with("GET /debug/heap?gc=1 HTTP/1.1\r\n"), "{request}");
    }
    let journal = highwater.journal();
    let file = evidence(&done(journal, "yes"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "profile");
    assert!(not_done(journal, "no", "failed").contains("404"));
    assert!(not_done(journal, "void", "failed").contains("empty"));
    not_done(journal, "cut", "failed");
    assert!(not_done(journal, "refused", "failed").to_lowercase().contains("refused"));
    let cut = file.with_file_name("cut_heap.partial");
    let mut captures = files(file.parent().unwrap());
    captures.retain(|path| !is_record(path));
    captures.sort();
    assert_eq!(captures, [cut, file], "what was cut off is kept and called partial, of the rest nothing is left");
}

fn get(name: &str, port: u16) -> String {
    let url = format!("http://127.0.0.1:{port}/debug/heap?gc=1");
    format!("[[step]]\nname = \"{name}\"\ndump = {{ http = \"{url}\", within = \"20s\" }}\n")
}

#[test]
fn a_dump_by_command_is_what_it_prints_and_what_it_leaves() {
    let scripts = [
        ("both", r#"cat /proc/self/cgroup; readlink /proc/$HIGHWATER_PID/exe >"$HIGHWATER_EVIDENCE/exe""#, "20s"),
        ("fails", "echo something; exit 3", "20s"),
        ("silent", "exit 0", "20s"),
        ("hangs", "sleep 1000 & echo $! >DIR/child; echo $$ >DIR/shell; wait", "2s"),
    ];
    let actions = scripts.map(|(name, script, within)| {
        let run = format!("command = [\"sh\", \"-c\", '{script}']");
        format!("[[step]]\nname = \"{name}\"\ndump = {{ {run}, within = \"{within}\" }}\n")
    });
    let place = Place::on_disk("command");
    let highwater = with_leaker(&place, &steps(&actions.concat()), "");
    let journal = highwater.journal();
    check_pieces(&done(journal, "both"));
    assert!(not_done(journal, "fails", "failed").contains("status 3"));
    assert!(not_done(journal, "silent", "failed").contains("nothing"));
    not_done(journal, "hangs", "timed-out");
    for name in ["child", "shell"] {
        let pid: u32 = fs::read_to_string(place.file(name)).unwrap().trim().parse().unwrap();
        wait_until(&format!("the end of the command's {name}"), || (!Process(pid).is_alive()).then_some(()));
    }
}

/// What was printed says where the command ran, the file which process it was told of.
#[track_caller]
fn check_pieces(end: &Value) {
    let pieces = end["evidence"].as_array().unwrap().iter();
    let texts: Vec<String> = pieces.map(|piece| fs::read_to_string(piece["path"].as_str().unwrap()).unwrap()).collect();
    assert_eq!(texts.len(), 2, "{end}");
    assert!(texts.iter().any(|text| text.trim().ends_with("/leaker")), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("0::/") && !text.contains("service.")), "{texts:?}");
}

/// Whether it says what is known of the incident.
fn is_record(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "incident.json")
}

//! Health, and what is and is not there.

use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;

use crate::supervised::Supervised;

#[test]
fn a_calm_service_is_alive_and_ready() {
    let supervised = Supervised::start(&[]);
    for path in ["/livez", "/healthz", "/readyz"] {
        let answer = supervised.get(path);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"), "{path}");
    }
    let verbose = supervised.get("/readyz?verbose").body;
    assert!(verbose.contains("[+]service running, generation 1\n"), "{verbose}");
    assert!(verbose.ends_with("readyz check passed\n"), "{verbose}");
    let status = supervised.get("/status").json();
    assert_eq!((&status["name"], &status["state"]), (&"web".into(), &"running".into()));
    assert!(status["figures"]["current"].as_u64().unwrap() > 0, "{status:#}");
    assert_eq!(status["state_dir"], supervised.state_dir().to_str().unwrap());
}

#[test]
fn a_dump_keeps_load_away_and_the_supervisor_alive() {
    let supervised = Supervised::start(&[]);
    assert_eq!(supervised.post("/trigger/dump").status, 202);
    let unready = supervised.get("/readyz");
    assert_eq!((unready.status, unready.body.as_str()), (503, "step dump takes a dump\n"));
    assert!(unready.head.contains("\r\nretry-after: "), "{}", unready.head);
    assert!(supervised.get("/readyz?verbose").body.ends_with("readyz check failed\n"));
    assert_eq!(supervised.get("/livez").status, 200);
    supervised.let_dump_end();
    supervised.wait_until("it is ready again", |this| this.get("/readyz").status == 200);
}

#[test]
fn what_is_not_there_is_said() {
    let supervised = Supervised::start(&[]);
    assert!(supervised.get("/").body.contains("/metrics"));
    assert_eq!(supervised.get("/nowhere").status, 404);
    let put = supervised.send("PUT /status HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(put.status, 405);
    assert!(put.head.contains("\r\nallow: get, head"), "{}", put.head);
    let head = supervised.send("HEAD /status HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(supervised.get("/incidents?limit=many").status, 400);
    let long = supervised.send(&format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(20_000)));
    assert!(long.is_err() || long.unwrap().status == 431);
}

#[test]
fn the_socket_is_for_us_only_and_goes_with_the_supervisor() {
    let mut supervised = Supervised::start(&[]);
    let mode = |path: std::path::PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(supervised.socket()), 0o600);
    assert_eq!(std::fs::read_link(supervised.state_dir().join("control.sock")).unwrap(), supervised.socket());
    supervised.signal(Signal::SIGTERM);
    supervised.wait();
    assert!(!supervised.socket().exists());
}

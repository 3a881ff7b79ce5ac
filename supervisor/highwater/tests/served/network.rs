//! The TCP address: metrics, incidents, and clients that only hold on.

use std::io::Read;
use std::net::{TcpListener, TcpStream};

use crate::free_port::free_port;
use crate::supervised::{POLICY, Supervised, converse, get_from};

#[test]
fn metrics_count_what_happens() {
    let supervised = Supervised::start(&["--http", "127.0.0.1:0"]);
    let address = supervised.address();
    supervised.post("/trigger/dump");
    let during = get_from(&address, "/metrics").body;
    for line in
        ["highwater_ready 0", "highwater_incident_open 1", r#"highwater_step_running{step="dump",action="dump"} 1"#]
    {
        assert!(during.contains(&format!("\n{line}\n")), "{line}:\n{during}");
    }
    supervised.let_dump_end();
    let done = r#"highwater_steps_total{step="dump",action="dump",outcome="done"} 1"#;
    supervised.wait_until("the dump is counted", |_| get_from(&address, "/metrics").body.contains(done));
    let after = get_from(&address, "/metrics").body;
    assert!(after.contains("\nhighwater_evidence_bytes_total 4\n"), "{after}");
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n";
    let open = converse(TcpStream::connect(&address).unwrap(), request).unwrap();
    assert!(open.head.contains("content-type: application/openmetrics-text"), "{}", open.head);
    assert!(open.body.ends_with("\n# EOF\n"), "{}", open.body);
}

#[test]
fn incidents_are_listed_without_their_evidence() {
    let supervised = Supervised::start(&["--http", "127.0.0.1:0"]);
    let address = supervised.address();
    assert_eq!(get_from(&address, "/incidents").json(), serde_json::json!([]));
    supervised.post("/trigger/dump");
    supervised.let_dump_end();
    supervised
        .wait_until("the evidence is listed", |_| get_from(&address, "/incidents?limit=5").json()[0]["bytes"] == 4);
}

#[test]
fn who_only_holds_on_locks_nobody_out() {
    let supervised = Supervised::start(&["--http", "127.0.0.1:0"]);
    let address = supervised.address();
    let mut idle: Vec<_> = (0..40).map(|_| TcpStream::connect(&address).unwrap()).collect();
    assert_eq!(get_from(&address, "/livez").status, 200);
    // The oldest had to go for it.
    assert_eq!(idle[0].read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn a_new_policy_may_name_another_address() {
    let ports = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
    let at = |address: &str| format!("[http]\nlisten = \"{address}\"\n{POLICY}");
    let supervised = Supervised::under(&at(&ports[0]), &[]);
    assert_eq!(get_from(&ports[0], "/livez").status, 200);
    supervised.reload(&at(&ports[1]));
    supervised.wait_until("the new address answers", |_| TcpStream::connect(&ports[1]).is_ok());
    assert_eq!(get_from(&ports[1], "/readyz").status, 200);
    assert!(TcpStream::connect(&ports[0]).is_err());
}

#[test]
fn an_address_that_is_taken_is_no_reason_not_to_run() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let supervised = Supervised::start(&["--http", &address]);
    let said = |line: &serde_json::Value| line["reason"].as_str().is_some_and(|reason| reason.contains(&address));
    supervised.wait_until("that is in the journal", |this| this.journal().iter().any(said));
    assert_eq!(supervised.get("/readyz").status, 200);
}

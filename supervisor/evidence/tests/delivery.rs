//! The outbox worked off against a server that does as it is told.

#[path = "delivery/server.rs"]
mod server;

mod place;

use std::time::Duration;

use highwater_evidence::delivery::{Destination, Item, Kind, Notice, Outbox, Outcome, Secret, Via};
use place::{place, work};
use server::{Reply, Server};

fn put_to(server: &Server, token: Option<Secret>) -> Destination {
    Destination::HttpPut { url: server.url("/base"), token }
}

fn notice() -> Notice {
    Notice { name: "shop".into(), summary: "it leaks".into(), ..Notice::default() }
}

#[test]
fn a_bundle_is_sent_file_by_file_and_its_record_last() {
    let place = place(&[("incident.json", b"{}"), ("dump-b", b"bb"), ("dump-a", &vec![7; 200_000])]);
    let server = Server::start(vec![Reply::Status(201); 3]);
    let token = place.outbox.with_file_name("token");
    std::fs::write(&token, "hush\n").unwrap();
    place.upload(put_to(&server, Some(Secret::File(token))), true);
    let (outcomes, next) = work(&place.outbox);
    assert!(
        matches!(&outcomes[..], [Outcome::Delivered { files: 3, bytes: 200_004, attempts: 1, .. }]),
        "{outcomes:?}"
    );
    assert_eq!(next, None);
    assert!(place.is_empty());
    let requests = server.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
    let expected = ["dump-a", "dump-b", "incident.json"].map(|name| format!("PUT /base/i-1/{name} HTTP/1.1"));
    assert_eq!(paths, expected);
    assert_eq!(requests[0].body, vec![7; 200_000]);
    assert_eq!(requests[0].header("authorization"), Some("Bearer hush"));
    assert_eq!(requests[0].header("content-length"), Some("200000"));
}

#[test]
fn a_server_that_is_busy_is_left_alone_as_long_as_it_asks() {
    let place = place(&[("dump", b"x")]);
    let server = Server::start(vec![Reply::Busy(7200), Reply::Status(201)]);
    place.upload(put_to(&server, None), true);
    let (outcomes, next) = work(&place.outbox);
    let [Outcome::Failed { reason, retry_in_ms, attempts: 1, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(reason.contains("503") && *retry_in_ms == 7_200_000, "{reason} {retry_in_ms}");
    assert!(next.unwrap() > Duration::from_secs(7000));
    // Not before its time.
    assert!(work(&place.outbox).0.is_empty());
    place.hurry();
    let (outcomes, next) = work(&place.outbox);
    assert!(matches!(outcomes[..], [Outcome::Delivered { attempts: 2, .. }]) && next.is_none(), "{outcomes:?}");
}

#[test]
fn what_was_sent_before_the_server_broke_down_is_not_sent_again() {
    let place = place(&[("dump-a", b"aa"), ("dump-b", &vec![1; 3_000_000]), ("dump-c", b"c")]);
    let server = Server::start(vec![Reply::Status(201), Reply::BreakOff, Reply::Status(201), Reply::Status(201)]);
    place.upload(put_to(&server, None), true);
    let (outcomes, _) = work(&place.outbox);
    assert!(matches!(outcomes[..], [Outcome::Failed { .. }]), "{outcomes:?}");
    place.hurry();
    let (outcomes, _) = work(&place.outbox);
    assert!(matches!(outcomes[..], [Outcome::Delivered { files: 2, bytes: 3_000_001, .. }]), "{outcomes:?}");
    let requests = server.requests();
    let names: Vec<&str> = requests.iter().filter_map(|request| request.line.get(14..20)).collect();
    assert_eq!(names, ["dump-a", "dump-b", "dump-b", "dump-c"]);
}

#[test]
fn what_appears_later_is_added_and_nothing_else_is_sent_again() {
    let place = place(&[("dump-a", b"aa")]);
    let server = Server::start(vec![Reply::Status(201); 2]);
    place.upload(put_to(&server, None), false);
    assert!(matches!(work(&place.outbox).0[..], [Outcome::Delivered { files: 1, .. }]));
    assert_eq!(work(&place.outbox), (vec![], None));
    place.add("dump-b", b"bbb");
    place.upload(put_to(&server, None), true);
    assert!(matches!(work(&place.outbox).0[..], [Outcome::Delivered { files: 1, bytes: 3, .. }]));
    assert!(place.is_empty());
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_refusal_is_final_and_shows_no_secret() {
    let place = place(&[("dump", b"x")]);
    let server = Server::start(vec![Reply::Status(403), Reply::Status(400)]);
    let token = place.outbox.with_file_name("token");
    std::fs::write(&token, "hush").unwrap();
    place.upload(put_to(&server, Some(Secret::File(token))), true);
    place.put(Kind::Notify { via: Via::Webhook(server.url("/hook?key=hush")), notice: notice() });
    let (outcomes, next) = work(&place.outbox);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::GivenUp { .. })), "{outcomes:?}");
    assert_eq!((outcomes.len(), next), (2, None));
    assert!(!format!("{outcomes:?}").contains("hush"), "{outcomes:?}");
    assert!(place.is_empty());
}

#[test]
fn nobody_there_is_tried_again_and_gone_evidence_is_not() {
    let place = place(&[("dump", b"x")]);
    let gone = Server::start(vec![]);
    let nobody = gone.url("/");
    drop(gone);
    place.upload(Destination::HttpPut { url: nobody, token: None }, true);
    let (outcomes, _) = work(&place.outbox);
    assert!(matches!(&outcomes[..], [Outcome::Failed { reason, .. }] if reason.contains("refused")), "{outcomes:?}");
    std::fs::remove_dir_all(place.incident.directory().path()).unwrap();
    place.hurry();
    let (outcomes, _) = work(&place.outbox);
    assert!(matches!(&outcomes[..], [Outcome::GivenUp { reason, .. }] if reason.contains("gone")), "{outcomes:?}");
}

#[test]
fn word_is_sent_as_json() {
    let place = place(&[]);
    let server = Server::start(vec![Reply::Status(200)]);
    place.put(Kind::Notify { via: Via::Webhook(server.url("/hook")), notice: notice() });
    assert!(matches!(work(&place.outbox).0[..], [Outcome::Delivered { files: 0, .. }]));
    let requests = server.requests();
    let said: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!((requests[0].line.as_str(), &said["name"]), ("POST /hook HTTP/1.1", &"shop".into()));
    assert_eq!(said["event"], "incident.opened");
}

#[test]
fn a_command_gets_the_bundle_once() {
    let place = place(&[("dump", b"x")]);
    let log = place.outbox.with_file_name("log");
    let script = format!("ls $HIGHWATER_BUNDLE >>{}; [ -e $HIGHWATER_BUNDLE/go ]", log.display());
    let to = Destination::Command { run: ["sh", "-c", &script].map(Into::into).into(), within_ms: 60_000 };
    place.upload(to.clone(), false);
    assert!(matches!(work(&place.outbox).0[..], [Outcome::Failed { .. }]));
    place.add("go", b"");
    place.hurry();
    assert!(matches!(work(&place.outbox).0[..], [Outcome::Delivered { files: 2, .. }]));
    place.upload(to, true);
    assert!(work(&place.outbox).0.is_empty());
    assert_eq!(std::fs::read_to_string(log).unwrap(), "dump\ndump\ngo\n");
    assert!(place.is_empty());
}

#[test]
fn an_alert_that_stands_is_found_by_the_next_supervisor_and_forgotten_in_the_end() {
    let place = place(&[]);
    let server = Server::start(vec![Reply::Status(200); 2]);
    let outbox = Outbox::open(&place.outbox).unwrap();
    let alert = Item::new("i-1", Kind::Notify { via: Via::Alertmanager(server.url("/")), notice: notice() });
    for (since, is_left) in [(alert.since, true), (0, false)] {
        outbox.put(&Item { since, ..alert.clone() }).unwrap();
        assert!(matches!(work(&place.outbox).0[..], [Outcome::Delivered { .. }]));
        assert!(outbox.items().unwrap()[0].1.settled);
        assert_eq!(work(&place.outbox), (vec![], None));
        assert_eq!(outbox.items().unwrap().len(), usize::from(is_left));
    }
    assert_eq!(server.requests().len(), 2);
}

//! Steps begun by hand.

use crate::supervised::{Supervised, get_from};

#[test]
fn a_wish_begins_a_step_and_who_asked_is_in_the_journal() {
    let supervised = Supervised::start(&[]);
    let answer = supervised.post("/trigger/dump");
    assert_eq!((answer.status, answer.json()["step"].as_str()), (202, Some("dump")));
    let refused = supervised.post("/trigger/restart");
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (409, Some("step dump is under way")));
    supervised.let_dump_end();
    supervised.wait_until("the dump is over", |this| this.post("/trigger/restart").status == 202);
    supervised.wait_until("the next generation runs", |this| this.get("/status").json()["generation"] == 2);
    let received: Vec<_> =
        supervised.journal().into_iter().filter(|line| line["event"] == "command.received").collect();
    assert_eq!(received[0]["command"], "dump");
    let us = format!("process {} of user {}", std::process::id(), nix::unistd::geteuid());
    assert_eq!(received[0]["by"], us);
    assert_eq!(received[1]["reason"], "step dump is under way");
}

#[test]
fn what_the_policy_does_not_have_is_refused() {
    let supervised = Supervised::start(&["--http", "127.0.0.1:0"]);
    assert_eq!(supervised.post("/trigger/throttle").status, 409);
    assert_eq!(supervised.post("/trigger/kill").status, 404);
    let get = supervised.get("/trigger/dump");
    assert_eq!(get.status, 405);
    assert!(get.head.contains("\r\nallow: post"), "{}", get.head);
    let from_outside = get_from(&supervised.address(), "/trigger/dump");
    assert_eq!((from_outside.status, from_outside.body.as_str()), (403, "only on the unix socket\n"));
}

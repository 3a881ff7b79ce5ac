//! Word of an incident to an Alertmanager.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use highwater_evidence::delivery::{Kind, Notice, Outcome, Via};
use highwater_kernel::clock::{Rfc3339, wall};
use serde_json::Value;

use crate::place::{place, work};
use crate::started::{Started, free_port, program};

struct Alertmanager {
    _root: tempfile::TempDir,
    port: u16,
    _server: Started,
}

impl Alertmanager {
    fn start() -> Self {
        let (root, port) = (tempfile::tempdir().unwrap(), free_port());
        let configuration = root.path().join("configuration.yml");
        std::fs::write(&configuration, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        let mut command = Command::new(program("prometheus-alertmanager"));
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.path={}", root.path().display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        let server = Started::new(command.stderr(Stdio::null()), port);
        Self { _root: root, port, _server: server }
    }

    /// The alerts that stand.
    fn alerts(&self) -> Vec<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"GET /api/v2/alerts HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn hears(&self, notice: Notice) -> Kind {
        Kind::Notify { via: Via::Alertmanager(format!("http://127.0.0.1:{}/", self.port)), notice }
    }
}

#[test]
fn an_alert_stands_while_the_incident_lasts() {
    let alertmanager = Alertmanager::start();
    let place = place(&[]);
    let open = Notice {
        name: "shop".into(),
        severity: "critical".into(),
        instance: "edge-7".into(),
        opened: Rfc3339(wall()).to_string(),
        resolved: None,
        summary: "shop grows by 10 MiB/s".into(),
        description: "It reaches its limit in 20 s.".into(),
        evidence: Some("/var/lib/highwater/shop/evidence/i-1".into()),
    };
    place.put(alertmanager.hears(open.clone()));
    let (outcomes, next) = work(&place.outbox);
    assert!(matches!(outcomes[..], [Outcome::Delivered { .. }]) && next.is_none(), "{outcomes:?}");
    let alerts = alertmanager.alerts();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let expected = serde_json::json!({
        "alertname": "HighwaterIncident", "severity": "critical", "service": "shop", "incident": "i-1",
        "instance": "edge-7",
    });
    assert_eq!(alerts[0]["labels"], expected);
    assert_eq!(alerts[0]["annotations"]["summary"], "shop grows by 10 MiB/s");
    assert_eq!(alerts[0]["annotations"]["evidence"], "/var/lib/highwater/shop/evidence/i-1");

    place.put(alertmanager.hears(Notice { resolved: Some(Rfc3339(wall()).to_string()), ..open }));
    assert!(matches!(work(&place.outbox).0[..], [Outcome::Delivered { .. }]));
    assert_eq!(alertmanager.alerts(), [] as [Value; 0]);
}

#[test]
fn what_it_does_not_understand_is_given_up_with_its_words() {
    let alertmanager = Alertmanager::start();
    let place = place(&[]);
    place.put(alertmanager.hears(Notice { opened: "yesterday".into(), ..Notice::default() }));
    let (outcomes, _) = work(&place.outbox);
    let [Outcome::GivenUp { reason, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(reason.contains("400 Bad Request") && reason.contains("yesterday"), "{reason}");
}

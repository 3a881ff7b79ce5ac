//! Metrics as Prometheus takes them.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::started::{Started, free_port, program, wait_until};
use crate::supervised::{Supervised, get_from};

#[test]
fn promtool_has_nothing_to_say_against_the_metrics() {
    let supervised = Supervised::start(&["--http", "127.0.0.1:0"]);
    supervised.post("/trigger/dump");
    supervised.let_dump_end();
    let metrics = get_from(&supervised.address(), "/metrics").body;
    let mut promtool = Command::new(program("promtool"));
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr) + String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.is_empty(), "{said}\n{metrics}");
}

/// It asks for `OpenMetrics`, which is strict.
#[test]
fn prometheus_scrapes_them() {
    let supervised = Supervised::start(&["--http", "127.0.0.1:0"]);
    let (root, port) = (tempfile::tempdir().unwrap(), free_port());
    let configuration = format!(
        "scrape_configs: [{{job_name: highwater, scrape_interval: 5s, static_configs: [{{targets: ['{}']}}]}}]\n",
        supervised.address()
    );
    std::fs::write(root.path().join("prometheus.yml"), configuration).unwrap();
    let mut prometheus = Command::new(program("prometheus"));
    prometheus.arg(format!("--config.file={}/prometheus.yml", root.path().display()));
    prometheus.arg(format!("--storage.tsdb.path={}", root.path().display()));
    prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let _server = Started::new(prometheus.stderr(Stdio::null()), port);
    let ask = |query: &str| get_from(&format!("127.0.0.1:{port}"), &format!("/api/v1/{query}"));
    wait_until("it has scraped", || {
        let answer = ask("targets");
        answer.status == 200 && answer.body.contains("\"health\":\"") && !answer.body.contains("\"health\":\"unknown\"")
    });
    let target = &json(&ask("targets").body)["data"]["activeTargets"][0];
    assert_eq!((&target["health"], &target["lastError"]), (&"up".into(), &"".into()), "{target:#}");
    // What was scraped can be queried a moment later.
    let info = || json(&ask("query?query=highwater_build_info").body)["data"]["result"][0].take();
    wait_until("it can be queried", || info().is_object());
    assert_eq!(info()["metric"]["name"], "web");
    let metadata = json(&ask("metadata?metric=highwater_memory_current_bytes").body);
    let of = &metadata["data"]["highwater_memory_current_bytes"][0];
    assert_eq!((&of["type"], &of["unit"]), (&"gauge".into(), &"bytes".into()), "{metadata:#}");
}

/// The JSON of an answer, which may come in chunks.
fn json(body: &str) -> Value {
    let (Some(from), Some(to)) = (body.find('{'), body.rfind('}')) else { panic!("{body}") };
    serde_json::from_str(&body[from..=to]).unwrap_or_else(|error| panic!("{error}: {body}"))
}

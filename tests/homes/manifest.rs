//! The manifests of `examples/kubernetes` as podman 4.3 can play them.

use std::fs;
use std::path::Path;

use crate::podman::repository;

/// Ports and probes by their names are not for a pod on the network of the machine.
const LEFT_OUT: [&str; 4] = ["ports", "startupProbe", "livenessProbe", "readinessProbe"];

/// The manifest of a shape with what kustomize would add, a faster leak, and a file for the last words, which podman does
/// not make.
pub fn manifest(shape: &str, last_words: &Path) -> String {
    let example = repository().join("examples/kubernetes").join(shape);
    let read = |name: &str| fs::read_to_string(example.join(name)).expect("a file of the example");
    let deployment = LEFT_OUT.iter().fold(read("deployment.yaml"), |text, key| without(&text, key));
    let deployment = replaced(&deployment, "-self-load=1\n", "-self-load=3\n");
    // It removes an init container that ran once before it has seen its end.
    let head = "metadata:\n  name: web\n";
    let kept = format!("{head}  annotations:\n    io.podman.annotations.init.container.type: always\n");
    let deployment = replaced(&deployment, head, &kept);
    // They would share a network and their volumes.
    let deployment = replaced(&deployment, "  replicas: 2\n", "  replicas: 1\n");
    let mount = "            - { name: policy, mountPath: /etc/highwater, readOnly: true }\n";
    let more = "            - { name: last-words, mountPath: /dev/termination-log }\n";
    let deployment = replaced(&deployment, mount, &format!("{mount}{more}"));
    let deployment = if shape == "sidecar" { with_a_plain_sidecar(&deployment) } else { deployment };
    let file = last_words.display();
    let policy = read("policy.toml").replace('\n', "\n    ");
    format!(
        "{deployment}        - {{ name: last-words, hostPath: {{ path: {file}, type: File }} }}\n---\napiVersion: v1\n\
         kind: ConfigMap\nmetadata:\n  name: highwater\ndata:\n  policy.toml: |\n    {policy}"
    )
}

/// It knows no sidecars among the init containers, and would wait for the end of one.
fn with_a_plain_sidecar(deployment: &str) -> String {
    let text = replaced(deployment, "      containers:\n        - name: web\n", "        - name: web\n");
    let text = replaced(&text, "      initContainers:\n", "      containers:\n");
    replaced(&text, "          restartPolicy: Always\n", "")
}

/// Leaves out a key wherever it is, with what is below it.
fn without(text: &str, key: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut kept = String::new();
    let mut left_out: Option<usize> = None;
    for line in text.lines() {
        left_out = left_out.filter(|outer| indent(line) > *outer);
        if left_out.is_none() && line.trim_start().starts_with(&format!("{key}:")) {
            left_out = Some(indent(line));
        }
        if left_out.is_none() {
            kept.extend([line, "\n"]);
        }
    }
    kept
}

/// Replaces what must be there once.
#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in the example");
    text.replace(from, to)
}

"""Checks examples/kubernetes against what it must fit: the schemas of Kubernetes, of the Prometheus operator and of
Grafana, promtool, the restricted Pod Security Standard, and highwater's own reading of the policies.

Run by `tests/run manifests`, with what `tests/lane/setup manifests` has put into $HIGHWATER_MANIFEST_TOOLS. A check is a
function here whose name begins with `check_`; it raises, or returns without a word. The last line is like libtest's.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path

import kubernetes_validate
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard, stat, statetimeline, timeseries

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples/kubernetes"
TOOLS = Path(os.environ["HIGHWATER_MANIFEST_TOOLS"])
HIGHWATER = Path(os.environ["HIGHWATER_BIN_DIR"]) / "highwater"

# The oldest in which what the manifests use is on by default, and the newest the schemas are there for.
VERSIONS = {"wrap": ["1.29", "1.37"], "sidecar": ["1.29", "1.37"], "overlays/production": ["1.29", "1.37"],
            "overlays/restart-all": ["1.35", "1.37"]}
OPERATOR = "monitoring.coreos.com/"
SIZES = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def run(*command, cwd=None):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]} {command[1]}: {done.stdout}{done.stderr}"
    return done.stdout


@cache
def rendered(directory):
    text = run(TOOLS / "kubectl", "kustomize", EXAMPLES / directory)
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(directory, kind):
    return [document for document in rendered(directory) if document["kind"] == kind]


def pods():
    """Every pod template, with the directory it is rendered from."""
    for directory in VERSIONS:
        for deployment in of_kind(directory, "Deployment"):
            yield directory, deployment, deployment["spec"]["template"]


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def size(text):
    number, unit = re.fullmatch(r"(\d+)(\w*)", text).groups()
    return int(number) * SIZES.get(unit, 1)


def check_every_kustomization_is_rendered():
    found = {str(file.parent.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("kustomization.yaml")}
    assert found == {*VERSIONS, "monitoring"}, found
    for directory in found:
        assert rendered(directory), directory


def check_the_schemas_of_kubernetes():
    for directory, versions in VERSIONS.items():
        for document in rendered(directory):
            if document["apiVersion"].startswith(OPERATOR):
                continue
            for version in versions:
                kubernetes_validate.validate(document, version, strict=True)


def check_the_schemas_would_find_a_mistake():
    wrong = json.loads(json.dumps(of_kind("wrap", "Deployment")[0]))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    try:
        kubernetes_validate.validate(wrong, "1.37", strict=True)
    except kubernetes_validate.ValidationError:
        return
    raise AssertionError("an unknown key was accepted")


def check_pods_are_restricted():
    """https://kubernetes.io/docs/concepts/security/pod-security-standards, column Restricted."""
    for directory, _, template in pods():
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"], directory
        assert spec["securityContext"]["runAsUser"] != 0, directory
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", directory
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            assert not spec.get(name), f"{directory}: {name}"
        assert all({"emptyDir", "configMap"} & volume.keys() for volume in spec["volumes"]), directory
        for container in containers(spec):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, container["name"]
            assert context["capabilities"] == {"drop": ["ALL"]}, container["name"]
            assert context["readOnlyRootFilesystem"], container["name"]
            assert "memory" in container["resources"]["limits"], container["name"]
            assert "hostPort" not in str(container.get("ports")), container["name"]


def check_names_refer_to_something():
    for directory, deployment, template in pods():
        labels = template["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items(), directory
        assert "highwater" in labels, f"{directory}: the PodMonitor selects by it"
        volumes = {volume["name"] for volume in template["spec"]["volumes"]}
        for container in containers(template["spec"]):
            used = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert used <= volumes, f"{directory}: {used - volumes}"
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                how = container.get(probe, {})
                for action in ("httpGet", "tcpSocket"):
                    assert how.get(action, {}).get("port") in {None, *ports}, f"{directory}: {probe}"
        maps = {document["metadata"]["name"] for document in of_kind(directory, "ConfigMap")}
        wanted = {volume["configMap"]["name"] for volume in template["spec"]["volumes"] if "configMap" in volume}
        assert wanted <= maps, f"{directory}: {wanted - maps}"


def check_the_pod_monitor_finds_the_port():
    endpoints = of_kind("monitoring", "PodMonitor")[0]["spec"]["podMetricsEndpoints"]
    for directory, _, template in pods():
        ports = {port["name"] for one in containers(template["spec"]) for port in one.get("ports", [])}
        assert {endpoint["port"] for endpoint in endpoints} <= ports, directory


def check_policies_are_sound_and_bounds_fit():
    for directory, _, template in pods():
        spec = template["spec"]
        (text,) = [document["data"]["policy.toml"] for document in of_kind(directory, "ConfigMap")
                   if "policy.toml" in document.get("data", {})]
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            run(HIGHWATER, "check", file.name)
        most = size(re.search(r'max-bytes = "(\w+)"', text)[1])
        (evidence,) = [volume for volume in spec["volumes"] if volume["name"] == "evidence"]
        assert most < size(evidence["emptyDir"]["sizeLimit"]), f"{directory}: the kubelet would evict the pod"
        stop = int(re.search(r'stop-timeout = "(\d+)s"', text)[1])
        assert stop + 2 < spec["terminationGracePeriodSeconds"], directory
        (port,) = {port["containerPort"] for one in containers(spec) for port in one.get("ports", [])
                   if port["name"] == "highwater"}
        assert f'listen = "0.0.0.0:{port}"' in text, directory


def check_the_policies_are_the_ready_made_one():
    ready_made = (REPOSITORY / "policies/kubernetes.toml").read_text()
    for directory in ("wrap", "sidecar"):
        assert (EXAMPLES / directory / "policy.toml").read_text() == ready_made, directory


def check_the_command_lines_are_known():
    for directory, _, template in pods():
        for container in containers(template["spec"]):
            line = container.get("command", []) + container.get("args", [])
            if "highwater" in container["image"]:
                line = ["highwater", *line]
            if "highwater" not in line[0]:
                continue
            known = run(HIGHWATER, line[1], "--help")
            own = line[2 : line.index("--")] if "--" in line else line[2:]
            for option in (word.split("=")[0] for word in own if word.startswith("--")):
                assert option in known, f"{directory}: {line[1]} has no {option}"


def check_the_schemas_of_the_operator():
    documents = [one for one in rendered("monitoring") if one["apiVersion"].startswith(OPERATOR)]
    assert {one["kind"] for one in documents} == {"PodMonitor", "PrometheusRule"}
    types = "".join(f"export const _{number}: I{one['kind']} = {json.dumps(one)};\n"
                    for number, one in enumerate(documents))
    with tempfile.TemporaryDirectory(dir=TOOLS) as place:
        package = "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1"
        # Types find unknown keys; the validator knows patterns, such as those of times.
        Path(place, "types.ts").write_text(f'import type {{ IPodMonitor, IPrometheusRule }} from "{package}";\n{types}')
        run(TOOLS / "node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext",
            "--moduleResolution", "nodenext", "types.ts", cwd=place)
        checks = "".join(f"new models.{one['kind']}({json.dumps(one)}).validate();\n" for one in documents)
        Path(place, "checks.mjs").write_text(f'import * as models from "{package}";\n{checks}')
        run("node", "checks.mjs", cwd=place)


def rule_groups():
    return {"groups": of_kind("monitoring", "PrometheusRule")[0]["spec"]["groups"]}


def check_the_alert_rules():
    with tempfile.TemporaryDirectory() as place:
        Path(place, "rules.groups.yaml").write_text(yaml.safe_dump(rule_groups()))
        Path(place, "rules_test.yaml").write_text((EXAMPLES / "monitoring/rules_test.yaml").read_text())
        run(TOOLS / "promtool", "check", "rules", "rules.groups.yaml", cwd=place)
        run(TOOLS / "promtool", "test", "rules", "rules_test.yaml", cwd=place)
    tested = (EXAMPLES / "monitoring/rules_test.yaml").read_text()
    for group in rule_groups()["groups"]:
        for rule in group["rules"]:
            fires = re.search(rf"alertname: {rule['alert']}\n *exp_alerts:\n *- exp_labels", tested)
            assert fires, f"no test has {rule['alert']} fire"


def board():
    return json.loads((EXAMPLES / "monitoring/dashboard.json").read_text())


def lost(before, after, path=""):
    """What a round trip through the types of a schema does not keep: those are keys the schema does not have."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from lost(value, after[key], f"{path}.{key}") if key in after else [f"{path}.{key}"]
    elif isinstance(before, list) and isinstance(after, list):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from lost(*pair, f"{path}[{number}]")
    elif before != after:
        yield f"{path}: {before} became {after}"


def round_trip(model, data):
    return list(lost(data, json.loads(JSONEncoder().encode(model.from_json(data)))))


def check_the_dashboard_fits_grafanas_schema():
    found = board()
    assert not (strange := round_trip(dashboard.Dashboard, found)), strange
    models = {"stat": stat, "state-timeline": statetimeline, "timeseries": timeseries}
    for panel in found["panels"]:
        model = models[panel["type"]]
        assert not (strange := round_trip(model.Options, panel["options"])), f"{panel['title']}: {strange}"
        if hasattr(model, "FieldConfig"):
            custom = panel["fieldConfig"]["defaults"]["custom"]
            assert not (strange := round_trip(model.FieldConfig, custom)), f"{panel['title']}: {strange}"


def check_the_queries_of_the_dashboard_parse():
    found = board()
    queries = [target["expr"] for panel in found["panels"] for target in panel["targets"]]
    queries += [annotation["expr"] for annotation in found["annotations"]["list"]]
    assert len(queries) > 20
    plain = [query.replace("$__rate_interval", "5m").replace("$namespace", "a").replace("$pod", "b")
             for query in queries]
    assert not [query for query in plain if "$" in query]
    rules = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(plain)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}, file)
        file.flush()
        run(TOOLS / "promtool", "check", "rules", file.name)


def check_panels_do_not_overlap():
    taken = set()
    for panel in board()["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not taken & cells and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


def main(wanted):
    checks = [(name, check) for name, check in globals().items()
              if name.startswith("check_") and all(part in name for part in wanted)]
    failed = 0
    for name, check in checks:
        try:
            check()
            print(f"test {name} ... ok")
        except Exception:
            failed += 1
            print(f"test {name} ... FAILED")
            traceback.print_exc(file=sys.stdout)
    verdict = "FAILED" if failed else "ok"
    print(f"test result: {verdict}. {len(checks) - failed} passed; {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

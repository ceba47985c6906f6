"""The chart: lint, schemas, golden renderings, refusals. chart_test.py SLUICE, or --renew."""

import difflib
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import kubernetes_validate
import yaml

import chart
from chart import CASES, CHART, DAEMONS, FOLDER, KUBERNETES, find, pod_specs, render

sluice = "sluice"

# Not Kubernetes' own, so without a published schema here: required keys, by hand.
CUSTOM = {
    "ServiceMonitor": {"spec": ["selector", "endpoints", "namespaceSelector"]},
    "PodMonitor": {"spec": ["selector", "podMetricsEndpoints", "namespaceSelector"]},
    "PrometheusRule": {"spec": ["groups"]},
    "ScaledObject": {"spec": ["scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers"]},
}
GOLDEN = ["default", "production"]


def golden_text(case):
    """What helm renders, without the dashboard's own text, which is a file of the chart."""
    lines, inside = [], False
    for line in chart.render_text(case).splitlines():
        inside = inside and (line.startswith("    ") or not line)
        if not inside:
            lines.append(line.rstrip())
        if line == "  sluice.json: |":
            inside = True
            lines.append("    (dashboards/sluice.json)")
    return "\n".join(lines) + "\n"


class Manifests(unittest.TestCase):
    def test_lint_finds_nothing(self):
        for case in CASES:
            with self.subTest(case):
                chart.helm("lint", "--strict", CHART, *chart.values_of(case))

    def test_kubernetes_takes_them(self):
        for case in CASES:
            for version in KUBERNETES:
                for document in render(case, kubernetes=version):
                    with self.subTest(case, version=version, kind=document["kind"]):
                        self.check(document, version.rpartition(".")[0])

    def check(self, document, version):
        self.assertIn(document["metadata"].get("namespace", "shop"), ("shop", "monitoring"))
        custom = CUSTOM.get(document["kind"])
        if custom is None:
            kubernetes_validate.validate(document, version, strict=True)
            return
        for section, keys in custom.items():
            for key in keys:
                self.assertIn(key, document[section])

    def test_one_version_everywhere(self):
        version = re.search(r"^project\(sluice VERSION (\S+)",
                            (chart.ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)[1]
        of_chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual(of_chart["appVersion"], version)
        self.assertIn(f"ARG VERSION={version}\n", (chart.ROOT / "Dockerfile").read_text())

    def test_a_release_sets_it_everywhere(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["git", "clone", "-q", chart.ROOT, folder], check=True)
            before = re.search(r"^appVersion: \"(.*)\"$",
                               (Path(folder) / "helm/sluice/Chart.yaml").read_text(), re.MULTILINE)[1]
            release = subprocess.run([f"{folder}/dev", "release", "98.76.54"],
                                     capture_output=True, text=True)
            self.assertEqual(release.returncode, 0, release.stderr)
            left = subprocess.run(
                ["git", "grep", "-nwF", before, "--", "CMakeLists.txt", "Dockerfile", "docs", "helm",
                 "packaging", "tests/helm/golden", "tests/helm/values"], cwd=folder, capture_output=True, text=True)
            self.assertEqual(left.stdout, "")
            self.assertIn("\n## 98.76.54 (", (Path(folder) / "CHANGELOG.md").read_text())

    def test_golden(self):
        for case in GOLDEN:
            with self.subTest(case):
                golden = (FOLDER / "golden" / f"{case}.yaml").read_text()
                now = golden_text(case)
                difference = "".join(difflib.unified_diff(
                    golden.splitlines(True), now.splitlines(True), "golden", "rendered"))
                self.assertEqual(difference, "", f"\n{difference}\nmeant so? ./dev golden renews it")

    def test_what_is_wrong_is_refused_in_words(self):
        for refusal in yaml.safe_load((FOLDER / "refused.yaml").read_text()):
            with self.subTest(refusal["name"]):
                with self.assertRaises(chart.Refused) as refused:
                    chart.render_values(refusal["values"])
                self.assertIn(refusal["says"], str(refused.exception))

    def test_every_key_of_values_is_in_the_schema_and_the_other_way_round(self):
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        schema = yaml.safe_load((CHART / "values.schema.json").read_text())

        def resolved(part):
            name = part.get("$ref", "").rpartition("/")[2]
            return schema["definitions"][name] if name else part

        def compare(path, value, part):
            part = resolved(part)
            if part.get("additionalProperties") is not False:
                return
            known = set(part["properties"]) - {"global"}
            if path.endswith(("Probe", "resources")) or path == "updateStrategy":
                self.assertLessEqual(set(value), known, path)
            else:
                self.assertEqual(set(value), known, path)
            for key, below in value.items():
                if isinstance(below, dict):
                    compare(f"{path}.{key}".lstrip("."), below, part["properties"][key])

        compare("", values, schema)


class Pods(unittest.TestCase):
    def test_no_privilege_no_token_no_writable_root(self):
        for case in CASES:
            for what, _, spec in pod_specs(render(case)):
                with self.subTest(case, what=what):
                    self.assertIs(spec["automountServiceAccountToken"], False)
                    self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
                    self.assertEqual(spec["securityContext"]["seccompProfile"]["type"],
                                     "RuntimeDefault")
                    for container in chart.containers(spec):
                        security = container["securityContext"]
                        self.assertIs(security["readOnlyRootFilesystem"], True)
                        self.assertIs(security["allowPrivilegeEscalation"], False)
                        self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
                        self.assertIn("limits", container["resources"])

    def test_mounts_have_volumes_and_none_is_a_single_file(self):
        for case in CASES:
            for what, _, spec in pod_specs(render(case)):
                volumes = [volume["name"] for volume in spec["volumes"]]
                for container in chart.containers(spec):
                    with self.subTest(case, what=what):
                        for mount in container["volumeMounts"]:
                            self.assertIn(mount["name"], volumes)
                            self.assertNotIn("subPath", mount, "would never see a change")

    def test_a_new_configuration_or_chart_does_not_roll_the_pods(self):
        before = find(render("production"), "StatefulSet")
        config = yaml.safe_load((FOLDER / "values" / "production.yaml").read_text())["config"]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "config.toml"
            file.write_text(config.replace("orders", "customers"))
            documents = render("production", "--set-file", f"config={file}",
                               "--set", "log.level=debug")
        self.assertIn("customers", find(documents, "ConfigMap", "data-sluice")["data"]["sluice.toml"])
        self.assertEqual(find(documents, "StatefulSet"), before)
        labels = before["spec"]["template"]["metadata"]["labels"]
        self.assertNotIn("helm.sh/chart", labels)

    def test_grace_is_longer_than_the_drain(self):
        for drain in (1, 30, 3600):
            spec = find(chart.render_values({"drainDeadlineSeconds": drain}), "StatefulSet")["spec"]
            self.assertEqual(spec["template"]["spec"]["terminationGracePeriodSeconds"], drain + 15)

    def test_selectors_find_the_daemons_pods(self):
        for case in DAEMONS:
            documents = render(case)
            labels = find(documents, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
            for document in documents:
                spec = document.get("spec", {})
                selector = {"Service": lambda: spec["selector"],
                            "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
                            "NetworkPolicy": lambda: spec["podSelector"]["matchLabels"],
                            "PodMonitor": lambda: spec["selector"]["matchLabels"],
                            "StatefulSet": lambda: spec["selector"]["matchLabels"],
                            "ServiceMonitor": lambda: {}}.get(document["kind"], dict)()
                with self.subTest(case, kind=document["kind"]):
                    self.assertLessEqual(selector.items(), labels.items())
            for what, metadata, _ in pod_specs(documents):
                if what != "StatefulSet":
                    component = metadata["labels"]["app.kubernetes.io/component"]
                    self.assertNotEqual(component, labels["app.kubernetes.io/component"])

    def test_the_service_monitor_finds_the_service_and_its_port(self):
        documents = render("everything")
        service = find(documents, "Service")
        monitor = find(documents, "ServiceMonitor")["spec"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(),
                             service["metadata"]["labels"].items())
        self.assertEqual(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"])
        container = find(documents, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(service["spec"]["ports"][0]["targetPort"], container["ports"][0]["name"])
        self.assertTrue(service["spec"]["publishNotReadyAddresses"])

    def test_segments_reach_each_pod_by_its_address(self):
        documents = render("everything")
        container = chart.containers(
            find(documents, "StatefulSet")["spec"]["template"]["spec"])[1]
        [address] = [e for e in container["env"] if e["name"] == "POD_IP"]
        self.assertEqual(address["valueFrom"]["fieldRef"]["fieldPath"], "status.podIP")
        self.assertIn({"name": "segments", "containerPort": 9000}, container["ports"])
        self.assertIn({"name": "segments", "port": 9000, "targetPort": "segments"},
                      find(documents, "Service")["spec"]["ports"])
        self.assertIn({"ports": [{"port": 9000, "protocol": "TCP"}],
                       "from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]},
                      find(documents, "NetworkPolicy")["spec"]["ingress"])
        self.assertNotIn("segments", str(find(render("default"), "StatefulSet")))

    def test_the_ingress_leads_to_the_service(self):
        documents = render("everything")
        ingress, service = find(documents, "Ingress")["spec"], find(documents, "Service")
        [path] = ingress["rules"][0]["http"]["paths"]
        self.assertEqual(path["backend"]["service"], {
            "name": service["metadata"]["name"], "port": {"name": service["spec"]["ports"][0]["name"]}})
        self.assertEqual(ingress["tls"][0]["hosts"], [ingress["rules"][0]["host"]])

    def test_a_job_loads_what_is_there_and_has_nothing_of_a_daemon(self):
        for case, kind in {"job": "Job", "cron": "CronJob"}.items():
            documents = [document for document in render(case) if not chart.is_hook(document)]
            kinds = {document["kind"] for document in documents}
            self.assertEqual(kinds, {"ConfigMap", "ServiceAccount", kind})
            [spec] = [spec for what, _, spec in pod_specs(documents) if what == kind]
            self.assertIn("--until-caught-up", spec["containers"][0]["args"])
            self.assertEqual(spec["restartPolicy"], "Never")
        job = find(render("job"), "Job", "data-sluice-1")
        self.assertEqual(job["spec"]["template"]["spec"]["containers"][0]["args"][-2:],
                         ["--fail-on-reject", "--timeout=30m"])
        self.assertEqual(find(render("cron"), "CronJob")["spec"]["schedule"], "15 2 * * *")

    def test_what_stands_beside_sluice_is_there(self):
        [spec] = [spec for what, _, spec in pod_specs(render("everything")) if what == "StatefulSet"]
        self.assertEqual([c["name"] for c in chart.containers(spec)], ["before", "sluice", "beside"])
        self.assertIn("preStop", spec["containers"][0]["lifecycle"])
        for what, _, spec in pod_specs(render("everything")):
            self.assertEqual(spec["hostAliases"][0]["ip"], "10.0.0.7", what)
            self.assertEqual(spec["dnsConfig"]["options"][0]["name"], "ndots", what)

    def test_readiness_asks_for_pipelines_or_for_the_process(self):
        for case, path in {"default": "/readyz", "everything": "/healthz"}.items():
            container = find(render(case), "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
            self.assertEqual(container["readinessProbe"]["httpGet"]["path"], path)

    def test_keda_alone_decides_how_many(self):
        spec = find(render("everything"), "StatefulSet")
        self.assertNotIn("replicas", spec["spec"])
        target = find(render("everything"), "ScaledObject")["spec"]["scaleTargetRef"]
        self.assertEqual(target["name"], spec["metadata"]["name"])


class Configuration(unittest.TestCase):
    def test_sluice_reads_what_the_chart_writes(self):
        for case in ("default", "production", "everything", "job"):
            for document in render(case):
                if document["kind"] != "ConfigMap" or "sluice.toml" not in document["data"]:
                    continue
                with self.subTest(case), tempfile.TemporaryDirectory() as folder:
                    file = Path(folder) / "sluice.toml"
                    token = Path(folder) / "token"
                    token.write_text("a-token-that-is-long-enough")
                    (Path(folder) / "secret").write_text("a-secret-that-is-long-enough")
                    for pem in ("tls.crt", "tls.key", "ca.crt"):
                        (Path(folder) / pem).write_text("-----BEGIN SOMETHING-----")
                    file.write_text(document["data"]["sluice.toml"].replace(
                        "/run/sluice/admin-token/token", str(token)).replace(
                        "/run/sluice/segments-tls", folder).replace(
                        "/run/sluice/segments-sql", folder))
                    self.assertEqual(chart.problems(sluice, file), "")

    def test_the_values_in_the_docs_are_good_ones(self):
        page = (chart.ROOT / "docs" / "kubernetes.md").read_text()
        examples = re.findall(r"^( *)```yaml\n(.*?)^\1```", page, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(examples), 2)
        chart.render_values(yaml.safe_load(textwrap.dedent(examples[0][1])))
        production = (FOLDER / "values" / "production.yaml").read_text()
        self.assertEqual(examples[1][1].strip(), production.partition("\n")[2].strip())

    def test_the_schema_job_has_what_it_needs_before_anything_is_installed(self):
        for case in ("production", "existing"):
            documents = render(case)
            hooks = [d for d in documents if chart.is_hook(d, "pre-install")]
            spec = find(hooks, "Job")["spec"]["template"]["spec"]
            there = {d["metadata"]["name"] for d in hooks if d["kind"] == "ConfigMap"} | {"our-sluice"}
            self.assertIn(spec["volumes"][0]["configMap"]["name"], there)
            self.assertNotEqual(spec.get("serviceAccountName"), "data-sluice")
            before = [container["args"][:2] for container in spec["initContainers"]]
            self.assertEqual(before, [["check", "--before-schema"], ["schema", "--apply"]])
            self.assertEqual(spec["containers"][0]["args"][0], "check")

    def test_a_wrong_configuration_stops_the_release(self):
        for case in ("default", "job", "cron"):
            hooks = [d for d in render(case) if chart.is_hook(d, "pre-install,pre-upgrade")]
            written = find(hooks, "ConfigMap")
            [(_, _, spec)] = pod_specs(hooks)
            # Nothing that the release itself brings along may be waited for.
            self.assertNotIn("serviceAccountName", spec)
            self.assertEqual(spec["volumes"], [
                {"name": "config", "configMap": {"name": written["metadata"]["name"]}}])
            [container] = spec["containers"]
            self.assertLessEqual(container.keys(), {
                "name", "image", "imagePullPolicy", "securityContext", "args", "resources", "volumeMounts"})
            for wrong, code in {"": 0, "tabel = \"x\"\n": 2}.items():
                with self.subTest(case, wrong=wrong), tempfile.TemporaryDirectory() as folder:
                    file = Path(folder) / "sluice.toml"
                    file.write_text(wrong + written["data"]["sluice.toml"])
                    arguments = [argument.replace("/etc/sluice", folder)
                                 for argument in container["args"]]
                    check = subprocess.run([sluice, *arguments], env={}, capture_output=True, text=True)
                    self.assertEqual(check.returncode, code, check.stdout + check.stderr)
        for case in ("production", "existing"):  # they look deeper, or have a file of their own
            self.assertNotIn("data-sluice-config", {d["metadata"]["name"] for d in render(case)})

    def test_notes_tell_what_to_do_next(self):
        for case, says in {"default": "No pipeline is configured yet", "production": "helm test",
                           "existing": "our-sluice", "job": "and ends: Job data-sluice-1",
                           "cron": "at 15 2 * * *: CronJob data-sluice"}.items():
            self.assertIn(says, chart.notes(case))


def renew():
    for case in GOLDEN:
        (FOLDER / "golden" / f"{case}.yaml").write_text(golden_text(case))


if __name__ == "__main__":
    if sys.argv[1:] == ["--renew"]:
        renew()
    else:
        sluice = sys.argv.pop(1)
        unittest.main()

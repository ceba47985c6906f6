"""packaging/compose and the workflows, without an engine: what names what, and what would be run.

compose_test.py SLUICE"""

import os
import re
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "packaging" / "compose"
sluice = "sluice"


def load(path):
    return yaml.safe_load(path.read_text())


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.services = load(FOLDER / "compose.yaml")["services"]

    def mounts(self):
        """(service, file here, file there)"""
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                here, there, mode = volume.split(":")
                self.assertEqual(mode, "ro")
                yield name, (FOLDER / here).resolve(), there

    def assert_serves(self, address, port=None):
        """`address` names a service, which listens on that port."""
        host, _, port = address.partition(":") if port is None else (address, "", port)
        ports = {"kafka": "9092", "database": "5432", "sluice": "9187", "prometheus": "9090"}
        self.assertIn(host, self.services)
        self.assertEqual(ports[host], str(port))

    def test_each_service_has_known_keys_and_one_version(self):
        known = {"image", "build", "depends_on", "environment", "volumes", "ports", "healthcheck",
                 "command", "read_only", "cap_drop", "stop_grace_period"}
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertLessEqual(set(service), known)
                if "build" in service:
                    self.assertTrue((FOLDER / service["build"] / "Dockerfile").exists())
                else:
                    self.assertRegex(service["image"], r"^[a-z/]+:v?[0-9]")
                for value in service.get("environment", {}).values():
                    self.assertIsInstance(value, str)

    def test_what_is_waited_for_can_come(self):
        for name, service in self.services.items():
            needs = service.get("depends_on", {})
            for other in needs:
                with self.subTest(name, needs=other):
                    self.assertIn(other, self.services)
                    condition = needs[other]["condition"] if isinstance(needs, dict) else ""
                    if condition == "service_healthy":
                        self.assertEqual(self.services[other]["healthcheck"]["test"][0], "CMD")

    def test_ports_are_this_machines_alone_and_each_is_one(self):
        ports = [port for service in self.services.values() for port in service.get("ports", [])]
        self.assertEqual(len(ports), len(set(port.rsplit(":")[1] for port in ports)))
        for port in ports:
            self.assertRegex(port, r"^127\.0\.0\.1:(\d+):\1$")

    def test_each_mounted_file_is_there(self):
        mounted = list(self.mounts())
        self.assertEqual(len(mounted), 7)
        for _, here, there in mounted:
            self.assertTrue(here.is_file(), here)
            self.assertTrue(there.startswith("/"), there)

    def test_sluice_takes_its_file(self):
        file = FOLDER / "sluice.toml"
        environment = {**os.environ, **self.services["sluice"]["environment"]}
        check = subprocess.run([sluice, "check", "--offline", "-c", file], env=environment,
                               capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        config = tomllib.loads(file.read_text())
        self.assert_serves(config["kafka"]["brokers"])
        self.assert_serves(re.search("host=(\\S+)", config["cloudberry"]["dsn"])[1], 5432)
        self.assertIn(config["admin"]["listen"].partition(":")[2],
                      self.services["sluice"]["ports"][0])
        topic = self.services["topics"]["command"]
        self.assertEqual(topic[topic.index("--topic") + 1], config["ingest"]["orders"]["topic"])

    def test_kafka_says_where_it_is(self):
        settings = self.services["kafka"]["environment"]
        self.assert_serves(settings["KAFKA_ADVERTISED_LISTENERS"].partition("://")[2])
        for listener in settings["KAFKA_LISTENERS"].split(","):
            self.assertIn(listener.partition(":")[0] + ":PLAINTEXT",
                          settings["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))

    def test_prometheus_takes_its_file(self):
        file = FOLDER / "prometheus.yml"
        check = subprocess.run(["promtool", "check", "config", "--syntax-only", file],
                               capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stderr)
        config = load(file)
        mounted = {there for name, _, there in self.mounts() if name == "prometheus"}
        self.assertEqual(mounted, {"/etc/prometheus/prometheus.yml", *config["rule_files"]})
        for job in config["scrape_configs"]:
            for target in job["static_configs"][0]["targets"]:
                self.assert_serves(target)

    def test_grafana_finds_the_dashboard_and_its_data(self):
        mounted = {there for name, _, there in self.mounts() if name == "grafana"}
        for provider in load(FOLDER / "grafana/dashboards.yaml")["providers"]:
            self.assertIn(provider["options"]["path"] + "/sluice.json", mounted)
        source, = load(FOLDER / "grafana/datasources.yaml")["datasources"]
        self.assertEqual(source["type"], "prometheus")
        self.assert_serves(source["url"].partition("://")[2])


class Workflows(unittest.TestCase):
    """They run on GitHub alone; here it is only that what they call is there."""

    def test_what_they_call_is_there(self):
        main = (ROOT / "dev").read_text().partition("\nmain() {")[2]
        commands = re.findall(r"\w+", " ".join(re.findall(r"^    ([\w |]+)\)", main, re.MULTILINE)))
        for path in (ROOT / ".github" / "workflows").glob("*.yml"):
            workflow = load(path)
            jobs = workflow["jobs"]
            for name, job in jobs.items():
                needs = job.get("needs", [])
                for need in [needs] if isinstance(needs, str) else needs:
                    self.assertIn(need, jobs)
                for step in job["steps"]:
                    with self.subTest(path.name, job=name, step=step.get("name")):
                        self.assertEqual(("run" in step) + ("uses" in step), 1)
                        for command in re.findall(r"\./dev (\w+)", step.get("run", "")):
                            self.assertIn(command, commands)
                        for file in re.findall(r"(?<![\w./])(?:helm|packaging|tests)/[\w./]+",
                                               step.get("run", "")):
                            self.assertTrue((ROOT / file).exists(), file)


if __name__ == "__main__":
    sluice = sys.argv.pop(1)
    unittest.main()

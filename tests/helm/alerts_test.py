"""Alert rules by promtool, and whether rules and dashboard name what there is."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

import chart
import observing

CASES = chart.FOLDER / "alerts_test.yaml"


def promtool(*arguments, cwd=None):
    result = subprocess.run(["promtool", *map(str, arguments)], cwd=cwd, capture_output=True,
                            text=True)
    return result.returncode, result.stdout + result.stderr


class Alerts(unittest.TestCase):
    def test_promtool_takes_the_rules(self):
        code, said = promtool("check", "rules", observing.RULES)
        self.assertEqual(code, 0, said)

    def test_they_fire_when_they_should_and_only_then(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(observing.RULES, folder)
            shutil.copy(CASES, folder)
            code, said = promtool("test", "rules", CASES.name, cwd=folder)
        self.assertEqual(code, 0, said)

    def test_each_has_a_case_that_fires_and_one_that_does_not(self):
        fires, does_not = set(), set()
        for case in yaml.safe_load(CASES.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                (fires if check["exp_alerts"] else does_not).add(check["alertname"])
        names = {alert["alert"] for alert in observing.alerts()}
        self.assertEqual(fires, names)
        self.assertEqual(does_not, names)

    def test_each_has_a_runbook_that_exists(self):
        for alert in observing.alerts():
            page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
            with self.subTest(alert["alert"]):
                self.assertEqual(anchor, alert["alert"].lower())
                self.assertIn(anchor, observing.anchors(chart.ROOT / page))
                self.assertIn(alert["labels"]["severity"], ("warning", "critical"))

    def test_the_chart_carries_them_as_they_are(self):
        rules = chart.find(chart.render_values({"prometheusRule": {"enabled": True}}),
                           "PrometheusRule")["spec"]["groups"][0]["rules"]
        self.assertEqual(rules, observing.alerts())

    def test_the_chart_changes_what_it_is_told_to(self):
        rules = chart.find(chart.render("production"), "PrometheusRule")["spec"]["groups"][0]["rules"]
        self.assertTrue(all(rule["labels"]["team"] == "data" for rule in rules))
        changed = {rule["alert"]: rule["expr"] for rule in rules}["SluiceFreshnessBreached"]
        self.assertTrue(changed.endswith("> 60"))
        rules = chart.find(chart.render("everything"), "PrometheusRule")["spec"]["groups"][0]["rules"]
        self.assertNotIn("SluiceAbsent", {rule["alert"] for rule in rules})
        self.assertTrue(rules[0]["annotations"]["runbook_url"].startswith(
            "https://wiki.example.com/sluice/docs/operations.md#"))


class Names(unittest.TestCase):
    def test_rules_and_dashboard_use_documented_metrics(self):
        known = observing.documented_metrics()
        named = [(alert["alert"], alert["expr"]) for alert in observing.alerts()]
        for where, expression in named + observing.queries():
            with self.subTest(where):
                self.assertTrue(observing.metrics_in(expression))
                self.assertLessEqual(observing.metrics_in(expression), known)

    def test_the_dashboard_is_one(self):
        dashboard = observing.dashboard()
        self.assertEqual(dashboard["uid"], "sluice")
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        variables = [variable["name"] for variable in dashboard["templating"]["list"]]
        self.assertEqual(variables, ["datasource", "namespace", "pipeline"])
        for panel in observing.panels():
            with self.subTest(panel["title"]):
                self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                self.assertLessEqual(panel["gridPos"]["x"] + panel["gridPos"]["w"], 24)
                for target in panel["targets"]:
                    self.assertEqual(target["datasource"]["uid"], "${datasource}")
                    self.assertIn('$namespace"', target["expr"])

    def test_its_links_lead_back_to_it_with_what_it_knows(self):
        dashboard = observing.dashboard()
        [link] = next(panel for panel in dashboard["panels"]
                      if panel["title"] == "Pipelines")["fieldConfig"]["defaults"]["links"]
        variables = {variable["name"] for variable in dashboard["templating"]["list"]}
        self.assertTrue(link["url"].startswith("/d/" + dashboard["uid"] + "?"))
        named = re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", link["url"])
        self.assertEqual({a or b for a, b in named}, variables)

    def test_no_two_panels_overlap(self):
        taken = {}
        for panel in observing.dashboard()["panels"]:
            place = panel["gridPos"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, panel["title"])
                    taken[x, y] = panel["title"]


if __name__ == "__main__":
    unittest.main()

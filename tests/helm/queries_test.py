"""queries_test.py URL: every query of dashboard and alerts, put to the Prometheus at that address,
which scrapes a daemon at work. Each has to bring data, as soon as there can be any."""

import json
import sys
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import observing

prometheus = ""
PATIENCE = 40  # seconds, for all queries together; a rate needs two scrapes
# What Grafana fills in.
VARIABLES = {"$namespace": ".*", "$pipeline": ".*", "$__rate_interval": "5s"}
MADE_BY_THE_TEST = {"SluiceDeadLetters"}
deadline = 0.0


def ask(path, **arguments):
    url = f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from None


def setUpModule():
    while True:
        try:
            urllib.request.urlopen(f"{prometheus}/-/ready", timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def has_data(expression):
    """Within the patience. Not a number is no data: it is what a panel shows as empty."""
    while True:
        result = ask("query", query=expression)["result"]
        if any(sample["value"][1] != "NaN" for sample in result):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)


def is_calm(rule):
    quiet = rule["name"] in MADE_BY_THE_TEST or rule["state"] == "inactive"
    return rule["health"] != "unknown" and quiet


class Queries(unittest.TestCase):
    def test_every_panel_shows_something(self):
        for title, expression in observing.queries():
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            with self.subTest(title):
                self.assertTrue(has_data(expression), f"no data: {expression}")

    def test_every_series_that_an_alert_looks_at_is_there(self):
        for alert in observing.alerts():
            for selector in observing.selectors_in(alert["expr"]):
                with self.subTest(alert["alert"]):
                    self.assertTrue(has_data(selector), f"no data: {selector}")

    def test_prometheus_evaluates_the_alerts_and_none_fires_on_a_daemon_that_is_well(self):
        rules = ask("rules")["groups"][0]["rules"]
        self.assertEqual([rule["name"] for rule in rules],
                         [alert["alert"] for alert in observing.alerts()])
        # Before the first scrape there is no daemon to be seen, and what says so is pending.
        while not all(is_calm(rule) for rule in rules) and time.monotonic() < deadline:
            time.sleep(0.2)
            rules = ask("rules")["groups"][0]["rules"]
        for rule in rules:
            with self.subTest(rule["name"]):
                self.assertEqual(rule["health"], "ok", rule.get("lastError"))
                if rule["name"] not in MADE_BY_THE_TEST:
                    self.assertEqual(rule["state"], "inactive")


if __name__ == "__main__":
    prometheus = sys.argv.pop(1)
    deadline = time.monotonic() + PATIENCE
    unittest.main()

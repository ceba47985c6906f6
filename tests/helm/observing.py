"""Alert rules and dashboard, taken apart for the tests of this folder."""

import json
import re

import yaml

import chart

RULES = chart.CHART / "alerts" / "sluice.rules.yaml"
DASHBOARD = chart.CHART / "dashboards" / "sluice.json"
METRIC = re.compile(r"\b(?:sluice|process)_[a-z0-9_]+")


def alerts():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries():
    """(title of the panel, expression) of every query."""
    return [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def metrics_in(expression):
    """Names as in docs/metrics.md: a histogram's without what Prometheus appends."""
    without_labels = re.sub(r"\{[^}]*\}", "", expression)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(without_labels)}


def selectors_in(expression):
    """Its series by themselves: name and label matchers."""
    return re.findall(r"\b(?:sluice|process)_[a-z0-9_]+(?:\{[^}]*\})?", expression)


def documented_metrics():
    page = (chart.ROOT / "docs" / "metrics.md").read_text()
    return set(re.findall(r"^\| `([a-z0-9_]+)`", page, re.MULTILINE))


def anchors(page):
    """What Markdown's headings can be linked by."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}

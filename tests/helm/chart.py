"""The chart as helm renders it, for the tests of this folder."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
CHART = ROOT / "helm" / "sluice"
KUBERNETES = ["1.25.0", "1.30.0", "1.37.0"]  # the oldest that Chart.yaml takes, one between, newest
DAEMONS = ["default", "production", "everything", "existing"]
CASES = [*DAEMONS, "job", "cron"]


class Refused(Exception):
    """helm said no; the text is what it said."""


def helm(*arguments):
    result = subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        raise Refused(result.stderr + result.stdout)
    return result.stdout


def values_of(case):
    """The arguments for helm: each case is a file in values/, "default" is none."""
    return [] if case == "default" else ["--values", FOLDER / "values" / f"{case}.yaml"]


def render_text(case, *arguments, kubernetes=KUBERNETES[1]):
    return helm("template", "data", CHART, "--namespace", "shop", "--kube-version", kubernetes,
                *values_of(case), *arguments)


def render(case, *arguments, kubernetes=KUBERNETES[1]):
    text = render_text(case, *arguments, kubernetes=kubernetes)
    return [document for document in yaml.safe_load_all(text) if document]


def render_values(values):
    """With values given as a dictionary."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(values, file)
        file.flush()
        return render("default", "--values", file.name)


def notes(case):
    """NOTES.txt, which helm shows only where it has a cluster: rendered by way of a copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "sluice"
        shutil.copytree(CHART, copy)
        (copy / "templates" / "notes.yaml").write_text(
            "notes: {{ include (print $.Template.BasePath \"/NOTES.txt\") . | quote }}\n")
        text = helm("template", "data", copy, "--namespace", "shop", *values_of(case),
                    "--show-only", "templates/notes.yaml")
    return yaml.safe_load(text)["notes"]


def find(documents, kind, name=None):
    found = [document for document in documents if document["kind"] == kind
             and (name is None or document["metadata"]["name"] == name)]
    assert len(found) == 1, f"{len(found)} of kind {kind}, not one"
    return found[0]


def pod_specs(documents):
    """(what it is, pod metadata, pod spec) of everything that starts pods."""
    for document in documents:
        if document["kind"] == "Pod":
            yield document["kind"], document["metadata"], document["spec"]
        elif document["kind"] in ("StatefulSet", "Job", "CronJob"):
            spec = document["spec"]
            template = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]
            yield document["kind"], template["metadata"], template["spec"]


def is_hook(document, when=""):
    hook = document["metadata"].get("annotations", {}).get("helm.sh/hook")
    return hook is not None and when in hook


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def problems(sluice, file):
    """What sluice finds wrong with a configuration file before it asks Kafka or the database."""
    environment = {"POD_NAME": "sluice-0", "POD_IP": "10.0.0.7", "KAFKA_PASSWORD": "secret"}
    result = subprocess.run([sluice, "schema", "--config", file], env=environment,
                            capture_output=True, text=True)
    return result.stderr if result.returncode == 2 else ""

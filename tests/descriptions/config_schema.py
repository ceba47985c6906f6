"""The JSON Schema of the configuration beside all examples, and beside the loader: what the schema
refuses, the loader refuses as well, and no mistake in a key or a kind of value escapes it.
config_schema.py SLUICE SOURCE"""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import jsonschema

sluice = source = None
SECTIONS = {"kafka", "cloudberry", "daemon", "admin", "registry", "ingest", "outbox"}
ENVIRONMENT = {"POD_NAME": "sluice-0", "KAFKA_PASSWORD": "hidden", "REGISTRY_PASSWORD": "hidden",
               "SLUICE_TOKEN": "long enough for a token",
               "SLUICE_SQL_SECRET": "long enough for a secret, as it has to be"}
OWN_KEYS = {("columns",), ("headers",), ("ingest",), ("outbox",)}  # the user's
KINDS = [True, [1], 1.5, {"nonsense": 1}]
VALUES = ["nonsense of some words", 123456789012345]


def as_json(value):
    """TOML's times as their text."""
    if isinstance(value, dict):
        return {key: as_json(below) for key, below in value.items()}
    if isinstance(value, list):
        return [as_json(below) for below in value]
    return value if isinstance(value, (str, bool, int, float)) else value.isoformat()


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def blocks(file):
    """(first line, text) of the file's blocks of TOML, fragments among them."""
    text = (source / file).read_text()
    for block in re.finditer(r"^```toml[ a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield f"{file}:{text[:block.start()].count(chr(10)) + 2}", block[1]


def examples():
    for file in ["README.md", *sorted(f"docs/{page.name}" for page in (source / "docs").glob("*.md"))]:
        yield from blocks(file)
    packaged = (source / "packaging" / "sluice.toml").read_text()
    yield "packaging/sluice.toml", packaged
    keys = re.compile(r"^#(?=\[|[a-z_.]+ +=)", re.MULTILINE)
    yield "packaging/sluice.toml, all of it", keys.sub("", packaged)


def complete_example():
    found = [text for _, text in blocks("docs/configuration.md") if "[registry]" in text]
    return as_json(tomllib.loads(found[0]))


def tables_in(document, path=()):
    yield path
    for key, value in document.items():
        if isinstance(value, dict) and not value.keys() & {"env", "file"}:
            yield from tables_in(value, (*path, key))


def values_in(document, path=()):
    for key, value in document.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from values_in(value, (*path, key))


def without_required(schema):
    """For fragments."""
    if isinstance(schema, dict):
        return {key: without_required(below) for key, below in schema.items() if key != "required"}
    return [without_required(below) for below in schema] if isinstance(schema, list) else schema


def value_at(document, path):
    for key in path:
        document = document[key]
    return document


def changed(document, path, value):
    document = copy.deepcopy(document)
    table = document
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    return document


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        schema = json.loads(subprocess.check_output([sluice, "config-schema"]))
        jsonschema.Draft7Validator.check_schema(schema)
        cls.validator = jsonschema.Draft7Validator(schema)
        cls.of_fragments = jsonschema.Draft7Validator(without_required(schema))

    def refuses(self, document):
        return not self.validator.is_valid(document)

    def loader_refuses(self, document):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "sluice.toml"
            file.write_text("".join(f"{key} = {toml(part)}\n" for key, part in document.items()))
            result = subprocess.run([sluice, "check", "--offline", "--config", file],
                                    env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True)
        return result.returncode == 2

    def test_examples_fit(self):
        tried = 0
        for name, text in examples():
            with self.subTest(name):
                document = as_json(tomllib.loads(text))
                if document.keys() <= SECTIONS:
                    tried += 1
                    self.of_fragments.validate(document)
        self.assertGreater(tried, 20)

    def test_the_complete_example_is_one_to_both(self):
        self.validator.validate(complete_example())
        self.assertFalse(self.loader_refuses(complete_example()))

    def test_an_editor_takes_it(self):
        with tempfile.TemporaryDirectory() as folder:
            schema, file = Path(folder) / "sluice.schema.json", Path(folder) / "sluice.toml"
            schema.write_bytes(subprocess.check_output([sluice, "config-schema"]))
            text = dict(examples())["packaging/sluice.toml, all of it"]
            for broken, fits in {text: True, text.replace("topic =", "topc ="): False}.items():
                file.write_text("#:schema ./sluice.schema.json\n" + broken)
                for arguments in [["sluice.toml"], ["--schema", f"file://{schema}", "sluice.toml"]]:
                    check = subprocess.run(["taplo", "check", *arguments], cwd=folder,
                                           capture_output=True, text=True)
                    self.assertEqual(check.returncode == 0, fits, check.stdout + check.stderr)

    def test_an_unknown_key_is_refused_by_both(self):
        document = complete_example()
        for path in tables_in(document):
            if "properties" in path or path[-1:] in OWN_KEYS:
                continue
            with self.subTest(".".join(path)):
                wrong = changed(document, (*path, "nonsense"), 1)
                self.assertTrue(self.refuses(wrong))
                self.assertTrue(self.loader_refuses(wrong))

    def test_the_schema_is_no_stricter_than_the_loader(self):
        document = complete_example()
        for path in values_in(document):
            for value in VALUES + KINDS[:1]:
                wrong = changed(document, path, value)
                if self.refuses(wrong):
                    with self.subTest(".".join(path), value=value):
                        self.assertTrue(self.loader_refuses(wrong))

    def test_a_value_of_another_kind_is_refused_by_both(self):
        document = complete_example()
        tables = set(tables_in(document))
        for path in values_in(document):
            if "properties" in path or path[-1] in ("default", "env", "file"):
                continue
            for value in KINDS:
                if isinstance(value, dict) and path in tables:
                    continue
                if isinstance(value, bool) and isinstance(value_at(document, path), bool):
                    continue
                with self.subTest(".".join(path), value=value):
                    wrong = changed(document, path, value)
                    self.assertTrue(self.refuses(wrong))


if __name__ == "__main__":
    sluice, source = sys.argv.pop(1), Path(sys.argv.pop(1))
    unittest.main()

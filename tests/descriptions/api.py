"""A running daemon's admin server beside the OpenAPI that it serves. api.py URL TOKEN PIPELINE"""

import json
import sys
import time
import unittest
import urllib.error
import urllib.request

import jsonschema
import openapi_spec_validator

url = token = pipeline = None


def ask(method, path, shown=None):
    """(status, content type, body)"""
    headers = {"Authorization": f"Bearer {shown}"} if shown else {}
    request = urllib.request.Request(url + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["Content-Type"], answer.read().decode()


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.document = json.loads(ask("GET", "/openapi.json")[2])

    def check(self, method, path, asked, answer):
        """The answer is one that the document has for this status, of that type and shape."""
        status, content_type, body = answer
        responses = self.document["paths"][path][method.lower()]["responses"]
        self.assertIn(str(status), responses, body)
        response = responses[str(status)]
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        self.assertIn(content_type, response["content"], asked)
        if "json" not in content_type:
            return
        schema = {**response["content"][content_type]["schema"],
                  "components": self.document["components"]}
        jsonschema.Draft202012Validator(schema).validate(json.loads(body))

    def test_it_is_openapi(self):
        openapi_spec_validator.validate(self.document)

    def test_what_is_looked_at(self):
        deadline = time.monotonic() + 30
        while ask("GET", "/readyz")[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.1)  # a restart may not be over
        for path, methods in self.document["paths"].items():
            if "get" in methods:
                with self.subTest(path):
                    answer = ask("GET", path.replace("{name}", pipeline))
                    self.check("GET", path, path, answer)
                    self.assertEqual(answer[0], 200)

    def test_what_is_changed(self):
        for command, status in [("restart", 200), ("pause", 200), ("restart", 409), ("resume", 200),
                                ("retry-dead-letters", 202)]:
            path = f"/pipelines/{pipeline}/{command}"
            with self.subTest(path):
                answer = ask("POST", path, token)
                self.check("POST", f"/pipelines/{{name}}/{command}", path, answer)
                self.assertEqual(answer[0], status)
        self.check("POST", "/reload", "/reload", ask("POST", "/reload", token))

    def test_books(self):
        for name in (pipeline, "events"):
            path = f"/pipelines/{name}"
            deadline = time.monotonic() + 30
            answer = ask("GET", path)
            while "looked_at" not in answer[2] and time.monotonic() < deadline:
                time.sleep(0.1)  # until the database has answered
                answer = ask("GET", path)
            self.check("GET", "/pipelines/{name}", path, answer)
            books = json.loads(answer[2])
            self.assertEqual(books["problems"], [])
            self.assertGreater(len(books["batches"]), 0)
            if name == pipeline:
                self.assertEqual(sum(reason["count"] for reason in books["reasons"]), 2)
        self.check("GET", "/pipelines/{name}", "nobody", ask("GET", "/pipelines/nobody"))
        self.check("GET", "/history", "a year", ask("GET", "/history?span=year"))
        self.check("GET", "/history", "a day", ask("GET", "/history?span=day"))

    def test_what_is_refused(self):
        path = "/pipelines/{name}/pause"
        for name, shown, status in [(pipeline, "wrong", 401), ("nobody", token, 404)]:
            answer = ask("POST", path.replace("{name}", name), shown)
            self.check("POST", path, path, answer)
            self.assertEqual(answer[0], status)


if __name__ == "__main__":
    url, token, pipeline = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()

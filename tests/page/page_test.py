"""A running daemon's status page in Chromium, from a phone to wide, by keyboard and by axe-core.

page_test.py URL TOKEN FOLDER: pipelines ingest.orders (paused meanwhile), ingest.copies with dead
letters, ingest.weighed that is held, ingest.nightly outside of its times, and outbox.events; pictures
go into FOLDER."""

import base64
import importlib.util
import json
import pathlib
import subprocess
import sys
import time
import unittest
import urllib.request

import websocket

url = token = folder = None


def axe():
    # Without running the package itself: it would want Playwright.
    where = importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0]
    return (pathlib.Path(where) / "axe.min.js").read_text()


class Chromium:
    """One tab, by the DevTools protocol."""

    def __init__(self):
        profile = folder / "chromium"
        self.log = (folder / "chromium.log").open("w")
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             f"--user-data-dir={profile}", "--remote-debugging-port=0",
             "--remote-allow-origins=*", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=self.log)
        port_file = profile / "DevToolsActivePort"
        until(lambda: port_file.exists() and port_file.read_text().count("\n") >= 1, "Chromium")
        port = port_file.read_text().split("\n")[0]
        tabs = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=30))
        tab = next(tab for tab in tabs if tab["type"] == "page")
        self.socket = websocket.create_connection(tab["webSocketDebuggerUrl"], timeout=60)
        self.number = 0
        self.errors = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        # axe-core is not the page's own script, which alone may run there.
        self.call("Page.setBypassCSP", enabled=True)

    def close(self):
        self.call("Browser.close")
        self.socket.close()
        self.process.wait(30)
        self.log.close()

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message["result"]

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"]["description"])
        return result["result"].get("value")

    def resize(self, width, height, scheme="light"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, place):
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=f"{url}/{place}")
        until(lambda: self.run("Number(document.body && document.body.dataset.polls) > 0"), place)

    def press(self, key, text=None, **more):
        extra = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **extra, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, **more)

    def tab(self):
        self.press("Tab", windowsVirtualKeyCode=9)

    def enter(self):
        self.press("Enter", text="\r", windowsVirtualKeyCode=13)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def picture(self, name):
        height = self.run("document.documentElement.scrollHeight")
        size = {"x": 0, "y": 0, "width": self.run("innerWidth"), "height": height, "scale": 1}
        data = self.call("Page.captureScreenshot", clip=size, captureBeyondViewport=True)["data"]
        (folder / f"{name}.png").write_bytes(base64.b64decode(data))


def until(truth, what):
    deadline = time.monotonic() + 60
    while not truth():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chromium = Chromium()
        cls.axe = axe()

    @classmethod
    def tearDownClass(cls):
        cls.chromium.close()

    def tearDown(self):
        self.assertEqual(self.chromium.errors, [])

    def text(self, selector="body"):
        return self.chromium.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def shows(self, selector, part):
        until(lambda: part in (self.text(selector) or ""), f"{part} in {selector}")

    def pills(self):
        """(pipeline, word) of each card, from the first."""
        return self.chromium.run(
            "[...document.querySelectorAll('.card')].map((card) =>"
            " [card.dataset.pipeline, card.querySelector('.pill').innerText])")

    def focused(self):
        return self.chromium.run("document.activeElement.innerText || document.activeElement.id")

    def tab_to(self, wanted):
        for _ in range(60):
            if self.focused() == wanted:
                return
            self.chromium.tab()
        self.fail(f"the keyboard does not come to {wanted}")

    def check(self, name):
        """axe-core finds nothing, and nothing is wider than the screen."""
        for width, scheme in [(320, "light"), (768, "dark"), (1600, "light")]:
            with self.subTest(name, width=width, scheme=scheme):
                self.chromium.resize(width, 900, scheme)
                self.chromium.picture(f"{name}-{width}-{scheme}")
                self.assertLessEqual(
                    self.chromium.run("document.documentElement.scrollWidth"), width)
                self.chromium.run(self.axe + "; null")
                found = self.chromium.run(
                    "axe.run(document, {resultTypes: ['violations']}).then((r) =>"
                    " r.violations.map((v) => `${v.id}: ${v.nodes[0].html}"
                    " ${v.nodes[0].failureSummary}`))")
                self.assertEqual(found, [])
        self.chromium.resize(1280, 900)

    def test_overview(self):
        self.chromium.open("")
        self.shows("#pipelines", "public.outbox")
        self.check("overview")

    def test_a_pipeline_has_a_page(self):
        self.chromium.open("#ingest.copies")
        self.shows("#pipeline", "batch")
        for part in ("Partitions", "Last batches", "Dead letters", "Configuration in force",
                     "SluiceDeadLetters", "runs on", "batch.delay", "amount"):
            self.shows("#pipeline", part)
        self.check("pipeline")
        self.chromium.run("document.querySelector('details').open = true")
        self.shows("#pipeline", "cloudberry.dsn")
        self.assertNotIn(token, self.text())
        self.chromium.open("#outbox.events")
        self.shows("#pipeline", "marks_topic")
        self.check("outbox")
        self.chromium.open("#ingest.nobody")
        self.shows("#pipeline", "There is no pipeline ingest.nobody")

    def test_one_is_held_and_one_waits_for_its_time(self):
        self.chromium.open("")
        self.shows("#pipelines", "scheduled")
        words = dict(self.pills())
        self.assertEqual(words["ingest.weighed"], "held")
        self.assertEqual(words["ingest.nightly"], "scheduled")
        for name, word, part in [("weighed", "held", "max_rejects"),
                                 ("nightly", "scheduled", "schedule")]:
            self.chromium.open(f"#ingest.{name}")
            self.shows("#pipeline .pill", word)
            self.shows("#pipeline .reason", part)
            self.shows("#pipeline", "resume")
            self.check(word)

    def test_dead_letters_are_retried(self):
        self.chromium.open("#ingest.copies")
        self.shows("#pipeline", "retry dead letters")
        self.tab_to("retry dead letters")
        self.chromium.enter()
        self.shows("#ask", "retry dead letters of ingest.copies?")
        self.chromium.type(token)
        self.chromium.enter()
        self.shows("#pipeline", "0 loaded, 0 filtered, 2 stay dead letters")

    def test_a_day_is_drawn_as_well(self):
        self.chromium.open("")
        self.chromium.run("document.querySelector('input[value=day]').click()")
        until(lambda: self.chromium.run(
            "[...document.querySelectorAll('.card svg')].every("
            "(s) => s.getAttribute('aria-label').includes('last day'))"), "the day")

    def test_the_runbook_comes_along(self):
        self.chromium.open("#runbook/SluiceStuck")
        self.shows("#runbook", "SluiceAbsent")
        until(lambda: self.focused() == "SluiceStuck", "the chapter to have the focus")
        self.check("runbook")

    def test_by_keyboard_a_pipeline_is_paused_and_comes_first(self):
        self.chromium.resize(1280, 900)
        self.chromium.open("")
        self.shows("#pipelines", "orders")
        self.tab_to("orders")
        self.chromium.enter()
        until(lambda: self.focused() == "ingest.orders", "the page to have the focus")
        self.tab_to("pause")
        self.chromium.enter()
        self.shows("#ask", "pause ingest.orders?")
        self.check("dialog")
        self.assertEqual(self.focused(), "token")
        self.chromium.type("a wrong token 00")
        self.chromium.enter()
        self.shows("#ask", "this needs the token of [admin]")
        self.chromium.run("document.querySelector('#token').select()")
        self.chromium.type(token)
        self.chromium.enter()
        until(lambda: not self.chromium.run("document.querySelector('#ask').open"), "the dialog's end")
        self.shows("#pipeline .pill", "paused")
        self.shows("#pipeline", "SluicePaused")
        self.chromium.open("")
        until(lambda: [name for name, _ in self.pills()][:2] == ["ingest.weighed", "ingest.orders"],
              "it first, behind the one that is held")
        self.chromium.open("#ingest.orders")
        self.tab_to("resume")
        self.chromium.enter()
        self.chromium.press("Escape", windowsVirtualKeyCode=27)
        until(lambda: not self.chromium.run("document.querySelector('#ask').open"), "Escape")
        self.chromium.enter()
        self.chromium.type(token)
        self.chromium.enter()
        until(lambda: "paused" not in self.text("#pipeline .pill"), "it to go on")


if __name__ == "__main__":
    url, token, folder = sys.argv.pop(1), sys.argv.pop(1), pathlib.Path(sys.argv.pop(1))
    folder.mkdir(exist_ok=True)
    unittest.main()

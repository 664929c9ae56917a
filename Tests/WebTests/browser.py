#!/usr/bin/env python3
"""Opens a page in a headless Chromium and looks at it.

    browser.py failover URL DIRECTORY    the live page before, during and after a failover: prints "ready" when it
                                         shows a primary, "lost" when it shows that there is none
    browser.py restarted URL DIRECTORY   the live page of a proxy that was started again after a failover
    browser.py report FILE DIRECTORY     the HTML report of a time with a failover

Speaks the DevTools protocol over a pipe (no packages needed). Prints "done" at the end when all was well; otherwise
what was not, and exit status 1. DIRECTORY gets the pictures.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import time

PATIENCE = 60


class Browser:
    """One page of a Chromium of its own."""

    def __init__(self, profile):
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()

        def place_pipes():
            # The browser reads from 3 and writes to 4; first away from these numbers, then onto them.
            commands, answers = os.dup(to_browser), os.dup(from_browser)
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--hide-scrollbars", f"--user-data-dir={profile}", "--remote-debugging-pipe",
             "about:blank"],
            preexec_fn=place_pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.last = 0
        self.session = None
        self.complaints = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def receive(self):
        while b"\0" not in self.buffer:
            chunk = os.read(self.read_end, 1 << 20)
            if not chunk:
                raise RuntimeError("the browser has ended")
            self.buffer += chunk
        text, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(text)
        self.note(message)
        return message

    def note(self, message):
        """What a console would show in red, and requests to anywhere else."""
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {json.dumps(parameters['exceptionDetails'])}")
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(f"console: {json.dumps(parameters['args'])}")
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"log: {parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith(("data:", "about:", self.origin)):
                self.complaints.append(f"a request to {url}")

    origin = "about:"

    def open(self, url):
        self.origin = "/".join(url.split("/")[:3])
        self.call("Page.navigate", url=url)

    def ask(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, what):
        deadline = time.monotonic() + PATIENCE
        while not self.ask(expression):
            if time.monotonic() > deadline:
                said = self.ask("document.body.innerText")
                raise RuntimeError(f"{what}: not within {PATIENCE} s; the page says: {said}")
            time.sleep(0.02)

    def shape(self, width, height, is_dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}])
        # Two frames: the page has drawn itself anew.
        self.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def picture(self, path):
        height = self.ask("document.documentElement.scrollHeight")
        width = self.ask("innerWidth")
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        self.process.terminate()
        self.process.wait(20)


CHARTS = ("c-avail", "c-rate", "c-latency", "c-held")


def look(browser, faults, directory, kind, charts=CHARTS):
    """A page in two widths and two colours: nothing sticks out, nothing is empty, nothing is too small."""
    for width in (1280, 400):
        for is_dark in (False, True):
            browser.shape(width, 900, is_dark)
            browser.picture(directory / f"{kind}-{width}-{'dark' if is_dark else 'light'}.png")
            if browser.ask("document.documentElement.scrollWidth > innerWidth"):
                faults.append(f"at {width} pixels the page is wider than the window")
            for chart in charts:
                drawn = browser.ask(f"""
                    [...document.querySelectorAll('#{chart} svg path')].some(p => (p.getAttribute('d') || '').length)
                    && document.querySelector('#{chart} svg').getBoundingClientRect().width > 200""")
                if not drawn:
                    faults.append(f"at {width} pixels {chart} is empty")
            small = browser.ask("""
                [...document.querySelectorAll('body *')].filter(e => e.childElementCount === 0 && e.textContent
                    && e.getClientRects().length && parseFloat(getComputedStyle(e).fontSize) < 11)
                    .map(e => e.tagName + ' ' + e.textContent).slice(0, 5).join('; ')""")
            if small:
                faults.append(f"at {width} pixels too small to read: {small}")
            # Text that is hardly to be told from what it stands on (WCAG asks for 4.5 to 1; marks may do with less).
            pale = browser.ask(CONTRAST)
            if pale:
                faults.append(f"at {width} pixels, {'dark' if is_dark else 'light'}, too pale: {pale}")


CONTRAST = """(() => {
    const numbers = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
    const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => {
        const v = c[i] / 255;
        return sum + w * (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    }, 0);
    const behind = e => {
        for (; e; e = e.parentElement) {
            const c = numbers(getComputedStyle(e).backgroundColor);
            if (c.length && (c.length < 4 || c[3] > 0.5)) return c;
        }
        return [255, 255, 255];
    };
    const pale = [];
    for (const e of document.querySelectorAll('body *')) {
        if (e.closest('svg') || e.childElementCount || !e.textContent.trim() || !e.getClientRects().length) continue;
        const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 3) pale.push(e.tagName + ' ' + e.textContent.trim().slice(0, 30));
    }
    return pale.slice(0, 5).join('; ');
})()"""


def failover(browser, faults, url, directory):
    browser.shape(1280, 900)
    browser.open(url)
    browser.wait("document.getElementById('headline')?.textContent.startsWith('Primary is')", "a primary")
    # Some seconds of an hour, so that there is a before.
    browser.wait("document.querySelector('#c-rate .line')?.getAttribute('d').split('L').length > 3", "load")
    first = browser.ask("document.getElementById('headline').textContent")
    # The time before the first primary is not in the way of what is looked for.
    lost = browser.ask("document.querySelector('#c-avail .lost').getAttribute('d').split('M').length")
    print("ready", flush=True)
    browser.wait("document.getElementById('headline').textContent === 'No primary'", "the loss")
    browser.wait("Number(document.getElementById('t-held').textContent) > 0", "what is held")
    # A whole second of it; the charts' last one is what their captions say.
    browser.wait("document.querySelector('#c-avail .readout').textContent.includes('5 of 5 users affected')"
                 " && document.querySelector('#c-held .readout').textContent.endsWith('5 held')", "the chart")
    browser.picture(directory / "dashboard-outage.png")
    print("lost", flush=True)
    browser.wait("document.getElementById('headline').textContent.startsWith('Primary is')", "the next primary")
    if browser.ask("document.getElementById('headline').textContent") == first:
        faults.append("the primary has not changed")
    browser.wait("Number(document.getElementById('t-held').textContent) === 0", "the release")
    browser.wait(FAILOVER, "the outage")
    browser.ask("document.querySelector('[data-range=\"300\"]').click()")
    browser.wait(f"document.querySelector('#c-avail .lost').getAttribute('d').split('M').length > {lost}", "a bar")
    for name in ("without", "served"):
        browser.wait(f"document.querySelector('#c-avail .{name}')?.getAttribute('d').length > 0", f"the {name}")
    # A page that is opened now knows the hour before it.
    browser.call("Page.reload")
    browser.wait("document.querySelector('#c-avail .lost')?.getAttribute('d').length > 0", "the hour before")
    browser.ask("document.getElementById('sessions').open = true")
    browser.wait("document.querySelectorAll('#sessions tbody tr').length > 0", "the sessions")
    browser.ask("document.querySelector('[data-range=\"300\"]').click()")
    look(browser, faults, directory, "dashboard")


FAILOVER = """[...document.querySelectorAll('#outages tbody tr:not(.now)')].filter(
    row => row.innerText.includes('cluster1 \u2192 cluster2')).length === 1"""


def restarted(browser, faults, url, directory):
    """What was before the start is from the log."""
    browser.shape(1280, 900)
    browser.open(url)
    browser.wait("document.getElementById('headline')?.textContent.startsWith('Primary is')", "a primary")
    browser.wait(FAILOVER, "the outage of the run before")
    browser.ask("document.querySelector('[data-range=\"300\"]').click()")
    browser.wait("document.querySelector('#c-avail .lost')?.getAttribute('d').length > 0", "the bar of the run before")
    browser.wait("document.querySelector('#c-rate .line')?.getAttribute('d').split('L').length > 5", "its load")
    look(browser, faults, directory, "restarted")


def report(browser, faults, url, directory):
    browser.shape(1280, 900)
    browser.open(pathlib.Path(url).resolve().as_uri())
    browser.wait("document.readyState === 'complete' && document.querySelectorAll('svg').length >= 4", "four charts")
    # The failover: users affected in the chart by second, and a bar of its own that is made of phases.
    for name, least in (("answered", 3), ("held", 1), ("lost", 1)):
        count = browser.ask(f"document.querySelectorAll('svg .{name}').length")
        if count < least:
            faults.append(f"there are {count} shapes of class {name}, not {least} or more")
    text = browser.ask("document.body.innerText")
    for words in ("cluster1", "cluster2", "PUM", "AST", "99.9"):
        if words not in text:
            faults.append(f"the report does not say {words}")
    look(browser, faults, directory, "report", charts=())
    wide = browser.ask("[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().width < 300).length")
    if wide:
        faults.append(f"{wide} charts are too narrow to be read")


def main():
    mode, url, directory = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    directory.mkdir(parents=True, exist_ok=True)
    faults = []
    browser = Browser(directory / f"profile-{mode}")
    try:
        {"failover": failover, "restarted": restarted, "report": report}[mode](browser, faults, url, directory)
        faults += browser.complaints
    except RuntimeError as error:
        faults += browser.complaints + [str(error)]
    finally:
        browser.close()
    for fault in faults:
        print(fault)
    if faults:
        return 1
    print("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())

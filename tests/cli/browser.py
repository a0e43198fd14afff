"""A page in Debian's chromium, controlled over pipes, so that no test opens a socket."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")

OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # chromium has no sandbox for root, as which tests run in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
)

PATIENCE = 60
"""Seconds within which chromium answers, also on a busy machine."""


class Page:
    """One page; its events are kept in `events` by name."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._rest, self._number, self._session = b"", 0, ""
        self.events: dict[str, list[dict[str, Any]]] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> Any:
        """Call a method of the Chrome DevTools Protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda message: message.get("id") == self._number)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, file: Path) -> None:
        """Load `file` and wait until it is complete."""
        self.call("Page.navigate", url=file.as_uri())
        if not self.events.get("Page.loadEventFired"):
            self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def value(self, script: str) -> Any:
        """Evaluate JavaScript."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def media(self, *, scheme: str = "light", medium: str = "screen") -> None:
        """Show the page as in a dark or light scheme, on a screen or on paper."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", media=medium, features=[feature])

    def _until(self, wanted: Any) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            while b"\0" not in self._rest:
                part = os.read(self._from, 1 << 20)
                assert part, "chromium has ended"
                self._rest += part
            text, _, self._rest = self._rest.partition(b"\0")
            message: dict[str, Any] = json.loads(text)
            if "method" in message:
                self.events.setdefault(message["method"], []).append(message["params"])
            if wanted(message):
                return message
        raise AssertionError("chromium does not answer")


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Start chromium with an empty profile and yield a page."""
    read_by_it, to_browser = os.pipe()
    from_browser, written_by_it = os.pipe()
    pipes = (read_by_it, written_by_it)
    start = f'exec "$0" "$@" 3<&{read_by_it} 4>&{written_by_it}'  # the numbers that chromium expects
    command = ["bash", "-c", start, str(CHROMIUM), *OPTIONS, f"--user-data-dir={profile}"]
    own = {"PATH": os.environ["PATH"], "HOME": str(profile)}
    started = subprocess.Popen(command, pass_fds=pipes, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for pipe in pipes:
        os.close(pipe)
    try:
        yield Page(to_browser, from_browser)
    finally:
        started.terminate()
        started.wait(PATIENCE)
        os.close(to_browser)
        os.close(from_browser)

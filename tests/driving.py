"""A headless Chromium that is driven as a person drives one: keys, windows, a look at what is shown.

with Browser(folder) as browser:
    browser.open(url); browser.press("1"); browser.value("document.title"); browser.picture(path, width=390, dark=True)
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-port=0",
)


def program() -> str:
    """The browser; the test is skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium here; .ci/run installs it where it may")
    return found


class Browser:
    """One window, with cookies of its own, in the protocol of Chromium's own tools."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        command = [program(), *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = folder / "DevToolsActivePort"
        until(lambda: port.exists() and len(port.read_text().splitlines()) == 2, 30)
        self.number = 0
        self.logged: list[str] = []
        self.loop.run_until_complete(self._connect(int(port.read_text().splitlines()[0])))

    async def _connect(self, port: int) -> None:
        self.session = aiohttp.ClientSession()
        async with self.session.get(f"http://127.0.0.1:{port}/json/list") as got:
            pages = [p for p in await got.json(content_type=None) if p["type"] == "page"]
        self.socket = await self.session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self._send(f"{domain}.enable", {})

    async def _send(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        self.number += 1
        await self.socket.send_json({"id": self.number, "method": method, "params": given})
        while True:
            message = json.loads((await self.socket.receive(timeout=30)).data)
            if message.get("method") == "Log.entryAdded":
                entry = message["params"]["entry"]
                self.logged += [entry["text"]] * (entry["source"] != "network")  # a server that was killed is no slip
            if message.get("id") == self.number:
                assert "error" not in message, message
                found: dict[str, Any] = message["result"]
                return found

    def send(self, method: str, **given: Any) -> dict[str, Any]:
        """Call `method` of the protocol."""
        return self.loop.run_until_complete(self._send(method, given))

    def open(self, url: str) -> None:
        """Go to `url`, as if it was typed in, in a window as it was at first."""
        self.size(1280)
        self.dark(False)
        self.logged.clear()
        self.send("Page.navigate", url=url)

    def value(self, code: str) -> Any:
        """What `code` comes to on the page."""
        return self.send("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)["result"].get(
            "value"
        )

    def shows(self, text: str, seconds: float = 10) -> None:
        """Wait until `text` can be read on the page."""
        until(lambda: text in (self.value("document.body ? document.body.innerText : ''") or ""), seconds, text)

    def press(self, key: str) -> None:
        """Press a key: a character, or a name as ArrowLeft; not faster than a person could have read."""
        time.sleep(0.2)
        text = {"text": key} if len(key) == 1 else {}
        code = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Escape": 27}.get(
            key, ord(key[0].upper())
        )
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def size(self, width: int, height: int = 800) -> None:
        """Give the window a size, in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def dark(self, is_dark: bool) -> None:
        """Ask for dark colours, or light ones."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=scheme)

    def picture(self, path: Path) -> bytes:
        """What is shown, as a PNG at `path`."""
        data = base64.b64decode(self.send("Page.captureScreenshot")["data"])
        path.write_bytes(data)
        return data

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        async def leave() -> None:
            await self.socket.close()
            await self.session.close()

        self.loop.run_until_complete(leave())
        self.loop.run_until_complete(asyncio.sleep(0.05))
        self.loop.close()
        self.process.kill()
        self.process.wait()


def until(true: Any, seconds: float, what: str = "it") -> None:
    """Wait until `true()`."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not come in {seconds} s"
        time.sleep(0.05)

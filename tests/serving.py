"""An OpenAI-compatible server over a real socket, in a thread of its own, that counts what it is asked and fails on demand.

    with Served() as server:                            answers "answer to DIGEST of the messages, seed, temperature"
        open_model("m", base_url=server.url, ...)
        server.asked                                    bodies of the chat completions it received, in order

    Served(lambda body: "yes")                          what to answer, from the body
    Served(faults={0: "500", 3: "stall"})               by the number of the request, from 0, over all that come
    Served(faults=lambda number, body: "half" if "x" in body["messages"][-1]["content"] else None)
    Served(delay=0.05)                                  seconds before each answer

Faults: FAULTS below, "wait:SECONDS" (429 with Retry-After), "status:CODE", "status:CODE:MESSAGE". From a shell, as a process
of its own: `python tests/serving.py [--delay S] [--port N]` prints its port; GET /asked says how often it was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import json
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

Answer = Callable[[dict[str, Any]], str]
Faults = Mapping[int, str] | Callable[[int, dict[str, Any]], str | None]

FAULTS = {
    "stall": "takes the request and says nothing",
    "drip": "sends a byte every 50 ms",
    "reset": "closes the connection instead of answering",
    "half": "sends half the body it announced",
    "cut": "sends half of the JSON, announced as all of it",
    "malformed": "sends what is no JSON",
    "list": "sends JSON that is no object",
    "no choices": "sends JSON without choices",
    "empty": "sends an empty list of choices",
    "blank": "sends a choice with an empty text",
    "null": "sends a choice whose content is null",
    "html": "sends a web page with status 200",
    "html 502": "sends a web page with status 502",
    "large": "sends ten megabytes",
    "endless": "sends a body without an end",
    "prompt": "sends the last message back",
    "refusal": "says that it cannot help",
    "fickle": "says something else every time",
    "error 200": "sends an error with status 200",
    "no usage": "does not say how many tokens there were",
    "429": "says too many requests, and not for how long",
    "500": "says server error",
    "401": "does not take the key, and says it back",
    "404": "has no such model",
    "400": "does not take the request",
    "context": "says that the request is too long",
    "quota": "says that the account is used up",
    "redirect": "sends the client elsewhere",
    "garbage": "speaks no HTTP",
    "echo": "speaks no HTTP, and says the key back",
}

REFUSAL = "I'm sorry, but I can't help with that."

_MESSAGES = {
    429: "Rate limit reached",
    500: "The server had an error",
    401: "Incorrect API key provided",
    404: "The model does not exist",
    400: "Invalid value for 'temperature'",
}


def closed_url() -> str:
    """A base URL where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def digest_answer(body: dict[str, Any]) -> str:
    """A text that depends on what was asked and how."""
    asked = [body["messages"], body.get("seed"), body.get("temperature")]
    return f"answer to {hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]}"


class Served:
    """The server; see the module."""

    def __init__(
        self, answer: Answer = digest_answer, *, faults: Faults | None = None, delay: float = 0.0, port: int = 0
    ) -> None:
        self._answer, self._delay, self._port = answer, delay, port
        planned = faults if isinstance(faults, Mapping) else {}
        self._faults = faults if callable(faults) else lambda number, body: planned.get(number)
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = self._at_once = 0
        self._numbers = itertools.count()

    def __enter__(self) -> Served:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=1 << 24)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        own = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not own]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._respond(first.split()[1], headers, body, writer):
                    break
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            writer.close()

    async def _respond(self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> bool:
        """One answer. False: the connection is to be closed."""
        if path == "/asked":
            writer.write(_http(200, json.dumps(len(self.asked)).encode()))
            return True
        if path == "/v1/models":
            models = {"object": "list", "data": [{"id": "stub", "object": "model", "max_model_len": 4096}]}
            writer.write(_http(200, json.dumps(models).encode()))
            return True
        asked = json.loads(body)
        number = next(self._numbers)
        self.asked.append(asked)
        self.headers.append(headers)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self._delay:
                await asyncio.sleep(self._delay)
            fault = self._faults(number, asked)
            return await self._fail(fault, number, asked, headers, writer) if fault else self._say(asked, writer)
        finally:
            self._at_once -= 1

    def _say(self, asked: dict[str, Any], writer: asyncio.StreamWriter, text: str | None = None) -> bool:
        writer.write(_http(200, json.dumps(_completion(asked, self._answer(asked) if text is None else text)).encode()))
        return True

    async def _fail(
        self, fault: str, number: int, asked: dict[str, Any], headers: dict[str, str], writer: asyncio.StreamWriter
    ) -> bool:
        """Do what `fault` says. False: the connection is to be closed."""
        whole = _completion(asked, self._answer(asked))
        sent = json.dumps(whole).encode()
        name, _, rest = fault.partition(":")
        bodies: dict[str, bytes] = {
            "cut": sent[: len(sent) // 2],
            "malformed": b"Sure! Here is your answer.",
            "list": b"[1, 2]",
            "no choices": b'{"id": "x"}',
            "empty": json.dumps(whole | {"choices": []}).encode(),
            "null": json.dumps(_completion(asked, None)).encode(),
            "html": b"<!doctype html><title>Please log in</title>",
            "error 200": b'{"error": {"message": "upstream is overloaded", "code": 503}}',
            "no usage": json.dumps({k: v for k, v in whole.items() if k != "usage"}).encode(),
        }
        texts = {
            "blank": "",
            "prompt": str(asked["messages"][-1]["content"]),
            "refusal": REFUSAL,
            "fickle": f"this is what I say the {number}th time",
        }
        if name in bodies:
            writer.write(_http(200, bodies[name]))
        elif name in texts:
            return self._say(asked, writer, texts[name])
        elif name == "large":
            start, _, end = json.dumps(_completion(asked, "ten megabytes")).partition("ten megabytes")
            writer.write(_http(200, start.encode() + b"ten megabytes " * 750_000 + end.encode()))
        elif name == "stall":
            await asyncio.sleep(3600)
        elif name == "drip":
            for byte in _http(200, sent):
                writer.write(bytes([byte]))
                await asyncio.sleep(0.05)
        elif name == "half":
            writer.write(_http(200, sent)[: -len(sent) // 2])
            return False
        elif name == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            while True:
                writer.write(b" " * 65536)
                await writer.drain()
        elif name == "garbage":
            writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
            return False
        elif name == "echo":
            writer.write(f"HTTP/1.1 {headers.get('authorization')}\r\n\r\n".encode())
            return False
        elif name == "reset":
            return False
        elif name == "html 502":
            writer.write(_http(502, b"<html><h1>502 Bad Gateway</h1></html>"))
        elif name == "wait":
            writer.write(_http(429, _error("Rate limit reached"), {"Retry-After": rest}))
        elif name == "redirect":
            writer.write(_http(307, b"", {"Location": "http://elsewhere.invalid/v1/chat/completions"}))
        elif name == "context":
            writer.write(_http(400, _error("This model's maximum context length is 4096 tokens.")))
        elif name == "quota":
            writer.write(_http(429, json.dumps({"error": {"code": "insufficient_quota"}}).encode()))
        else:
            status, _, message = (rest if name == "status" else name).partition(":")
            said = message or _MESSAGES.get(int(status), "no")
            if status == "401":
                said += f": {headers.get('authorization', '').removeprefix('Bearer ')}"
            writer.write(_http(int(status), _error(said)))
        return True


def _completion(asked: dict[str, Any], text: str | None) -> dict[str, Any]:
    words = sum(len(str(m["content"]).split()) for m in asked["messages"])
    out = len((text or "").split())
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": f"{asked.get('model')}-2026",
        "choices": [choice],
        "usage": {"prompt_tokens": words, "completion_tokens": out, "total_tokens": words + out},
        "system_fingerprint": "fp_stub",
    }


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "error"}}).encode()


def _http(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    kind = "text/html" if body[:1] == b"<" else "application/json"
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _alone(delay: float, port: int) -> None:
    server = Served(delay=delay, port=port)
    await server.start()
    print(server.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(_alone(given.delay, given.port))

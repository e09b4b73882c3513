"""What tests of reviews share: answers, an export of them, and a server in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from making import write_lines

from tamis.judge.review import answers, draw, export, form, open_key, pick, read_gold
from tamis.judge.review.export import Export
from tamis.judge.review.key import Key
from tamis.judge.review.room import Room
from tamis.judge.review.serve import serve

MODELS = ("opal-9b", "quartz-70b", "topaz-mini")


def answered(items: int, models: Sequence[str] = MODELS) -> list[dict[str, Any]]:
    """A row for each answer, all of them different."""
    return [
        {"item_id": f"q{k}", "model": m, "prompt": f"Question {k}?", "answer": f"{n} of {k}"}
        for k in range(items)
        for n, m in enumerate(models)
    ]


GOLD = [{"prompt": f"{k} + 1?", "answer_a": f"{k + 1}", "answer_b": f"{k + 5}", "label": "a"} for k in range(4)]


def exported(
    folder: Path,
    rows: Iterable[dict[str, Any]] | None = None,
    kind: Any = "pair",
    gold: Sequence[dict[str, Any]] = (),
    limit: int = 100,
    repeats: float = 0.0,
    seed: int = 0,
    **how: Any,
) -> Export:
    """An export of `rows` to the folder `review` in `folder`."""
    texts = answers([write_lines(folder / "answers.jsonl", answered(6) if rows is None else rows)])
    asked = form(kind, criteria=how.pop("criteria", ()))
    known = read_gold(write_lines(folder / "gold.jsonl", gold), asked, texts) if gold else []
    picks = pick(texts, kind, None, None, True, seed).picks[:limit]
    models = sorted({m for own in texts.texts.values() for m in own})
    return export(draw(picks, texts, known, repeats, seed), asked, folder / "review", models=models, **how)


def lines(key: Key, rater: str, say: Any, **more: Any) -> list[dict[str, Any]]:
    """A line for each task: `say` gives label or scores from the entry in the key."""
    name = "label" if key.form.kind == "pair" else "scores"
    return [{"task": t, "export": key.export, "rater": rater, name: say(e), **more} for t, e in key.tasks.items()]


def prefers(model: str) -> Any:
    """Says the place of `model`, or of the right answer; else a tie."""

    def say(entry: Any) -> str:
        wanted = {"a": "a", "b": "b"}.get(str(entry.gold)) or ("a" if entry.model_a == model else "b")
        if entry.gold is None and model not in (entry.model_a, entry.model_b):
            return "tie"
        return "first" if (wanted == "a") == (entry.order == "ab") else "second"

    return say


def key_of(made: Export) -> Key:
    """The key, read back."""
    return open_key(made.key_path)


class Serving:
    """`tamis review serve` in a process of its own: `address` of each rater; `kill` leaves no time for anything."""

    def __init__(self, folder: Path, *raters: str, port: int = 0, more: Sequence[str] = ()) -> None:
        named = [word for rater in raters for word in ("--rater", rater)]
        command = [sys.executable, "-m", "tamis", "review", "serve", str(folder), "--port", str(port), *named, *more]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ}
        )
        assert self.process.stdout is not None
        self.address: dict[str, str] = {}
        self.said = ""
        while not self.said.endswith("where it stopped\n"):
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
            if found := re.match(r"(.*), \d+ answered: (http://\S+)", line):
                self.address[found[1]] = found[2]
        self.port = int(re.search(r":(\d+)/", self.said)[1])  # type: ignore[index]
        self.token = {rater: url.partition("token=")[2] for rater, url in self.address.items()}

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Hosted:
    """The same page from a thread of this process, which starts sooner and cannot be killed."""

    def __init__(self, folder: Path, *raters: str, log: str = "labels.jsonl", conflicts: Path | None = None) -> None:
        self.room = Room(folder, folder / log, raters, conflicts)
        self.token = {rater: self.room.token(rater) for rater in raters}
        self.port, self.loop, self.ready = 0, asyncio.new_event_loop(), threading.Event()
        self.task = self.loop.create_task(serve(self.room, 0, self._at))
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        self.ready.wait(10)
        self.address = {r: f"http://127.0.0.1:{self.port}/enter?token={token}" for r, token in self.token.items()}

    def _at(self, port: int) -> None:
        self.port = port
        self.ready.set()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self.task)

    def __enter__(self) -> Hosted:
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.thread.join()
        self.loop.close()
        self.room.log.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])


def saved(path: Path) -> list[dict[str, Any]]:
    """The lines of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

"""Training in a process of its own: threads are set before torch is there, and what kills it kills nothing else.

To it   {"call": "train", "job": {…}, "resume": false}        one line, then its input stays open while we live
From it {"plan": {…}}  {"step": [3, 60, 1.25]}  {"done": {…}}  {"error": ["RunError", "step 4 of 60: loss is nan, …"]}
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tamis
from tamis import errors
from tamis.errors import RunError, TamisError
from tamis.train.environment import environment
from tamis.train.settings import Settings
from tamis.train.words import out_of_memory

Told = Callable[[str, Any], Any]
"""Told what came from the process: `plan` with its facts, `step` with [done, of, loss]."""


_STARVED = ("MemoryError", "bad_alloc", "failed to map segment", "Cannot allocate memory")
"""What is left of a process that could not even say that its memory ran out."""


def apart(call: str, settings: Settings, told: Told | None = None, /, **given: Any) -> dict[str, Any]:
    """What `tamis.train.worker` makes of `call`, with as many threads as `settings` say.

    Raises what it raised; RunError where it was killed.
    """
    with tempfile.TemporaryFile() as errs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tamis.train.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errs,
            env=_environment(settings),
        )
        try:
            return _heard(process, {"call": call, **given}, told, settings, errs)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _environment(settings: Settings) -> dict[str, str]:
    """The same tamis as here, wherever it was imported from, and nothing else of this folder."""
    found = environment(settings.threads)
    above = str(Path(tamis.__file__).parents[1])
    known = [p for p in found.get("PYTHONPATH", "").split(":") if p]
    return {**found, "PYTHONPATH": ":".join([above, *known]), "PYTHONSAFEPATH": "1"}


def _heard(process: Any, asked: dict[str, Any], told: Told | None, settings: Settings, errs: Any) -> dict[str, Any]:
    process.stdin.write(json.dumps(asked).encode() + b"\n")
    process.stdin.flush()
    for line in process.stdout:
        said = json.loads(line)
        (name, value), *_ = said.items()
        if name == "done":
            found: dict[str, Any] = value
            return found
        if name == "error":
            raise _error(*value)
        if told:
            told(name, value)
    code = process.wait()
    if code == -signal.SIGKILL:
        raise RunError(f"the process that trained was killed, as a system does where {out_of_memory(settings)}")
    errs.seek(0)
    last = errs.read().decode("utf-8", "replace").strip()[-2000:]
    if any(words in last for words in _STARVED):
        raise RunError(out_of_memory(settings))
    raise RuntimeError(f"the process that trains ended with {code}:\n{last}")


def _error(kind: str, message: str) -> TamisError:
    found = getattr(errors, kind, RunError)
    own: TamisError = found.__new__(found)
    Exception.__init__(own, message)
    return own

"""hf:PATH[+ADAPTER]: a model on this machine, asked by lm-eval in a process of its own.

The process starts with threads, seeds and caches pinned, before torch is imported, and with the network turned off for
every library that would look at it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tamis.data.inputs import legible
from tamis.errors import InputError, RunError
from tamis.evaluate.answer import Answer
from tamis.evaluate.frozen import FrozenTask
from tamis.evaluate.suite import Settings
from tamis.models.adapter import demand_match
from tamis.models.weights import IDENTITY, demand_safetensors, folder_digest, identity, read_config

PINNED = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "PYTHONHASHSEED": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}


class Machine:
    """The model in the folder `path`, with `adapter` in front where there is one.

    device      cpu, cuda, or auto
    wall_limit  seconds that all answers may take; None: no limit
    """

    def __init__(
        self,
        path: Path,
        adapter: Path | None,
        settings: Settings,
        device: str = "auto",
        wall_limit: float | None = None,
    ) -> None:
        for folder in (path, adapter):
            if folder is not None and not folder.is_dir():
                raise InputError(f"there is no model at {folder}; hf: wants a folder as save_pretrained writes it")
            if folder is not None:
                _whole(folder)
        self._path, self._adapter, self._settings = path, adapter, settings
        self._device, self._limit = device, wall_limit
        self.model: dict[str, Any] = {"backend": "hf", "name": legible("+".join(p.name for p in (path, adapter) if p))}
        self.model |= identity(path)
        if adapter is not None:
            demand_safetensors(adapter)
            demand_match(adapter, path, weights=self.model["weights"])
            digest = folder_digest(adapter, IDENTITY["adapter"])
            self.model["adapter"] = f"sha256:{digest}"
        self._reads = settings.max_length or read_config(path).get("max_position_embeddings")
        self.varies: dict[str, Any] = {}
        self.numbers: dict[str, dict[str, float]] = {}
        """lm-eval's own, by task and metric, once all answers came."""

    def answers(self, tasks: list[FrozenTask]) -> Iterator[Answer]:
        """Answers as they come. Raises InputError and RunError with what the process said last."""
        for task in tasks:
            most = task.task.generation.max_tokens if task.task.generation else 0
            if isinstance(self._reads, int) and most >= self._reads:
                raise InputError(
                    f"{task.task.name}: max_tokens is {most}, and the model reads {self._reads} tokens, prompt included; freeze "
                    "the suite with fewer"
                )
        with tempfile.TemporaryDirectory(prefix="tamis-eval-") as scratch, open(Path(scratch) / "said", "w+b") as said:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tamis.evaluate.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=scratch,
                env=self._environment(scratch),
            )
            slow = threading.Event()

            def stop() -> None:
                slow.set()
                process.kill()

            timer = threading.Timer(self._limit, stop) if self._limit else None
            if timer:
                timer.start()
            try:
                yield from self._read(process, tasks)
                process.wait(60)  # it may still say why it ended
            except subprocess.TimeoutExpired:
                pass
            finally:
                if timer:
                    timer.cancel()
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with suppress(BrokenPipeError):
                            pipe.close()
            if slow.is_set():
                raise RunError(
                    f"not all was answered within {self._limit:g} s; what was is kept: go on with --resume, or raise --wall-limit"
                )
            if not self.varies:
                said.seek(0)
                said_last = _last(said.read())
                raise RunError(
                    f"the process that runs the model ended without all answers: {said_last}. What was answered is kept: --resume"
                )

    def _read(self, process: subprocess.Popen[bytes], tasks: list[FrozenTask]) -> Iterator[Answer]:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(self._job(tasks)).encode() + b"\n")
            process.stdin.flush()  # and stays open: when it closes, whoever asked is gone
        except BrokenPipeError:
            return  # it says why on its other pipe
        for line in process.stdout:
            told = json.loads(line)
            if "error" in told:
                raise InputError(told["error"])
            if "done" in told:
                self.numbers = told["done"].pop("results")
                self.varies = told["done"]
                return
            yield from _answers(told)

    def _job(self, tasks: list[FrozenTask]) -> dict[str, Any]:
        adapter = self._adapter and str(self._adapter.resolve())
        return {
            "model": {"path": str(self._path.resolve()), "adapter": adapter},
            "device": self._device if self._device != "auto" else _device(),
            "settings": self._settings.as_dict(),
            "tasks": [_task(task) for task in tasks],
        }

    def _environment(self, scratch: str) -> dict[str, str]:
        threads = str(self._settings.threads)
        own = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "HF_DATASETS_CACHE": f"{scratch}/datasets"}
        # A library that is found from the folder one happens to be in is none of ours.
        return {**os.environ, **PINNED, **own, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def _task(task: FrozenTask) -> dict[str, Any]:
    own = task.task
    docs = [
        {
            **{"item_id": i.item_id, "choices": i.choices, "right": i.right, "target": i.target},
            **{"prompt": r.prompt, "continuations": r.continuations},
        }
        for i, r in zip(task.items, task.requests, strict=True)
    ]
    told = {"name": own.name, "type": own.type, "delimiter": own.delimiter, "metrics": list(own.metrics)}
    return {**told, "generation": own.as_dict()["generation"], "docs": docs}


def _answers(told: dict[str, Any]) -> Iterator[Answer]:
    """One line of the process as answers: one of all its parts, or one for each repeat."""
    name, key, parts = told["task"], told["id"], told["parts"]
    if "ll" in parts[0]:
        cut = any(part["cut"] for part in parts)
        lls = [part["ll"] for part in parts]
        into, spent = (sum(part[k] for part in parts) if k in parts[0] else None for k in ("in", "ms"))
        yield Answer(name, key, 0, None, lls, truncated=cut, tokens_in=into, latency_ms=spent)
        return
    for repeat, part in enumerate(parts):
        yield Answer(
            name,
            key,
            repeat,
            part["text"],
            truncated=part["cut"],
            tokens_in=part.get("in"),
            tokens_out=part.get("out"),
            latency_ms=part.get("ms"),
        )


def _whole(folder: Path) -> None:
    """See that no file of weights is cut off, before minutes are spent on loading them. Raises InputError."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                there = path.stat().st_size
                header = json.loads(file.read(size)) if 0 < size < there else {"": {"data_offsets": [0, there]}}
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            wanted = 8 + size + max(ends, default=0)
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            wanted, there = -1, 0
        if wanted != there:
            raise InputError(f"{path} is cut off or damaged: it is no whole safetensors file; copy it or save it again")


def _device() -> str:
    """cuda where the driver is there; asked without importing torch in this process."""
    return "cuda" if Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/version").exists() else "cpu"


def _last(said: bytes) -> str:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return " | ".join(lines[-3:])[-600:] or "it said nothing"

"""One evaluation snapshot asked again: in another order, from another folder, by other numbers of processes. Is it the same report?

    python benchmarks/eval_same.py                 two minutes of CPU; exit code 1 where a byte differs

Each is `tamis eval run` as one types it. A model on this machine (tests/tiny.py), an endpoint (tests/weighing.py: a server of its
own for each run, at another port, with its answers late and out of order), and a file of stored answers.

    again      the same once more, in a process of its own, with another seed of Python's hashes
    order      stored answers with their lines shuffled; an endpoint that answers as it likes; on this machine a run that is ended
               in the middle and goes on with --resume, so that some of the answers come before the others
    folder     snapshot, model and answers copied elsewhere, asked from there
    processes  two runs at the same time, one with one thread for all libraries; at an endpoint, one request at once and sixteen
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measure import save, table

sys.path.append(str(Path(__file__).parents[1] / "tests"))

FILES = ("report.json", "report.md", "report.html", "junit.xml", "samples.parquet", "scores.parquet")
TAMIS = str(Path(sys.executable).with_name("tamis"))
ONE = {"POLARS_MAX_THREADS": "1", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}


def write(folder: Path) -> None:
    """The suite frozen, the model, and stored answers to it."""
    import suites
    from tiny import write_tiny

    from tamis.evaluate.freeze import freeze

    choose, sums, texts = suites.tasks()
    suite = suites.write_suite(folder / "suite", [choose, sums, texts])
    more = [{**row, "key": f"m{k}", "ask": f"What is {k} plus {k + 1}?"} for k, row in enumerate(suites.CHOICES * 5)]
    suites.write_rows(folder / "suite/choose.jsonl", more)
    rows = [{"id": k, "question": f"What is {k} plus 1?", "answer": f"#### {k + 1}"} for k in range(40)]
    suites.write_rows(folder / "suite/sums.jsonl", rows)
    freeze(suite, folder / "snap")
    write_tiny(folder / "tiny")
    own = random.Random(8)
    told: list[dict[str, Any]] = [
        {"task": "choose", "item_id": r["key"], "loglikelihoods": [-own.random() * 9 for _ in range(3)]} for r in more
    ]
    told += [{"task": "sums", "item_id": r["id"], "response": f"#### {own.randrange(40)}"} for r in rows]
    told += [{"task": "texts", "item_id": r["id"], "loglikelihoods": [-own.random() * 99]} for r in suites.TEXTS[:-1]]
    suites.write_rows(folder / "answers.jsonl", told)


@contextmanager
def served(folder: Path, late: bool) -> Iterator[str]:
    """An endpoint; late: each answer waits as long as its own text says, so that they come out of order."""
    from weighing import Weighing

    class Late(Weighing):
        async def _respond(self, path: str, headers: dict[str, str], body: bytes, writer: Any) -> bool:
            import asyncio

            if late:
                await asyncio.sleep(hashlib.sha256(body).digest()[0] / 2000)
            return await super()._respond(path, headers, body, writer)

    def said(asked: dict[str, Any]) -> str:
        return f"#### {len(asked['messages'][-1]['content']) % 7}"

    with Late(folder / "tiny", answer=said) as server:
        yield f"openai:{server.url}#tiny"


def command(folder: Path, model: str, output: Path, *more: str) -> list[str]:
    """`tamis eval run` of the snapshot in `folder`."""
    own = ["--device", "cpu"] if model.startswith("hf:") else []
    own += ["--responses", f"{output}.sqlite"] if model.startswith("openai:") else []
    return [TAMIS, "eval", "run", str(folder / "snap"), "--model", model, "-o", str(output), "--quiet", *own, *more]


def start(folder: Path, asked: list[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """The command under way, in `folder`."""
    pinned = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": str(random.randrange(1000))}
    return subprocess.Popen(
        asked, cwd=folder, env={**os.environ, **pinned, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Wait for it. Raises RuntimeError where it failed."""
    said, _ = process.communicate(timeout=900)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}\n{said.decode('utf-8', 'replace')[-2000:]}")


def stopped(folder: Path, output: Path) -> int:
    """A run on this machine that is ended in the middle and taken up again; how many answers came before."""
    asked = command(folder, "hf:tiny", output)
    for _ in range(5):
        shutil.rmtree(output, ignore_errors=True)
        process = start(folder, asked)
        while process.poll() is None and not any(p.stat().st_size > 2000 for p in output.glob("*")):
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        if process.returncode and not (output / "report.json").exists():
            end(start(folder, [*asked, "--resume"]))
            return int(json.loads((output / "run.json").read_bytes())["answers_of_an_earlier_run"])
    raise RuntimeError("five runs were done before they could be ended")


def runs(here: Path, there: Path, kind: str) -> dict[str, list[Path]]:
    """Folders of runs, by what is different about them."""
    found: dict[str, list[Path]] = {}

    def ask(
        name: str, folder: Path = here, late: bool = False, *more: str, env: Mapping[str, str] | None = None
    ) -> None:
        output = folder / f"run-{kind}-{name}"
        if kind == "openai":
            with served(folder, late) as model:
                end(start(folder, command(folder, model, output, *more), env))
        else:
            model = "hf:tiny" if kind == "hf" else "replay:answers.jsonl"
            end(start(folder, command(folder, model, output, *more), env))
        found.setdefault(name.partition("-")[0], []).append(output)

    ask("first")
    ask("again")
    if kind == "hf":
        came = stopped(here, here / "run-hf-order")
        print(f"  stopped after {came:,} answers", file=sys.stderr)
        assert came
        found["order"] = [here / "run-hf-order"]
    elif kind == "openai":
        ask("order", here, True)
    else:
        lines = (here / "answers.jsonl").read_text().splitlines(keepends=True)
        random.Random(1).shuffle(lines)
        (here / "other").mkdir()
        (here / "other/answers.jsonl").write_text("".join(lines))
        output = here / "run-replay-order"
        end(start(here, command(here, "replay:other/answers.jsonl", output)))
        found["order"] = [output]
    ask("folder", there)
    if kind == "openai":
        ask("processes-1", here, False, "--concurrency", "1", env=ONE)
        ask("processes-16", here, True, "--concurrency", "16")
    else:
        model = "hf:tiny" if kind == "hf" else "replay:answers.jsonl"
        both = [here / f"run-{kind}-processes-{k}" for k in range(2)]
        under_way = [start(here, command(here, model, o), ONE if k else None) for k, o in enumerate(both)]
        for process in under_way:
            end(process)
        found["processes"] = both
    return found


def main() -> None:
    """Write results/eval_same.json."""
    facts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
        here = Path(scratch) / "here"
        here.mkdir()
        write(here)
        there = shutil.copytree(here, Path(scratch) / "a folder/far below/another")
        for kind in ("replay", "openai", "hf"):
            found = runs(here, there, kind)
            digests = {
                name: [{f: hashlib.sha256((place / f).read_bytes()).hexdigest() for f in FILES} for place in places]
                for name, places in found.items()
            }
            (first,) = digests.pop("first")
            same = {name: all(one == first for one in own) for name, own in digests.items()}
            facts[kind] = {
                "report.json": first["report.json"],
                "runs": 1 + sum(map(len, digests.values())),
                "same": same,
            }
            if not all(same.values()):
                facts[kind]["differ"] = {
                    name: [f for f in FILES for one in own if one[f] != first[f]] for name, own in digests.items()
                }
            print(json.dumps({kind: facts[kind]}, indent=1), file=sys.stderr)
    save(__file__, facts)
    rows = [[k, str(v["runs"]), *("same" if s else "DIFFERS" for s in v["same"].values())] for k, v in facts.items()]
    print(table(("", "runs", "again", "order", "folder", "processes"), rows))
    sys.exit(0 if all(all(v["same"].values()) for v in facts.values()) else 1)


if __name__ == "__main__":
    main()

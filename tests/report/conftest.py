"""A run whose texts try to break out of the page, and what is needed to make others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import evaluated as made
import pyarrow as pa
import pytest
from judging import longer
from making import NASTY, recipe, sentences, write_lines
from serving import Served

import tamis
from tamis.evaluate.gates import read_gates
from tamis.evaluate.report import Beside
from tamis.judge.clerk import Asking
from tamis.judge.plan import Plan
from tamis.recipes.evaluating import tell
from tamis.recipes.judging import judge
from tamis.recipes.profile import Profile, profile
from tamis.report.profile import write

STAGES = ("own:Shout", {"quality.gopher@1": {"min_words": 20, "min_stop_words": 1}}, "own:Allergic", "exact@1")


@pytest.fixture(scope="session")
def sieve(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tamis.Run]:
    """Runs `stages` over rows (objects, or lines as bytes) in a folder of its own."""

    def call(rows: list[Any], *stages: Any, **head: Any) -> tamis.Run:
        folder = tmp_path_factory.mktemp("report")
        path = write_lines(folder / "in.jsonl", rows)
        return tamis.run(recipe(*(stages or STAGES), **head), path, folder / "run", engine="inline")

    return call


@pytest.fixture(scope="session")
def run(sieve: Callable[..., tamis.Run]) -> tamis.Run:
    """500 records of three sources, one of them NASTY in name and text; some kept, edited, dropped and set aside."""
    rows: list[Any] = sentences(500)
    for k, row in enumerate(rows):
        row["source"] = ["crawl", "books", NASTY][k % 3]
        if k % 3 == 2:
            row["text"] = NASTY + row["text"]
    rows[40]["text"] = NASTY + "the poison of a pill " * 20
    rows[60:60] = [b'{"text": "never ' + NASTY.encode(), b"\xff"]
    return sieve(rows)


@pytest.fixture(scope="session")
def page(run: tamis.Run) -> Path:
    """The page that the run wrote."""
    return run.path / "report.html"


@pytest.fixture(scope="session")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """The profile of rows whose texts, ids, sources and licences try to break out of its page; one is very long."""
    rows: list[Any] = sentences(300)
    for k, row in enumerate(rows[::3]):
        row.update(text=NASTY + row["text"], source=NASTY, license=NASTY, id=f"{NASTY}{k}")
    rows[4]["text"] = NASTY + "w" * 1_000_000
    rows[60:60] = [b'{"text": "never ' + NASTY.encode(), b"\xff"]
    path = write_lines(tmp_path_factory.mktemp("profiled") / "<b>in.jsonl", rows)
    return profile(path, sample=150)


@pytest.fixture(scope="session")
def profile_page(profiled: Profile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its page."""
    folder = tmp_path_factory.mktemp("profile_page")
    write(profiled, folder)
    return folder / "report.html"


@pytest.fixture(scope="session")
def judged_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a panel of two on three models; names, questions, answers and reasons try to break out of it."""
    folder = tmp_path_factory.mktemp("judged")
    rows = [
        {"item_id": f"{NASTY}{k}", "prompt": f"{NASTY}{k}?", "answer": NASTY + "w" * (k * n % 7), "model": model}
        for n, model in enumerate(("x", NASTY, "a-model-with-a-long-name-" * 3), 1)
        for k in range(9)
    ]
    path = write_lines(folder / "<b>answers.jsonl", rows)

    def first(body: Any) -> str:
        return json.dumps({"reasons": NASTY, "verdict": "A"})

    with Served(longer) as one, Served(first) as other:
        judges = [f"openai:{server.url}#j{k}" for k, server in enumerate((one, other))]
        plan = Plan([path], "pairwise", judges, Asking(structured="text"), probe=2)
        judge(plan, folder / "out", draws=20)
    return folder / "out/report.html"


@pytest.fixture(scope="session")
def evaluated_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an evaluation with all it can have; names, prompts, responses and categories try to break out of it."""
    folder = tmp_path_factory.mktemp("evaluated")
    names, metrics = (NASTY, "a-task-with-a-long-name-" * 4), ["exact_match", "f1"]
    rows = [
        {
            **made.sample(task, f"{NASTY}{k}"),
            "prompt": NASTY,
            "response": NASTY,
            "extracted": NASTY,
            "category": "\x01" * 40 + NASTY,
        }
        | {"target": "w" * 300, "status": "invalid" if k % 5 == 0 else "ok"}
        for task in names
        for k in range(40)
    ]
    keys = [(r["task"], r["item_id"], k) for k, r in enumerate(rows)]
    table = [{"eval": t, "id": i, "status": "dirty" if k % 7 else "clean", "run": 0.5} for t, i, k in keys]

    def results(name: str, every: int) -> Any:
        scores = [
            {"task": t, "item_id": i, "repeat": 0, "metric": m, "value": float(k % every == 0)}
            for t, i, k in keys
            for m in metrics
        ]
        tasks = [
            {"name": n, "type": "generation", "items": 40, "metrics": metrics, "primary": "exact_match"} for n in names
        ]
        return made.build(tasks, rows, scores, name)

    held = Beside(
        pa.Table.from_pylist(table),
        {"snapshot": made.SNAPSHOT, "ref": NASTY},
        results(NASTY, 2),
        read_gates({"max_regression": 0.1, "max_contaminated": 0.1, "max_invalid": 1}, "gates"),
    )
    tell(results(NASTY, 3), folder, held)
    return folder / "report.html"

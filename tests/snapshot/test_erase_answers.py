"""Erasing a seed takes what was made of it along: rows, lineage, requests, and the answers that were bought for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from making import recipe, write_lines
from scripted import inner
from serving import Served

from tamis.bench import Means
from tamis.models import Responses
from tamis.recipes.run import run
from tamis.runs import Run, verify
from tamis.snapshot.erase import erase
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.freeze import freeze
from tamis.snapshot.inherited import licences
from tamis.snapshot.select import match
from tamis.snapshot.store import Store

ADA = "ada@example.org"


def answer(body: dict[str, Any]) -> str:
    """Whatever is asked, in form; an instruction says back whose text it is for."""
    prompt = body["messages"][-1]["content"]
    if "Use this scale" in prompt:
        return json.dumps({"reason": "", "score": 3 if "weak" in prompt else 5})
    return f"What did they write of it in {list(inner(prompt))[-1].split()[-1]}?"


def chats(count: int) -> list[dict[str, Any]]:
    """Conversations, the first of Ada's; one in three is not to be sold."""
    return [
        {
            "id": f"c{k}",
            "text": f"{'weak ' * (k % 2)}This is what person {k} wrote of sieves, and signed {ADA if k == 0 else f'p{k}@x.org'}",
            "license": "CC-BY-NC-4.0" if k % 3 == 0 else "CC-BY-4.0",
        }
        for k in range(6)
    ]


def grown(folder: Path, **more: Any) -> tuple[Store, Snapshot, Run, Snapshot]:
    """A store with documents and pairs made of them."""
    (folder / "in").mkdir(parents=True)
    store = Store(folder / "store")
    store.make()
    source = write_lines(folder / "in/docs.jsonl", chats(6))
    first = run(recipe(), source, folder / "store/runs/docs", engine="inline")
    docs = freeze(first, folder / "store/docs/1.0.0")
    with Served(answer) as server:
        how = {"model": "m", "base_url": server.url, "structured": "schema", **more}
        plan = recipe({"synth.backtranslate@1": how}, "exact@1")
        means = Means(folder / "answers.sqlite")
        pairs = run(plan, docs.path / "data", folder / "store/runs/pairs", engine="inline", means=means)
    return store, docs, pairs, freeze(pairs, folder / "store/pairs/1.0.0", derived_from=[str(docs.path)])


def forget(cache: Path, keys: Any, texts: Any) -> int:
    kept = Responses(cache, make=False)
    try:
        return kept.forget(keys, texts)
    finally:
        kept.close()


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("answers.sqlite*")))


@pytest.mark.parametrize("passes", [1, 2])
def test_the_answers_bought_for_a_seed_go_with_it(tmp_path: Path, passes: int) -> None:
    # In a second pass the text of the seed stands in the prompts for others, as an example.
    store, _, pairs, _ = grown(tmp_path, passes=passes)
    assert ADA.encode() in everything(tmp_path)
    before = len(pairs._tables("lineage", None))
    done = erase(store, [match(f"text~{ADA}")], forget=forget)
    assert ADA.encode() not in everything(tmp_path)
    assert done.receipt["answers_removed"] > 0 and not done.receipt["residual"]["found"]
    made = Run(pairs.path)
    assert verify(made.path) == [] and made.rows["erased"] == 2
    for what in ("derived", "lineage", "requests", "data"):
        assert all(ADA.encode() not in path.read_bytes() for path in made.parts(what))
    assert before - len(made._tables("lineage", None)) == 1


def test_answers_for_others_stay(tmp_path: Path) -> None:
    store, _, _, _ = grown(tmp_path, passes=1)
    kept = Responses(tmp_path / "answers.sqlite")
    before = kept.totals()[0].answers
    erase(store, [match(f"text~{ADA}")], forget=forget)
    assert kept.totals()[0].answers == before - 2
    kept.close()


def test_without_a_way_to_forget_the_receipt_says_so(tmp_path: Path) -> None:
    store, _, _, _ = grown(tmp_path, passes=1)
    done = erase(store, [match(f"text~{ADA}")])
    assert "answers.sqlite: `tamis models prune` forgets them" in done.receipt["not_proved"][0]


def test_a_seed_under_nc_taints_what_was_made_of_it(tmp_path: Path) -> None:
    _, docs, _, pairs = grown(tmp_path, passes=1)
    found = {(g.declared, g.inherited) for g in licences(pairs, {docs.id: docs}.get).groups}
    assert ("CC-BY-NC-4.0", ("CC-BY-NC-4.0",)) in found
    assert {edge["snapshot"] for edge in pairs.lineage().to_pylist()} == {docs.id}

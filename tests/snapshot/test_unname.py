"""A source of which no record is left loses its name with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from naive_lineage import remains
from storing import frozen, person

from tamis.report import write
from tamis.runs import open_run, verify
from tamis.snapshot import Snapshot, select
from tamis.snapshot.erase import erase
from tamis.snapshot.store import Store
from tamis.snapshot.unname import applied, unnamed
from tamis.snapshot.verify import verify as verify_snapshot

BLOG = [select.source("alice-blog")]


def of(source: str, *numbers: int) -> list[dict[str, Any]]:
    return [{**person(k), "source": source} for k in numbers]


def test_a_source_that_is_erased_is_named_nowhere(tmp_path: Path) -> None:
    repeat = {**person(8), "text": person(1)["text"], "source": "alice-blog"}
    frozen(tmp_path, "docs", [*of("web", 1, 2), *of("alice-blog", 3, 4), repeat], "exact@1")
    store, run = Store(tmp_path / "store"), tmp_path / "store/runs/docs"
    done = erase(store, BLOG, report=write)
    assert done.receipt["residual"]["found"] == [] and remains(store.root, b"alice-blog") == []
    assert verify(run) == [] == verify_snapshot(store.resolve("docs")).findings
    assert open_run(run).facts["sources"] == [
        {"source": "erased-1", "in": 3, "kept": 2, "dropped": 1, "quarantined": 0},
        {"source": "web", "in": 2, "kept": 2, "dropped": 0, "quarantined": 0},
    ]
    evidence = json.loads(Snapshot(store.resolve("docs")).evidence("run.json") or b"")
    assert evidence["sources"] == open_run(run).facts["sources"]


def test_a_source_that_still_has_a_record_keeps_its_name(tmp_path: Path) -> None:
    frozen(tmp_path, "docs", [*of("web", 1, 2), *of("p3@example.org", 3, 4)])
    done = erase(Store(tmp_path / "store"), [select.match("meta.author.email=p3@example.org")])
    left = {(hit["file"], hit["column"]) for hit in done.receipt["residual"]["found"]}
    assert ("runs/docs/data/part-00000.parquet", "source") in left
    assert [s["source"] for s in open_run(tmp_path / "store/runs/docs").facts["sources"]] == ["p3@example.org", "web"]


def test_a_file_named_for_it_loses_its_name_where_no_id_hangs_on_it(tmp_path: Path) -> None:
    frozen(tmp_path, "alice-blog", [person(1)], to="docs/1.0.0")
    done = erase(Store(tmp_path / "store"), BLOG, all_records=True, report=write)
    assert "alice-blog" not in done.path.read_text() and any("….jsonl" in line for line in done.receipt["not_proved"])
    facts = open_run(tmp_path / "store/runs/alice-blog").facts
    assert facts["inputs"][0]["file"] == "erased-1.jsonl" and facts["varies"]["inputs"][0]["path"].endswith(
        "/erased-1.jsonl"
    )
    told = {hit["file"] for hit in done.receipt["residual"]["found"] if "by name" not in hit["what"]}
    assert told == {"docs/1.0.0/snapshot.json", next(t for t in told if t.startswith(".tamis/runs/"))}


NAMES = st.lists(st.sampled_from(["a", "alice", "alice-2", "bob", "erased-1", "erased-2"]), unique=True, min_size=1)


@given(NAMES, st.sampled_from(["a", "alice", "bob", "zoe"]), st.sets(st.sampled_from(["alice", "bob"])))
@settings(max_examples=60)
def test_tallies_stay_and_names_stay_different(sources: list[str], value: str, stay: set[str]) -> None:
    facts = {"sources": [{"source": name, "in": k} for k, name in enumerate(sources)]}
    done = applied(facts, unnamed(facts, [value], stay))["sources"]
    after = [s["source"] for s in done]
    assert [s["in"] for s in done] == list(range(len(sources))) and len(set(after)) == len(after)
    assert all(new == old or (value in old and old not in stay) for old, new in zip(sources, after, strict=True))
    assert not any(value in name for name in after if name not in stay and not name.startswith("erased-"))

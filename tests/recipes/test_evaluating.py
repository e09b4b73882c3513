"""A run held against the snapshot that its model was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from storing import frozen
from suites import write_rows, write_suite

from tamis.errors import GateError, InputError
from tamis.evaluate.freeze import freeze
from tamis.evaluate.frozen import open_eval
from tamis.recipes.evaluating import beside, overlap
from tamis.snapshot import Snapshot

WORDS = [f"{sound}{end}" for sound in ("bra", "del", "fox", "jul") for end in ("vo", "ta", "trot", "iett")]
ITEMS = [
    {"id": f"i{k}", "question": " ".join(f"{word}{k}" for word in WORDS) + "?", "answer": f"answer{k}"}
    for k in range(80)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 items frozen at `snap`, answers to them all, and a training snapshot with the first 20 of them in it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "in").mkdir()
    write_rows(folder / "in/long.jsonl", ITEMS)
    task = {"name": "long", "type": "generation", "data": "long.jsonl", "metrics": ["exact_match"]}
    freeze(write_suite(folder / "in", [task]), folder / "snap")
    write_rows(folder / "right.jsonl", [{"task": "long", "item_id": i["id"], "response": i["answer"]} for i in ITEMS])
    rows = [
        {"id": f"d{k}", "text": f"Somebody asked: {i['question']} And somebody said {i['answer']}."}
        for k, i in enumerate(ITEMS[:20])
    ]
    frozen(folder, "docs", [*rows, {"id": "other", "text": "nothing of it " * 20}])
    return folder


def trained(folder: Path) -> Snapshot:
    return Snapshot(folder / "store/docs/1.0.0")


def test_a_report_says_what_its_model_was_trained_on(
    folder: Path, tmp_path: Path, tamis: Callable[..., tuple[int, str]]
) -> None:
    snapshot = trained(folder)
    (tmp_path / "gates.yaml").write_text(
        f"dataset: {snapshot.id}\nmax_contaminated: 0.2\ntasks: {{long: {{min: 1, on: clean}}}}\n"
    )
    given = ("--train", snapshot.path, "--gates", tmp_path / "gates.yaml", "-o", tmp_path / "run", "--quiet")
    code, _ = tamis("eval", "run", folder / "snap", "--model", f"replay:{folder / 'right.jsonl'}", *given)
    facts = json.loads((tmp_path / "run/report.json").read_text())
    assert facts["training"] == {"snapshot": snapshot.id, "ref": "docs@1.0.0"}
    assert facts["tasks"][0]["contamination"]["items"] == {"clean": 60, "dirty": 20, "too_short": 0, "unknown": 0}
    assert [gate["found"] for gate in facts["gates"]] == [snapshot.id, 1.0, 0.25]
    assert code == 1 and [gate["state"] for gate in facts["gates"]] == ["passed", "passed", "failed"]
    again = tamis("eval", "gate", tmp_path / "run", "--gates", tmp_path / "gates.yaml")
    assert again[0] == 1 and "20 of 80 items stand in the training data" in again[1]


def test_one_split_is_looked_into_alone(folder: Path) -> None:
    tasks = open_eval(folder / "snap").tasks
    found = beside(tasks, train=f"{trained(folder).path}#train").training
    assert found is not None and found["split"] == "train"
    with pytest.raises(InputError, match="no split 'test'; it has train"):
        beside(tasks, train=f"{trained(folder).path}#test")


def test_a_training_snapshot_that_was_changed_is_refused(folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(trained(folder).path, tmp_path / "copy")
    part = next((tmp_path / "copy/data").iterdir())
    part.chmod(0o644)
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(bytes(data))
    with pytest.raises(GateError, match="is not what was frozen"):
        beside(open_eval(folder / "snap").tasks, train=str(tmp_path / "copy"))


def test_items_are_looked_for_by_what_they_ask(folder: Path) -> None:
    found = overlap([folder / "in/docs.jsonl"], open_eval(folder / "snap").tasks)
    dirty = [row["id"] for row in found.select(["id", "status"]).to_pylist() if row["status"] == "dirty"]
    assert sorted(dirty) == sorted(f"i{k}" for k in range(20))

"""Which report approves which model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import evaluated as made
import pytest
from storing import frozen

from tamis.errors import GateError, UsageError
from tamis.evaluate import report
from tamis.evaluate.gates import read_gates
from tamis.evaluate.report import Beside
from tamis.evaluate.results import read_report, sealed
from tamis.models.weights import IDENTITY, folder_digest
from tamis.recipes.promoting import demote, promote
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.models import add_model, model
from tamis.snapshot.store import Store, store_at

ROWS = [{"id": f"d{k}", "text": f"text {k} of a snapshot"} for k in range(4)]


@pytest.fixture
def registered(tmp_path: Path) -> tuple[Store, str, Path]:
    """A store that knows one model, its snapshot's id, and the model's folder."""
    snapshot = frozen(tmp_path, "docs", ROWS)
    adapter = tmp_path / "lora"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (adapter / "README.md").write_text("a card")
    store = store_at(tmp_path / "store")
    add_model(store, "docs-lora", [str(snapshot.path)], adapter)
    return store, snapshot.id, adapter


def run(folder: Path, adapter: Path, right: list[float], gates: Any = None, **more: Any) -> Path:
    """A report of the model in `adapter`."""
    own = made.results(right, **{k: more.pop(k) for k in ("limit",) if k in more})
    own.model["adapter"] = f"sha256:{folder_digest(adapter, IDENTITY['adapter'])}"  # type: ignore[index]
    held = Beside(gates=read_gates(gates or {"tasks": {"sums": {"min": 0.5}}}, "gates"), **more)
    report.write(folder, own, held)
    return folder


def test_a_report_that_passed_approves_its_model(registered: tuple[Store, str, Path], tmp_path: Path) -> None:
    store, snapshot, adapter = registered
    known = model(store, "docs-lora")
    found = promote(store, "docs-lora", run(tmp_path / "run", adapter, [1.0] * 40, training={"snapshot": snapshot}))
    assert found["stage"] == "approved" and found["evaluated"]["snapshot"] == made.SNAPSHOT
    assert {**known, "stage": "approved", "evaluated": found["evaluated"]} == found == model(store, "docs-lora")


@pytest.mark.parametrize(
    "right, more, said",
    [
        ([0.0] * 40, {}, "1 of 1 gates that the run was held against did not pass"),
        ([1.0] * 40, {"limit": 40}, "a part of the items"),
        ([1.0] * 40, {"training": {"snapshot": "sha256:other", "ref": "other@1"}}, "other@1"),
    ],
)
def test_a_report_that_does_not_speak_for_a_model(
    registered: tuple[Store, str, Path], tmp_path: Path, right: list[float], more: Any, said: str
) -> None:
    with pytest.raises(GateError, match=said):
        promote(registered[0], "docs-lora", run(tmp_path / "run", registered[2], right, **more))
    assert "stage" not in model(registered[0], "docs-lora")


def test_a_report_that_was_changed_by_hand_approves_nothing(
    registered: tuple[Store, str, Path], tmp_path: Path
) -> None:
    place = run(tmp_path / "run", registered[2], [0.0] * 40) / "report.json"
    place.write_text(place.read_text().replace('"passed":false', '"passed":true').replace('"failed"', '"passed"'))
    with pytest.raises(GateError, match="it was changed since"):
        promote(registered[0], "docs-lora", tmp_path / "run")


def reseal(place: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a report, and give it the digest of what it is then."""
    facts = read_report(place)
    change(facts)
    (place / "report.json").write_bytes(canonical_json(sealed(facts)))


def passes(facts: dict[str, Any]) -> None:
    """What somebody would write who wants a report to pass."""
    facts["passed"] = True
    for gate in facts["gates"]:
        gate["state"] = "passed"


def better(facts: dict[str, Any]) -> None:
    """Scores as somebody would like them."""
    facts["tasks"][0]["numbers"][0]["value"] = 0.9


@pytest.mark.parametrize(
    "right, change, said",
    [
        ([0.0] * 40, passes, r"says of its gates is not what its tables come to \(min\)"),
        ([0.0] * 40, lambda facts: facts.update(passed=True, gates=facts["gates"][:0]), r"come to \(passed\)"),
        ([1.0] * 40, better, "the scores in it are not those of its tables"),
    ],
)
def test_a_report_that_was_sealed_anew_is_held_against_its_tables(
    registered: tuple[Store, str, Path], tmp_path: Path, right: list[float], change: Any, said: str
) -> None:
    place = run(tmp_path / "run", registered[2], right)
    reseal(place, change)
    with pytest.raises(GateError, match=said):
        promote(registered[0], "docs-lora", place)


def test_files_swapped_after_they_were_registered_are_not_approved(
    registered: tuple[Store, str, Path], tmp_path: Path
) -> None:
    place = run(tmp_path / "run", registered[2], [1.0] * 40)
    (registered[2] / "README.md").write_text("another card")
    assert promote(registered[0], "docs-lora", place)["stage"] == "approved"
    (registered[2] / "adapter_model.safetensors").write_bytes(b"swapped")
    with pytest.raises(GateError, match=r"adapter_model\.safetensors is not the file that was registered"):
        promote(registered[0], "docs-lora", place)


def test_a_report_without_a_gate_approves_nothing(registered: tuple[Store, str, Path], tmp_path: Path) -> None:
    report.write(tmp_path / "run", made.results([1.0] * 40))
    with pytest.raises(GateError, match=r"no gate.*another model"):
        promote(registered[0], "docs-lora", tmp_path / "run")


def test_a_model_trained_anew_is_another_model(registered: tuple[Store, str, Path], tmp_path: Path) -> None:
    (registered[2] / "adapter_model.safetensors").write_bytes(b"WEIGHTS")
    with pytest.raises(GateError, match="another model"):
        promote(registered[0], "docs-lora", run(tmp_path / "run", registered[2], [1.0] * 40))


def test_an_approval_is_taken_back_with_a_reason(registered: tuple[Store, str, Path], tmp_path: Path) -> None:
    store, _, adapter = registered
    with pytest.raises(UsageError, match="not approved"):
        demote(store, "docs-lora", "why not")
    promote(store, "docs-lora", run(tmp_path / "run", adapter, [1.0] * 40))
    assert demote(store, "docs-lora", "it lies")["stage"] == "withdrawn"
    assert model(store, "docs-lora")["why"] == "it lies"

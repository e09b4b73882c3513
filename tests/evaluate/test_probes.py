"""Signs that a model knows an evaluation by heart."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import evaluated as made
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from suites import write_suite

from tamis.errors import InputError, UsageError
from tamis.evaluate.contamination import read_contamination, split
from tamis.evaluate.freeze import freeze
from tamis.evaluate.frozen import open_eval
from tamis.evaluate.probes.canary import alike, exposure, stands_in
from tamis.evaluate.probes.gap import gaps
from tamis.evaluate.probes.mink import known, mink
from tamis.evaluate.probes.perturb import changed, perturbed, reordered

CANARY = "canary 4f3c1c0e-5d0b-4d52-9c3e"


@pytest.mark.parametrize(
    "how, names", [("choices", {"choose"}), ("noise", {"choose", "sums"}), ("aside", {"choose", "sums"})]
)
def test_a_perturbed_suite_asks_the_same_items_for_the_same_answers(tmp_path: Path, how: Any, names: set[str]) -> None:
    freeze(write_suite(tmp_path / "in"), tmp_path / "snap")
    before = open_eval(tmp_path / "snap")
    assert set(perturbed(before, how, tmp_path / "out")) == names
    freeze(tmp_path / "out/suite.yaml", tmp_path / "other")
    after = {task.task.name: task for task in open_eval(tmp_path / "other").tasks}
    for task in before.tasks:
        for old, new in zip(task.items, after[task.task.name].items if task.task.name in names else (), strict=False):
            assert (old.item_id, old.target, old.cluster) == (new.item_id, new.target, new.cluster)
    moved = [
        a.prompt != b.prompt or a.continuations != b.continuations
        for a, b in zip(before.tasks[0].requests, after["choose"].requests, strict=True)
    ]
    assert all(moved)


@given(st.integers(2, 9), st.integers(0, 99))
def test_every_choice_moves(count: int, seed: int) -> None:
    order = reordered(count, random.Random(seed))
    assert sorted(order) == list(range(count)) and all(k != at for at, k in enumerate(order))


@given(st.text("abcdefg 12.é", max_size=80), st.integers(0, 9))
def test_noise_moves_letters_and_nothing_else(text: str, seed: int) -> None:
    noisy = changed(text, "noise", random.Random(seed))
    assert sorted(noisy) == sorted(text)
    assert [c for c in noisy if not c.isalpha()] == [c for c in text if not c.isalpha()]


def test_a_suite_without_choices_has_none_to_move(tmp_path: Path) -> None:
    from suites import tasks

    freeze(write_suite(tmp_path / "in", tasks()[1:]), tmp_path / "snap")
    with pytest.raises(UsageError, match="no task with a multiple choice"):
        perturbed(open_eval(tmp_path / "snap"), "choices", tmp_path / "out")


def test_who_knows_items_by_heart_loses_more_on_them() -> None:
    before, after = made.results([1.0] * 200), made.results([0.0] * 60 + [1.0] * 140)
    own = split(read_contamination(_frame(range(100), 200)), "sums", [f"q{k:05}" for k in range(200)])
    found = gaps(before, after, {"sums": own})["tasks"][0]
    assert found["difference"]["value"] == -0.3 and "does worse" in found["says"]
    assert found["dirty_less_clean"]["value"] == -0.6 and found["dirty_less_clean"]["high"] < -0.4


def test_a_gap_is_of_one_model() -> None:
    with pytest.raises(InputError, match="two models"):
        gaps(made.results([1.0], name="a"), made.results([1.0], name="b"))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.floats(0.01, 1))
@settings(max_examples=50)
def test_min_k_is_the_mean_of_the_lowest(values: list[float], share: float) -> None:
    lowest = sorted(values)[: max(1, int(share * len(values)))]
    assert mink(np.array(values), share) == pytest.approx(sum(lowest) / len(lowest))


def test_auroc_agrees_with_its_definition_and_holds_chance() -> None:
    own = np.random.default_rng(0)
    a, b = own.normal(1, 1, 60), own.normal(0, 1, 80)
    found = known(a, b)["auroc"]
    assert found["value"] == pytest.approx(np.mean([x > y for x in a for y in b])) and found["low"] > 0.5
    assert known(b[:40], b[40:])["auroc"]["low"] < 0.5 < known(b[:40], b[40:])["auroc"]["high"]


def test_few_texts_tell_nothing() -> None:
    assert "too few texts: 19 items" in known([0.0] * 19, [0.0] * 50)["says"]


def test_a_canary_is_found_letter_for_letter() -> None:
    assert stands_in(CANARY, pa.array(["a", f"x {CANARY} y", CANARY.upper(), None])) == [1]
    with pytest.raises(UsageError, match="16 or more"):
        stands_in("short", pa.array(["short"]))


def test_texts_like_a_canary_keep_its_form() -> None:
    for other in alike(CANARY, 20):
        assert other[:15] == CANARY[:15] and [c.isdigit() or c.isalpha() for c in other] == [
            c.isdigit() or c.isalpha() for c in CANARY
        ]


@pytest.mark.parametrize("favoured, rank", [(True, 1), (False, 201)])
def test_exposure_is_by_rank(favoured: bool, rank: int) -> None:
    found = exposure(CANARY, lambda texts: [float((t == CANARY) == favoured) for t in texts])
    assert (found["rank"], found["of"]) == (rank, 201)


def test_surprise_is_what_the_logits_say(tiny: Path) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    from tamis.models.surprise import opened

    text = "The capital of France is Paris."
    tokens = transformers.AutoTokenizer.from_pretrained(tiny)(text, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = (
            transformers.AutoModelForCausalLM.from_pretrained(tiny)(torch.tensor([tokens])).logits[0].double().numpy()
        )
    (found,) = opened(f"hf:{tiny}").read([text])
    for k, token in enumerate(tokens[1:]):
        chance = np.exp(logits[k]) / np.exp(logits[k]).sum()
        mean = float(chance @ np.log(chance))
        spread = float(chance @ (np.log(chance) - mean) ** 2) ** 0.5
        assert found.logp[k] == pytest.approx(np.log(chance[token]), abs=1e-5)
        assert found.z[k] == pytest.approx((np.log(chance[token]) - mean) / spread, abs=1e-3)


def test_probes_from_the_command_line(tmp_path: Path, tiny: Path, tamis: Any) -> None:
    pytest.importorskip("torch")
    (tmp_path / "train.jsonl").write_text(json.dumps({"id": "a", "text": f"it says {CANARY}."}) + "\n")
    code, said = tamis("eval", "probe", "canary", CANARY, tmp_path / "train.jsonl", "--model", f"hf:{tiny}")
    assert code == 1 and "1 of 1 records hold it: train:a" in said and "of 201, exposure" in said
    freeze(write_suite(tmp_path / "in"), tmp_path / "snap")
    (tmp_path / "control.jsonl").write_text(
        "".join(json.dumps({"text": f"Item {k} of something else."}) + "\n" for k in range(20))
    )
    code, said = tamis(
        "eval", "probe", "min-k", tmp_path / "snap", "--model", f"hf:{tiny}", "--control", tmp_path / "control.jsonl"
    )
    assert code == 0 and "sums: AUROC — (too few texts: 6 items and 20 of the control" in said.replace("\\", "")


def _frame(dirty: Any, items: int) -> Any:
    import polars as pl

    return pl.DataFrame(made.contaminated(dirty, items))

"""What all methods share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, chat, grew, seeds_table

from tamis.bench import Bench, Means
from tamis.curate.synthesis import Backtranslate, Evolve, Instruct, Preference, Rephrase
from tamis.curate.synthesis.alike import Pool, alike, copied, distinct, self_alike, words_of
from tamis.curate.synthesis.read import one_line_of
from tamis.curate.synthesis.seed import cut, tidied
from tamis.curate.synthesis.stage import Synth
from tamis.curate.synthesis.stays import stays
from tamis.curate.synthesis.studio import templates_of
from tamis.errors import UsageError
from tamis.models import BudgetSpent
from tamis.recipes import make

TEXTS = [{"text": f"Text number {k}."} for k in range(4)]
METHODS = [
    Backtranslate("m"),
    Evolve("m"),
    Rephrase("m"),
    Instruct("m"),
    Preference("m"),
    Preference("m", mode="pairwise"),
]


@pytest.mark.parametrize("stage", METHODS, ids=lambda stage: f"{stage.name}")
def test_every_prompt_places_all_it_may(stage: Synth) -> None:
    found = templates_of(stage)
    assert {purpose: t.variables for purpose, t in found.items() if purpose != "repair"} == dict(stage.prompts)
    assert all(t.version == 1 and t.name.endswith(purpose) for purpose, t in found.items())


@pytest.mark.parametrize("stage", METHODS, ids=lambda stage: f"{stage.name}")
def test_the_first_prompts_can_be_seen_without_sending_any(stage: Synth, tmp_path: Path, script: Any) -> None:
    model = script(lambda prompt, _: pytest.fail("asked"))
    kind = "document" if "document" in stage.takes else "chat"
    seeds = TEXTS if kind == "document" else [chat(f"Ask {k}", "Said") for k in range(4)]
    batches = seeds_table(seeds, kind).to_batches(3)
    shown = list(stage.preview(iter(batches), Bench(tmp_path, tmp_path / "r.sqlite")))
    assert len(shown) == (8 if isinstance(stage, Instruct) else 4) and not model.asked
    assert all(request.messages[-1]["role"] == "user" for _, request in shown)


def test_a_method_that_judges_nothing_takes_and_reaches_for_no_judge() -> None:
    assert (Rephrase("m").specs, Instruct("m").specs, Evolve("m", judge="j").specs) == (("m",), ("m",), ("m", "j"))
    assert (
        Preference("m", mode="record", judge="j").specs == Evolve("m", judge="j", eliminate=("leak",)).specs == ("m",)
    )
    with pytest.raises(UsageError, match="judge is 'j', but nothing is judged here"):
        Rephrase("m", judge="j")


def test_a_budget_that_is_spent_skips_or_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any) -> Scripted:
        return Scripted(lambda prompt, _: BudgetSpent("the budget is spent") if "number 2" in prompt else "A new text")

    monkeypatch.setattr("tamis.curate.synthesis.studio.open_by", opened)
    stage = Rephrase("m", min_length=0)
    made = grew(stage, TEXTS, tmp_path, when_spent="finish", concurrency=1)
    assert made.statuses == [("ok", None), ("ok", None), ("skipped", "budget"), ("ok", None)]
    with pytest.raises(BudgetSpent):
        grew(stage, TEXTS, tmp_path)


@given(st.text(max_size=300), st.integers(1, 120))
def test_a_cut_is_the_beginning_and_no_longer_than_asked(text: str, most: int) -> None:
    found = cut(text, most)
    assert text.startswith(found) and len(found) <= most and (len(text) > most or found == text)


@given(st.text("a b.!\n", max_size=80))
def test_what_is_tidy_stays_as_it_is(text: str) -> None:
    assert tidied(tidied(text)) == tidied(text) and tidied(text).split() == text.split()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('"Why?"', "Why?"),
        ("Instruction: Why?", "Why?"),
        ("**Question 3:** Why?", "Why?"),
        ("“Why?”", "Why?"),
        ("```\nWhy?\n```", "Why?"),
        ('Say "yes" or "no"', 'Say "yes" or "no"'),
        ('"Yes" or "no"', '"Yes" or "no"'),
        ("Rewritten Prompt: Why?", "Rewritten Prompt: Why?"),
        ("<text-0123456789abcdef01234567>\nWhy?\n</text-0123456789abcdef01234567>", "Why?"),
        ("  ", ""),
    ],
)
def test_an_instruction_is_read_without_its_wrapping(said: str, found: str) -> None:
    assert one_line_of(said) == found


TEXT = st.text("ab cd\n", max_size=30)


@given(TEXT, TEXT)
def test_likeness_is_even_and_1_of_itself(one: str, other: str) -> None:
    assert alike(one, other) == alike(other, one)
    assert alike(one, one) == (1.0 if one.split() else 0.0)
    assert 0 <= copied(one, other) <= 1 and copied(one, f"x {one} y") == (1.0 if one.split() else 0.0)


@given(st.lists(TEXT, max_size=12), TEXT)
def test_a_pool_finds_the_most_alike(texts: list[str], one: str) -> None:
    pool = Pool()
    for text in texts:
        pool.add(words_of(text))
    assert pool.nearest(words_of(one))[1] == pytest.approx(max((alike(one, text) for text in texts), default=0.0))


@pytest.mark.parametrize("stage", METHODS, ids=lambda stage: f"{stage.name}")
@given(data=st.data())
def test_a_row_stays_where_no_decision_is_made_of_it(stage: Synth, data: st.DataObject) -> None:
    numbers = {
        f.name: data.draw(
            st.none()
            | (
                st.sampled_from([0.0, 0.7, 0.8, 0.95]) | st.floats(0, 6, width=16)
                if f.type == pa.float32()
                else st.integers(0, 90)
            )
        )
        for f in stage.scores
    }
    columns = [pa.array([numbers[f.name]], f.type) for f in stage.scores]
    decided = stage.decide(pa.record_batch(columns, schema=stage.scores))
    assert stays(numbers, stage.rules, stage.scores) == (decided.num_rows == 0)


def test_diversity_of_what_repeats_is_low() -> None:
    same, other = ["bread is baked in ovens"] * 10, [f"a{k} b{k} c{k}" for k in range(10)]
    assert (distinct(same), distinct(other), distinct(["a"]), self_alike(["a"])) == (0.1, 1.0, None, None)
    assert self_alike(same) == 1.0 and self_alike(other) == 0.0


def test_a_recipe_names_a_method_with_its_parameters() -> None:
    stage = make("synth.evolve", model="m", operations=["deepen"], generations=3)
    assert stage == Evolve("m", operations=("deepen",), generations=3)


def test_seeds_are_drawn_as_they_are_needed(tmp_path: Path, script: Any) -> None:
    script(lambda prompt, _: "Something else of it")
    table, drawn = seeds_table([{"text": f"Text number {k}."} for k in range(600)], "document"), [0]

    def batches() -> Iterator[Any]:
        for batch in table.to_batches(10):
            drawn[0] += 1
            yield batch

    parts = Rephrase("m").derive(batches(), Bench(tmp_path, tmp_path / "r.sqlite", Means(concurrency=4)))
    assert next(parts).outcomes.num_rows == 256 and drawn[0] <= 27
    assert sum(part.outcomes.num_rows for part in parts) == 344

"""Recipes that cannot be run and stages that break their word: named, and nothing lost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attempting import Ran, rows

from tamis.recipes.catalog import import_own

Attempt = Callable[..., Ran]

STAGES = Path(__file__).with_name("bad_stages.py")


LAUGHS = "".join(f"    k{k}: &k{k} [{', '.join([f'*k{k - 1}' if k else 'ha'] * 10)}]\n" for k in range(9))
RECIPES = {
    "a billion laughs": (f"name: t\ninput:\n  fields:\n{LAUGHS}stages: []\n", "aliases"),
    "a list that holds itself": ("name: t\nstages: &s [*s]\n", "holds itself"),
    "nested too deep": (f"name: t\nstages: [clean@1: {{x: {'[' * 2000}{']' * 2000}}}]\n", "too deeply"),
    "code in a tag": ('name: !!python/object/apply:os.system ["true"]\nstages: []\n', "not a value"),
    "NUL": ('name: "a\\0"\nstages: []\n', "NUL"),
    "half a surrogate pair": ('name: t\ninput: {source: "\\ud800"}\nstages: []\n', "surrogate"),
    "a list": ("- a\n", "mapping"),
    "two documents": ("name: a\n---\nname: b\n", "another document"),
    "more stages than steps": (f"name: t\nstages: [{', '.join(['clean@1: {}'] * 256)}]\n", "255"),
    "a stage of two": ("name: t\nstages: [{clean@1: {}, exact@1: {}}]\n", "name@version"),
    "a number beyond reach": (f"name: t\nstages: [quality.gopher@1: {{min_words: {9**99}}}]\n", "2**63"),
    "no number": ("name: t\nstages: [quality.gopher@1: {max_symbol_ratio: .nan}]\n", "quality.gopher"),
    "a budget above 1": ("name: t\nattrition: {max_drop_per_source: 5}\nstages: []\n", "from 0 to 1"),
    "lines of no bytes": ("name: t\ninput: {max_record: 0}\nstages: []\n", "max_record"),
    "a field that is a list": ("name: t\ninput: {fields: {text: [a]}}\nstages: []\n", "fields.text"),
    "a contract that is missing": ("name: t\ncontract: no.yaml\nstages: []\n", "no such file"),
    "a stage from a file that is none": ('name: t\nstages: ["../../../etc/passwd.py:X": {}]\n', "no file"),
    "a column nobody writes": ("name: t\nstages: [exact@1: {on: nosuch}]\n", "nothing before it writes"),
}


@pytest.mark.parametrize(("recipe", "says"), RECIPES.values(), ids=RECIPES.keys())
def test_a_recipe_that_cannot_be_run_is_told(attempt: Attempt, recipe: str, says: str) -> None:
    ran = attempt(rows(3), recipe=recipe)
    assert (ran.code, ran.facts) == (2, {})
    assert says in ran.said


def own(stage: str, how: str | None = None) -> str:
    return f'name: t\nstages: ["{STAGES}:{stage}": {{{f"how: {how}" if how else ""}}}]\n'


@pytest.mark.parametrize("how", ["raise", "exit", "none", "table", "name", "length", "type", "silent"])
def test_what_breaks_a_stage_is_set_aside(attempt: Attempt, how: str) -> None:
    ran = attempt(rows(5), recipe=own("Says", how))
    assert (ran.code, ran.rules) == (3, {"stage_error": 5})


@pytest.mark.parametrize(
    ("stage", "how", "code"),
    [
        *(("Decides", how, 3) for how in ("raise", "outside", "unknown", "twice")),
        *(("Compares", how, 3) for how in ("sketch", "short", "resolve")),
        *((stage, None, 2) for stage in ("Overwrites", "Edits", "Picky", "NotThere")),
    ],
)
def test_a_stage_that_breaks_its_word_is_named(attempt: Attempt, stage: str, how: str | None, code: int) -> None:
    ran = attempt(rows(5), recipe=own(stage, how))
    assert (ran.code, ran.facts) == (code, {})
    assert stage in ran.said


def test_a_stage_without_a_name_has_the_same_one_in_every_process() -> None:
    import_own([STAGES])
    assert sys.modules["tamis_own_bad_stages"].Says.name == "bad_stages.Says"

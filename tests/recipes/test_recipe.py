"""Recipes: what is wrong is said with file, line and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import NEEDED, OWN, recipe, sentences, write_lines

import tamis
from tamis.errors import ColumnMissing, RecipeError, UsageError
from tamis.recipes.catalog import STAGES, make, stage_class
from tamis.recipes.recipe import load
from tamis.recipes.shipped import shipped


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("name: x\nstagse: []\n", 2, "did you mean 'stages'?"),
        ("name: x\nstages:\n  - exakt@1: {}\n", 3, "did you mean 'exact@1'?"),
        ("name: x\nstages:\n  - exact@9: {}\n", 3, "no stage is called 'exact@9'"),
        ("name: x\nstages:\n  - exact@1:\n      kepe: first\n", 4, "did you mean 'keep'?"),
        ("name: x\nstages:\n  - quality.gopher@1:\n      min_words: many\n", 4, "it must be a whole number"),
        ("name: x\nstages:\n  exact@1: {}\n", 3, "stages must be a list"),
        ("name: x\ninput: {kind: documents}\nstages: []\n", 2, "it must be 'document' or"),
        ("name: x\nattrition: {max_drop_per_source: lots}\n", 2, "it must be a number"),
        ("name: x\nname: y\n", 2, "the key 'name' twice"),
        ("name: [x\n", 2, "not valid YAML"),
        ("- a\n", 1, "a recipe must be a mapping"),
        ("name: 3\n", 1, "it must be text"),
        ("name: x\nstages:\n  - language@1: {keep: [no]}\n", 3, "YAML takes yes, no"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RecipeError) as wrong:
        tamis.load(path)
    assert wrong.value.line == line
    assert f"{path}:{line}: " in str(wrong.value) and says in str(wrong.value)


def test_an_empty_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="empty"):
        tamis.load(written(tmp_path, ""))


def test_a_missing_recipe_names_its_neighbour(tmp_path: Path) -> None:
    written(tmp_path, "name: x\n")
    with pytest.raises(RecipeError, match=r"did you mean .*r\.yaml"):
        tamis.load(tmp_path / "r.yml")


def test_a_stage_that_reads_what_nobody_writes_stops_before_a_row_moves(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", sentences(3))
    with pytest.raises(ColumnMissing, match="reads 'water'"):
        tamis.run(recipe("own:Thirsty"), path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_set_changes_one_parameter() -> None:
    changed = tamis.load(recipe({"quality.gopher@1": {"min_words": 10}})).set(["quality.gopher.min_words=30"])
    assert changed.stages == (make("quality.gopher@1", min_words=30),)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("exact.keep", "wanted stage.param=value"),
        ("exakt.keep=first", "did you mean 'exact'?"),
        ("exact.kepe=first", "did you mean 'keep'?"),
        ("exact.keep=[", "is not a value"),
    ],
)
def test_a_change_that_cannot_be_made_is_told(change: str, says: str) -> None:
    with pytest.raises(UsageError) as wrong:
        tamis.load(recipe("exact@1")).set([change])
    assert says in str(wrong.value)


def test_a_stage_named_twice_must_be_numbered() -> None:
    twice = tamis.load(recipe({"quality.gopher@1": {}}, {"quality.gopher@1": {}}))
    with pytest.raises(UsageError, match="#1"):
        twice.set(["quality.gopher.min_words=3"])
    assert twice.set(["quality.gopher#2.min_words=3"]).stages[1].params["min_words"] == 3


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_of_the_catalog_is_there_under_its_name(name: str) -> None:
    stage = make(name, **NEEDED.get(name, {}))
    assert stage.label == name
    assert stage_class(name).__doc__
    assert all(rule.id for rule in stage.rules)
    assert eval(repr(stage), {type(stage).__name__: type(stage)}) == stage


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_loads(name: str) -> None:
    assert tamis.load(shipped()[name]).name == name
    assert shipped()[name].read_text().startswith("# ")


def test_code_that_does_not_load_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\nraise ValueError('no')\n")
    with pytest.raises(RecipeError, match=r"mine\.py:2: raised ValueError: no"):
        tamis.load(written(tmp_path, "name: x\nstages:\n  - mine.py:Stage: {}\n"))


def test_an_own_stage_must_be_a_stage(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="frozen dataclass"):
        tamis.load({"name": "x", "stages": [{f"{OWN}:os": {}}]})


def test_own_stages_of_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").write_bytes(OWN.read_bytes())
    stages = [{f"{tmp_path}/{folder}/own.py:Length": {}} for folder in ("a", "a", "b")]
    assert len(load({"stages": stages[:2]}).stages) == 2
    with pytest.raises(RecipeError, match="rename one"):
        load({"stages": stages})

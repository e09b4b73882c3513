"""Listed words against the definition in plain Python, the lists that are shipped, models, and who goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import naive_profanity as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import recipe

import tamis
from tamis.curate.profanity import Profanity, scorers
from tamis.curate.profanity.lists import LANGUAGES, bit, shipped
from tamis.curate.profanity.scorers import _scorer
from tamis.errors import ExtraMissing, InputError, UsageError
from tamis.kernels.lexicon import count, lexicon

PHRASES = ["bad", "bad word", "very bad word indeed", "schön", "糞", "日本", "2 girls", "word-list", "bad"]
PARTS = ["bad", "BAD", "word", "very", "indeed", "2", "girls", "list", "Schön", "糞日本語", "fine", "badly"]
JOINS = [" ", "-", ", ", "\n", "\r\n", "\u2028", "", "... ", "'"]


def counted(text: str, phrases: list[str]) -> tuple[int, int, int, str | None]:
    found = count(pa.array(["before", text]), lexicon(phrases, [1] * len(phrases)), np.ones(2, np.uint32))
    first = int(found.first[1])
    return int(found.words[1]), int(found.hits[1]), int(found.inside[1]), phrases[first] if first >= 0 else None


@given(st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(JOINS)), max_size=12))
def test_phrases_are_counted_as_in_plain_python(parts: list[tuple[str, str]]) -> None:
    text = "".join(word + join for word, join in parts)
    assert counted(text, PHRASES) == naive.count(text, PHRASES)


@given(st.text(), st.lists(st.text().filter(naive.spelt), min_size=1, max_size=5))
def test_any_text_may_be_a_list(text: str, phrases: list[str]) -> None:
    text = text + phrases[0] + text
    assert counted(text, phrases) == naive.count(text, phrases)


def test_a_phrase_counts_where_its_list_applies() -> None:
    listed = lexicon(["bad", "bad word", "word"], [1, 2, 1])
    found = count(pa.array(["bad word"] * 3), listed, np.array([1, 2, 4], np.uint32))
    assert found.hits.tolist() == [2, 1, 0] and found.inside.tolist() == [2, 2, 0]


def measured(texts: list[str | None], **params: Any) -> list[dict[str, Any]]:
    rows = pa.record_batch({"text": pa.array(texts, pa.string())})
    listed: list[dict[str, Any]] = Profanity(**params).measure(rows).to_pylist()
    return listed


def gone(texts: list[str], **params: Any) -> dict[int, str]:
    """The rule by which each text goes."""
    stage = Profanity(**params)
    found = stage.decide(stage.measure(pa.record_batch({"text": pa.array(texts)})))
    return dict(zip(found.column("row").to_pylist(), found.column("rule").to_pylist(), strict=True))


def test_every_shipped_list_is_found_in_itself() -> None:
    for language in LANGUAGES:
        found = measured(list(shipped(language)), languages=(language,))
        assert all(row["hits"] for row in found), language
    assert sum(len(shipped(language)) for language in LANGUAGES) == 2662


def test_the_lists_travel_with_their_licence_and_attribution() -> None:
    folder = Path(tamis.__file__).parent / "curate/profanity/ldnoobw"
    assert "Attribution 4.0 International" in (folder / "LICENSE").read_text("utf-8")
    assert "© 2012–2020 Shutterstock" in (folder / "README.md").read_text("utf-8")


@pytest.mark.parametrize("text", ["a glass of bitters", "Scunthorpe", "assassin", "shiitake", "", None, "\0", "1 2 3"])
def test_words_are_not_found_inside_others(text: str | None) -> None:
    assert measured([text])[0]["hits"] == 0


def test_case_and_marks_between_words_do_not_matter() -> None:
    found = measured(["what a load of SHIT!", "Blow-Job", "blow\njob"])
    assert [(row["hits"], row["first"]) for row in found] == [(1, "shit"), (1, "blow job"), (0, None)]


def test_each_text_is_held_against_the_list_of_its_language() -> None:
    rows = pa.record_batch({"text": ["kut", "kut", "kut", "kut", "bite"], "language": ["nl", "en", None, "xx", "fr"]})
    stage = Profanity(languages=("*",), by="language")
    assert stage.measure(rows).column("hits").to_pylist() == [1, 0, 1, 0, 1]
    assert bit("nl") != bit("fr")


RULES: list[tuple[dict[str, Any], dict[int, str]]] = [
    ({}, {1: "max_share"}),
    ({"max_hits": 0}, {1: "max_hits", 2: "max_hits"}),
    ({"max_share": None}, {}),
    ({"max_share": 0.0, "allow": ("Shit",)}, {}),
    ({"max_share": 0.2}, {1: "max_share"}),
]


@pytest.mark.parametrize(("params", "rules"), RULES)
def test_rules_say_who_goes(params: dict[str, Any], rules: dict[int, str]) -> None:
    assert gone(["all is well", "oh shit", "shit " + "and so on " * 99], **params) == rules


def test_an_own_list_counts_beside_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("# ours\n\nBig Bad\n", "utf-8")
    assert measured(["the big, bad shit"], lists=(str(own),))[0]["hits"] == 2
    own.write_text("wolf\nand its tail\n", "utf-8")
    assert measured(["the big, bad wolf"], lists=(str(own),), languages=())[0]["first"] == "wolf"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfwolf\n",
        b"\r\n  wolf \r\n",
        b"sheep\rwolf",
        b"\xef\xbb\xbf# ours\nwolf",
        b"  # ours\nWOLF",
        b"(wolf",
        b"wolf\nwolf",
    ],
)
def test_an_own_list_is_read_as_its_editor_left_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.txt").write_bytes(content)
    found = measured(["a wolf", "ours"], lists=(str(tmp_path / "own.txt"),), languages=())
    assert [row["hits"] for row in found] == [1, 0]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\xff", "UTF-8 at byte 0"), (b"#\n", "no phrase"), (b"!!!\n", "'!!!'"), (b".*\n", "patterns are not")],
)
def test_an_own_list_that_cannot_be_used_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "own.txt").write_bytes(content)
    with pytest.raises(InputError, match=says):
        measured(["x"], lists=(str(tmp_path / "own.txt"),))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"languages": ("english",)}, "did you mean 'en'"),
    ({"max_share": 2}, "from 0 to 1"),
    ({"max_hits": -1}, "0 or more"),
    ({"action": "burn"}, "drop, quarantine, flag"),
    ({"model": "detoxify"}, "alt-profanity-check.*file.py:ClassName"),
]


@pytest.mark.parametrize(("params", "says"), WRONG)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Profanity(**params)


OWN = """
class Loud:
    def score(self, texts):
        return [sum(map(str.isupper, text)) / max(1, len(text)) for text in texts]
class Odd(Loud):
    def score(self, texts):
        return {"few": [0.5], "nan": [float("nan")] * len(texts)}["nan" if "nan" in texts else "few"]
class Late:
    def __init__(self): raise OSError("no weights")
class Mute: pass
class Wide:
    def score(self, texts): return [[0.5, 0.5]] * len(texts)
class Angry:
    def score(self, texts): raise RuntimeError("no weights")
class Exiting:
    def score(self, texts): raise SystemExit(7)
class Wordy:
    def score(self, texts): return ["much"] * len(texts)
class Over:
    def score(self, texts): return [float("inf")] * len(texts)
"""


@pytest.mark.parametrize("params", [{"lists": ["none.txt"]}, {"lists": ["."]}, {"model": "none.py:Loud"}])
def test_a_file_that_is_not_there_ends_a_run_before_a_row_moves(tmp_path: Path, params: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="there is no file"):
        tamis.run(recipe({"profanity@1": params}), pa.table({"text": ["a"]}), tmp_path / "run")
    assert not (tmp_path / "run" / "data").exists()


def test_a_model_of_the_users_own_scores_texts(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(OWN, "utf-8")
    rows = [{"text": "quiet"}, {"text": "LOUD"}, {"text": "ABc"}]
    stages = {"profanity@1": {"model": f"{tmp_path}/loud.py:Loud", "max_score": 0.7, "action": "flag"}}
    run = tamis.run(recipe(stages), pa.Table.from_pylist(rows), tmp_path / "run", engine="inline")
    assert run.data().num_rows == 3
    assert [(v["rule"], v["action"], v["value"]) for v in run.verdicts().to_pylist()] == [("max_score", "review", 1.0)]
    assert tamis.replay(run, ["profanity.action=drop", "profanity.max_score=0.6"]).gone.num_rows == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("loud.py:Odd", r"\(1,\) numbers for 2 texts"),
        ("loud.py:Late", "loud.py:9: OSError: no weights"),
        ("loud.py:Mute", "no method score"),
        ("loud.py:Wide", r"\(2, 2\) numbers for 2 texts"),
        ("loud.py:Gone", "Gone"),
        ("none.py:Loud", "no file"),
    ],
)
def test_a_model_that_cannot_be_used_is_named(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "loud.py").write_text(OWN, "utf-8")
    with pytest.raises(UsageError, match=says):
        measured(["a", "b"], model=f"{tmp_path}/{name}")


@pytest.mark.parametrize("name", ["Odd", "Angry", "Exiting", "Wordy", "Over"])
def test_a_record_without_a_number_for_a_score_is_set_aside(tmp_path: Path, name: str) -> None:
    (tmp_path / "loud.py").write_text(OWN, "utf-8")
    stages = {"profanity@1": {"model": f"{tmp_path}/loud.py:{name}"}}
    run = tamis.run(recipe(stages), pa.table({"text": ["nan"]}), tmp_path / "run", engine="inline")
    assert run.facts["rows"]["quarantined"] == 1


def test_the_model_of_the_extra_tells_insults_from_thanks() -> None:
    pytest.importorskip("profanity_check", reason="the extra 'profanity' is not installed")
    found = [
        row["score"] for row in measured(["you are a fucking idiot", "thank you so much"], model="alt-profanity-check")
    ]
    assert found[0] > 0.9 > 0.1 > found[1]


def test_a_model_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "profanity_check", None)
    _scorer.cache_clear()
    with pytest.raises(ExtraMissing, match=r"tamis\[profanity\]"):
        measured(["a"], model="alt-profanity-check")


def test_a_model_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorers, "version", {"alt-profanity-check": "1.9.1", "scikit-learn": "1.8.0"}.__getitem__)
    _scorer.cache_clear()
    with pytest.raises(UsageError, match=r"pickle of scikit-learn 1\.9\.1, but 1\.8\.0 is"):
        measured(["a"], model="alt-profanity-check")


def test_the_ledger_names_the_first_word(tmp_path: Path) -> None:
    run = tamis.run(recipe("profanity@1"), pa.table({"text": ["damn this shit", "fine"]}), tmp_path / "run")
    verdict = run.verdicts().to_pylist()[0]
    assert (verdict["rule"], verdict["evidence"]) == ("max_share", '{"first": "shit"}')

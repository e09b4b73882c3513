from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scripted import grew

from tamis.curate.synthesis import Rephrase
from tamis.curate.synthesis.rephrase import faithful
from tamis.errors import UsageError

TEXT = [{"text": "In 1889 the tower was 312.27 m high; 7,300 tonnes of iron went into it."}]


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("With 7,300 tonnes of iron, the tower of 1889 rose to 312.27 m.", None),
        ("The tower is made of iron and quite high, as people say.", "max_lost_numbers"),
        ("1889: 312.27 m, 7,300 tonnes of iron, 18,038 pieces, 2,500,000 rivets, 300 men.", "max_new_numbers"),
        ("Iron.", "min_length"),
        (" ".join(["In 1889 the iron tower of 7,300 tonnes was 312.27 m high."] * 6), "max_length"),
        (TEXT[0]["text"], "max_alike"),
        (("In 1889 the tower was of 7,300 tonnes of iron and 312.27", "length"), "max_unfinished"),
        ("<text-0123456789abcdef01234567> In 1889 7,300 tonnes, 312.27 m of tower", "leak"),
    ],
)
def test_a_text_that_is_not_faithful_goes_by_its_rule(script: Any, tmp_path: Path, said: Any, rule: str | None) -> None:
    script(lambda prompt, _: said)
    assert [row["broke"] for row in grew(Rephrase("m"), TEXT, tmp_path).rows] == [rule]


def test_a_document_is_written_anew_in_each_style(script: Any, tmp_path: Path) -> None:
    model = script(lambda prompt, _: f"1889, 312.27 m, 7,300 tonnes: {len(prompt)}")
    made = grew(Rephrase("m", styles=("easy", "qa"), per_seed=2), TEXT, tmp_path)
    assert [row["synthesis"]["operation"] for row in made.rows] == ["easy", "easy", "qa", "qa"]
    assert len({row["record_id"] for row in made.rows}) == 4
    assert ["small child" in one.messages[1]["content"] for one in model.asked] == [True, True, False, False]
    assert [one.params["seed"] for one in model.asked] == [0, 1, 0, 1]


def test_numbers_of_a_list_are_no_numbers() -> None:
    found = faithful("It has 3 parts.", "1. It has 3 parts.\n2) No more.")
    assert (found["lost_numbers"], found["new_numbers"], found["numbers"]) == (0, 0, 1)


def test_a_style_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match="some of easy, medium, hard, qa"):
        Rephrase("m", styles=("rude",))

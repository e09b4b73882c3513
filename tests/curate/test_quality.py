from pathlib import Path
from typing import Any

import naive_quality as naive
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.curate.quality import C4, TEXT, FineWeb, Gopher, Repetition
from tamis.stage import Stage

WEBMIX = Path(__file__).parents[2] / "../shared/data/bench/webmix.parquet"
STAGES: list[Stage] = [Gopher(), Repetition(), C4(), C4(end_mark=False), FineWeb()]
PROSE = (
    "We walked to the river and sat with the others that have no boat. It was late, and the light on the water went "
    "from gold to grey. Nobody spoke of what had to be done. Then somebody laughed, and it was over. We went home by "
    "the mill, past three barns."
)


def decided(stage: Stage, texts: list[str]) -> dict[int, str]:
    """The rule that each row broke, by row."""
    found = stage.decide(stage.measure(TEXT.compute(pa.array(texts, pa.string()))))
    return dict(zip(found.column("row").to_pylist(), found.column("rule").to_pylist(), strict=True))


@pytest.mark.parametrize("stage", STAGES, ids=repr)
def test_prose_stays(stage: Stage) -> None:
    assert decided(stage, [PROSE]) == {}


BROKEN: list[tuple[Stage, str, str]] = [
    (Gopher(), "min_words", "Too short."),
    (Gopher(max_words=20), "max_words", PROSE),
    (Gopher(), "min_mean_word_length", "a b " * 50),
    (Gopher(), "max_mean_word_length", "incomprehensibilities " * 50),
    (Gopher(), "max_hash_signs", PROSE + "#" * 10),
    (Gopher(), "max_ellipses", PROSE + " ... …" * 5),
    (Gopher(), "max_bullet_lines", "\n".join(f"- {PROSE}" for _ in range(3))),
    (Gopher(), "max_ellipsis_lines", f"{PROSE}\n{PROSE} And so...\nSo on…"),
    (Gopher(), "min_alpha_words", PROSE + " 1234" * 20),
    (Gopher(), "min_stop_words", "word other thing " * 30),
    (Repetition(), "max_dup_lines", f"{PROSE}\nyes\nyes\nyes"),
    (Repetition(), "max_dup_paragraphs", f"{PROSE}\nyes\n{PROSE[9:]}\n{PROSE[8:]}\n\nno\n\nno\n\nno"),
    (Repetition(), "max_dup_line_chars", f"{PROSE[:200]}\nyes\nno\n{PROSE[:200]}"),
    (Repetition(max_dup_line_chars=1), "max_dup_paragraph_chars", f"{PROSE}\n\n{PROSE}\n\nA third.\n\nA fourth."),
    (Repetition(), "max_top_2gram", "buy now " * 9 + PROSE[:60]),
    (Repetition(), "max_top_3gram", "anything goes again " * 4 + PROSE),
    (Repetition(), "max_top_4gram", "here, again, we are. " * 4 + PROSE),
    (Repetition(), "max_dup_5gram", f"{PROSE}\nAnd: {PROSE[:150]}"),
    (Repetition(max_dup_5gram=1, max_dup_6gram=1, max_dup_7gram=1), "max_dup_8gram", f"{PROSE}\nAnd: {PROSE[:150]}"),
    (C4(), "max_lorem_ipsum", PROSE + " Lorem ipsum dolor."),
    (C4(), "max_curly_brackets", PROSE + " {"),
    (C4(), "min_sentences", "\n".join(PROSE.split(". "))),
    (FineWeb(), "min_terminal_lines", "\n".join(PROSE.split(". ")[:4])),
    (FineWeb(), "max_short_lines", PROSE.replace(" ", ".\n")),
    (FineWeb(), "max_dup_line_chars", f"{PROSE}\n{PROSE}"),
    (FineWeb(), "max_line_breaks", PROSE + "\n" * 40),
]


@pytest.mark.parametrize(("stage", "rule", "text"), BROKEN, ids=[f"{s.name}-{r}" for s, r, _ in BROKEN])
def test_text_breaks_the_rule(stage: Stage, rule: str, text: str) -> None:
    assert decided(stage, [text]) == {0: rule}


@pytest.mark.parametrize("stage", STAGES, ids=repr)
def test_every_rule_is_a_parameter_and_reads_only_stored_scores(stage: Stage) -> None:
    for rule in stage.rules:
        assert rule.threshold == stage.params[rule.id]
        assert {rule.column, rule.per or rule.column} <= set(stage.scores.names)
        assert "; " in rule.says and " et al. 20" in rule.says


@pytest.mark.parametrize("stage", STAGES, ids=repr)
def test_text_without_a_word_is_decided_without_complaint(stage: Stage) -> None:
    assert set(decided(stage, ["", " \n ", "\u0301", "…"])) <= {0, 1, 2, 3}


def naive_verdict(stage: Stage, count: dict[str, int]) -> str | None:
    """The first rule that the numbers break, by whole-number arithmetic where the threshold is one."""
    for rule in stage.rules:
        value: float = count[str(rule.column)]
        if rule.per:
            value = value / count[rule.per] if count[rule.per] else 0.0
        stays = value >= float(rule.threshold or 0) if rule.keep == ">=" else value <= float(rule.threshold or 0)
        if not stays:
            return rule.id
    return None


def assert_verdicts_equal_the_naive_ones(texts: list[str]) -> None:
    counted = [naive.counts(text) for text in texts]
    for stage in STAGES:
        expected = {i: naive_verdict(stage, count) for i, count in enumerate(counted)}
        assert decided(stage, texts) == {i: rule for i, rule in expected.items() if rule}


SENTENCE = st.lists(st.sampled_from([*PROSE.split(), "#", "...", "- a", "1", "日本", "\n", "\n\n"]), max_size=90)


@settings(deadline=None, max_examples=60)
@given(st.lists(SENTENCE.map(" ".join), min_size=1, max_size=3))
def test_verdicts_equal_the_naive_ones(texts: list[str]) -> None:
    assert_verdicts_equal_the_naive_ones(texts)


@pytest.mark.skipif(not WEBMIX.exists(), reason="webmix is not beside the checkout")
def test_verdicts_equal_the_naive_ones_on_webmix() -> None:
    table: Any = pq.ParquetFile(WEBMIX).read_row_group(0, columns=["text"])
    every = max(1, table.num_rows // 60)
    assert_verdicts_equal_the_naive_ones(table.column("text").take(np.arange(7, table.num_rows, every)).to_pylist())

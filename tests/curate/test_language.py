"""Languages: py3langid's own answers, what is too short or mixed to tell, who stays, and what a run says of it."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import naive_language as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import recipe

import tamis
from tamis.curate.language import Language, detectors
from tamis.curate.language.detectors import CODES, METHODS, _model, detect, windows_of
from tamis.errors import ExtraMissing, UsageError

pytest.importorskip("py3langid", reason="the extra 'language' is not installed")
pytest.importorskip("pycld2", reason="the extra 'language' is not installed")

EN = "The river was high after the rain, and nobody wanted to cross it before the morning came. "
DE = "Der Fluss war nach dem Regen hoch, und niemand wollte ihn vor dem nächsten Morgen überqueren. "
JA = "雨のあと川の水が増えて、朝になるまで誰も渡ろうとしなかった。"
SENTENCES = [
    EN,
    DE,
    JA,
    EN.upper(),
    DE.upper(),
    "e\u0301te\u0301 " * 9,
    "x = foo(bar[3]) # ok",
    "12 34 56",
    "Привет, мир! ",
]


def told(texts: list[str | None], **params: Any) -> list[tuple[str, float]]:
    """Language and confidence of every text."""
    measured = Language(**params).measure(pa.record_batch({"text": pa.array(texts, pa.string())}))
    return list(zip(measured.column("language").to_pylist(), measured.column("confidence").to_pylist(), strict=True))


def gone(texts: list[str | None], **params: Any) -> dict[int, str]:
    """The rule by which each text goes."""
    stage = Language(**params)
    found = stage.decide(stage.measure(pa.record_batch({"text": pa.array(texts, pa.string())})))
    return dict(zip(found.column("row").to_pylist(), found.column("rule").to_pylist(), strict=True))


@given(st.lists(st.one_of(st.sampled_from(SENTENCES), st.text()).map(lambda t: t + "é" * 2), min_size=1, max_size=6))
def test_the_kernel_answers_as_py3langid_does(texts: list[str]) -> None:
    cut = windows_of(pa.array(texts), 500, 1)
    label, sure = detect("py3langid", cut.data, cut.starts[:, 0], cut.stops[:, 0], cut.odd[:, 0])
    for text, k, confidence in zip(texts, label.tolist(), sure.tolist(), strict=True):
        ranked = naive.identifier().rank(text[:500])
        assert k < 0 or confidence == pytest.approx(ranked[0][1], abs=1e-3)
        # Two languages may be level but for the rounding of float32.
        assert k < 0 or CODES["py3langid"][k] in [code for code, share in ranked if ranked[0][1] - share < 1e-3]


@pytest.mark.parametrize("name", ["lingua_sentences_a", "manpages_12lang"])
def test_real_texts_are_told_as_py3langid_tells_them(name: str) -> None:
    path = Path(__file__).parents[2] / f"../shared/data/langid/{name}.jsonl.zst"
    if not path.exists():
        pytest.skip("the labelled texts are not here")
    with pa.input_stream(str(path), compression="zstd") as stream:
        lines = stream.read().decode().split("\n")[:-1][::10]
    texts = [json.loads(line)["text"] for line in lines]
    ours = [code for code, _ in told(texts, min_letters=1)]
    assert ours == [naive.identifier().classify(text[:500])[0] for text in texts]


def test_the_codes_are_those_of_the_detectors() -> None:
    import pycld2

    assert set(CODES["py3langid"]) == set(naive.identifier().nb_classes)
    assert _model().labels.max() == len(CODES["py3langid"]) - 1
    own = {code for name, code in pycld2.LANGUAGES if name in pycld2.DETECTED_LANGUAGES}
    own = {"he" if c == "iw" else "jv" if c == "jw" else c for c in own if not c.startswith(("xx", "zz", "un"))}
    assert own - set(CODES["cld2"]) == set()


@given(st.text(max_size=80), st.integers(1, 30), st.integers(1, 4))
def test_windows_are_spread_from_the_first_character_to_the_last(text: str, chars: int, most: int) -> None:
    cut = windows_of(pa.array(["before", text]), chars, most)
    spans = zip(cut.starts[1].tolist(), cut.stops[1].tolist(), strict=True)
    found = [cut.data[a:b].tobytes().decode() for a, b in spans if a >= 0]
    assert found == naive.windows(text, chars, most)


@pytest.mark.parametrize("method", METHODS)
def test_a_language_is_told_in_any_case_and_kind(method: Any) -> None:
    assert [code for code, _ in told([EN, DE, JA, EN.upper()], method=method)] == ["en", "de", "ja", "en"]
    chat = pa.record_batch({"messages": [[{"role": "user", "content": DE}, {"role": "assistant", "content": None}]]})
    assert Language(method=method).measure(chat).column("language").to_pylist() == ["de"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", [None, "", "ok", "12:30 … 14:05", "\u200b\u0301", "ß€", "好的", "\0\x1f\ufffe"])
def test_what_is_too_short_to_tell_is_unknown(method: Any, text: str | None) -> None:
    assert told([text], method=method) == [("und", 0.0)]
    assert gone([text], method=method, keep=("en",)) == {}
    assert gone([text], method=method, keep=("en",), unknown="drop", min_confidence=1.0) == {0: "unknown"}


def test_a_letter_of_a_script_without_spaces_counts_as_three() -> None:
    assert [code for code, _ in told(["東京です", "東京で", "abcdefghi"])] == ["ja", "und", "und"]


@pytest.mark.parametrize("method", METHODS)
def test_controls_and_noncharacters_do_no_harm(method: Any) -> None:
    assert told(["\0\x1f\x7f\x85\ufffe\U0010ffff" + EN], method=method)[0][0] == "en"


def test_only_the_first_characters_count_unless_windows_are_asked_for() -> None:
    mixed = EN * 12 + DE * 40
    assert told([mixed])[0][0] == "en"
    assert told([mixed], windows=5)[0][0] == "de"
    assert gone([mixed, DE * 40], windows=5, min_agreement=0.9) == {0: "min_agreement"}


def test_a_window_that_says_nothing_does_not_count() -> None:
    assert told([EN * 6 + "1 2 " * 1000], windows=4)[0] == told([EN * 6])[0]


RULES: list[tuple[dict[str, Any], dict[int, str]]] = [
    ({}, {}),
    ({"keep": ("en",)}, {1: "keep", 2: "keep"}),
    ({"drop": ("ja", "de")}, {1: "drop", 2: "drop"}),
    ({"keep": ("en", "de"), "drop": ("de",)}, {1: "drop", 2: "keep"}),
    ({"keep": "en", "unknown": "quarantine"}, {1: "keep", 2: "keep", 3: "unknown"}),
]


@pytest.mark.parametrize(("params", "rules"), RULES)
def test_lists_say_who_stays(params: dict[str, Any], rules: dict[int, str]) -> None:
    assert gone([EN, DE, JA, "?"], **params) == rules


def test_a_code_stands_for_its_scripts() -> None:
    old = "這是一個用繁體中文寫的普通句子，說的是昨天的天氣和今天的早餐。"
    assert told([old], method="cld2")[0][0] == "zh-Hant"
    assert gone([old], method="cld2", keep=("zh",)) == {}
    assert gone([old], method="cld2", keep=("zh-Hant",)) == {}


def test_what_is_not_sure_goes_by_confidence() -> None:
    sure = told([EN, "abc def ghi jkl"])
    assert sure[0][1] > 0.9 > sure[1][1]
    assert gone([EN, "abc def ghi jkl"], min_confidence=0.9) == {1: "min_confidence"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"keep": ("english",)}, "'english'.*did you mean 'en'"),
    ({"drop": ("eng",)}, "did you mean 'en'"),
    ({"keep": ("EN",)}, "did you mean 'en'"),
    ({"keep": ("zh_CN",)}, "did you mean 'zh'"),
    ({"keep": ("Germann",)}, "did you mean 'de'"),
    ({"keep": ("nb",)}, "did you mean 'no'"),
    ({"keep": ("swe",)}, "did you mean 'sv'"),
    ({"keep": ("klingon",)}, r"does not know\. It answers"),
    ({"keep": ("und",)}, "`unknown`"),
    ({"method": "fasttext"}, "py3langid, cld2"),
    ({"min_confidence": 50}, "from 0 to 1"),
    ({"chars": 0}, "from 20"),
    ({"unknown": "ask"}, "quarantine"),
]


@pytest.mark.parametrize(("params", "says"), WRONG)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Language(**params)


@pytest.mark.parametrize(("method", "module"), [("py3langid", "py3langid.langid"), ("cld2", "pycld2")])
def test_a_detector_that_is_missing_is_named_with_its_extra(
    method: Any, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(detectors, "_read", detectors._read.__wrapped__)
    with pytest.raises(ExtraMissing, match=r"tamis\[language\]"):
        told([EN], method=method)


def test_a_run_without_its_detector_ends_before_a_row_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(detectors, "version", none)
    with pytest.raises(ExtraMissing, match="'py3langid' is not installed"):
        tamis.run(recipe("language@1"), pa.table({"text": [EN]}), tmp_path / "run")
    assert not (tmp_path / "run" / "data").exists()


def test_a_model_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "_read", detectors._read.__wrapped__)
    monkeypatch.setitem(detectors.CODES, "py3langid", CODES["py3langid"][1:])
    with pytest.raises(UsageError, match=r"another than that of 0\.4.*tamis"):
        told([EN])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", [EN * 20_000, "a" * 1_000_000, "e\u0301" * 300_000, "א" * 400_000, "👍🏽" * 300_000])
def test_a_text_of_a_million_characters_costs_its_windows_only(method: Any, text: str) -> None:
    started = time.process_time()
    found = told([text], method=method, windows=8)
    assert (found[0][0] == "en") is (text[:1] == "T") and time.process_time() - started < 1


@given(st.lists(st.sampled_from([*SENTENCES, "", EN * 9 + DE * 9]), max_size=8), st.integers(0, 8))
def test_a_text_is_told_the_same_in_any_company(texts: list[str], at: int) -> None:
    together = told(texts, windows=3)
    assert together == told(texts[:at], windows=3) + told(texts[at:], windows=3)


def test_a_run_counts_languages_and_can_be_replayed(tmp_path: Path) -> None:
    rows = [{"text": t} for t in [EN, DE, JA, DE + EN, "?"]]
    run = tamis.run(recipe({"language@1": {"keep": ["en"]}}), pa.Table.from_pylist(rows), tmp_path / "run")
    assert run.data().column("language").to_pylist() == ["en", "und"]
    facts = run.facts["steps"][1]["facts"]
    assert "py3langid" in run.facts["steps"][1]["stands_on"]
    assert facts["languages"] == {"de": 2, "en": 1, "ja": 1, "und": 1}
    assert facts["kept_by_language"] == {"en": 1, "und": 1}
    assert "de 2" in (run.path / "report.html").read_text("utf-8")
    assert {v["evidence"] for v in run.verdicts().to_pylist()} == {'{"language": "de"}', '{"language": "ja"}'}
    again = tamis.replay(run, ["language.keep=[en, de]"])
    assert (again.back.num_rows, again.gone.num_rows) == (2, 0)


def test_confidence_has_four_places() -> None:
    sure = np.array([c for _, c in told(SENTENCES)])
    assert (sure == np.round(sure, 4)).all() and (sure <= 1).all()

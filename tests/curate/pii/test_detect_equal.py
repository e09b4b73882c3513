"""What the detector finds behind its gates is what Presidio finds without them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from naive_pii import fuzzed

pytest.importorskip("presidio_analyzer", reason="needs tamis[pii]")

import polars as pl
import regex

from tamis.curate.pii import Detector, presidio
from tamis.curate.pii.gates import KEPT, fewer, gate, relax

SEVEN = [
    *(
        "CreditCardRecognizer",
        "UsSsnRecognizer",
        "CryptoRecognizer",
        "EmailRecognizer",
        "IbanRecognizer",
        "IpRecognizer",
    ),
    "PhoneRecognizer",
]
DEFAULTS = [
    *SEVEN,
    *("UsBankRecognizer", "UsLicenseRecognizer", "UsItinRecognizer", "UsPassportRecognizer", "NhsRecognizer"),
    *("DateRecognizer", "MedicalLicenseRecognizer", "UrlRecognizer", "MacAddressRecognizer"),
]


def found(detector: Detector, texts: list[str]) -> list[list[tuple[Any, ...]]]:
    """Start, stop, entity and score of every finding, by text."""
    of: list[list[tuple[Any, ...]]] = [[] for _ in texts]
    for row in detector.find(pa.array(texts, pa.string())).found.to_pylist():
        of[row["row"]].append((row["start"], row["stop"], row["entity"], row["score"]))
    return [sorted(one) for one in of]


def plainly(detector: Detector, texts: list[str]) -> list[list[tuple[Any, ...]]]:
    """The same by Presidio's own engine, with the same recognisers."""
    analyze = presidio.plain(detector.consulted, detector.threshold)
    return [sorted((f.start, f.stop, f.entity, float(np.float32(f.score))) for f in analyze(text)) for text in texts]


@pytest.mark.parametrize(
    "detector",
    [
        pytest.param(lambda: Detector(overlaps=True), id="ours"),
        pytest.param(lambda: stock(SEVEN, 0.4), id="seven strong"),
        pytest.param(lambda: stock(DEFAULTS, 0.0), id="all defaults"),
        pytest.param(lambda: Detector(entities=(), packs=("uk", "us", "de"), threshold=0.0, overlaps=True), id="packs"),
    ],
)
def test_findings_are_those_of_plain_presidio(detector: Any) -> None:
    texts = fuzzed(300)
    own = detector()
    assert found(own, texts) == plainly(own, texts)


def stock(names: list[str], threshold: float) -> Detector:
    """Presidio's recognisers, as they come."""
    own = tuple(presidio.made(name) for name in names)
    return Detector(entities=(), recognisers=own, threshold=threshold, overlaps=True)


EVERY = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


@pytest.mark.parametrize(
    "pattern", [r"\d", r"\w", r"\s", r"\S", r"\D", r"\W", "[a-z]", "i", "k", "s", "[ß-ý]", "[^a]", r"[^1\s]", "ǆ"]
)
def test_a_gate_lets_every_character_through_that_a_pattern_takes(pattern: str) -> None:
    column = pl.Series(EVERY)
    (only,) = gate([pattern]) or ()
    let = set(column.filter(column.str.contains(only)))
    assert set(regex.findall(pattern, "".join(EVERY), regex.I | regex.S | regex.M)) <= let


@pytest.mark.parametrize(
    "pattern", [r"[[:alpha:]]+", r"(?:foo){e<=1}", r"\p{Lu}x", r"(a)(?(1)b|c)", r"(?R)", "", r"\bx*\b", "("]
)
def test_what_a_gate_cannot_be_made_of_is_left_ungated(pattern: str) -> None:
    assert relax(pattern) is None


@pytest.mark.parametrize("pattern", [r"(?<!\d)(\d\d)-\1\b", r"^\[?(?:ab|)c{2,90}$", r"(?i:K)l?M+?x*"])
def test_a_gate_matches_what_its_pattern_matches(pattern: str) -> None:
    texts = ["11-11", "11-12", "[abcc", "cc", "KlMx", "\u212aMM", "nothing", ""]
    matched = [bool(re.search(pattern, text)) for text in texts]
    let = [any(pl.Series([text]).str.contains(one)[0] for one in gate([pattern], 0) or ()) for text in texts]
    assert all(not m or g for m, g in zip(matched, let, strict=True)) and not all(let)


def test_many_gates_become_few_that_let_the_same_pass() -> None:
    gates = [("(?i:a1)", "b"), None, tuple(f"x{k}y" for k in range(40))]
    few = fewer(gates)
    assert few[1] is None and sum(len(gate) for gate in few if gate) <= KEPT
    for text in ("A1", "a2", "x7y x", "x40y", "X7y"):
        passes = [[any(re.search(one, text) for one in gate) for gate in some if gate] for some in (gates, few)]
        assert passes[0] == passes[1]

"""Models that score texts: `alt-profanity-check`, or a class of the user's own, `file.py:ClassName`.

    class Toxicity:
        def __init__(self):                  # once in a process
            self.model = load("model.bin")

        def score(self, texts):              # a list of str; one number from 0 to 1 for each
            return self.model.predict(texts)

It is imported when it is first asked, once in every worker.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from typing import Any, Protocol

import numpy as np

from tamis.curate.profanity.lists import stamp
from tamis.errors import UsageError
from tamis.extras import extra

CHECK = "alt-profanity-check"


class Scorer(Protocol):
    """What scores texts. A score must not depend on which other texts are asked about."""

    def score(self, texts: list[str]) -> Sequence[float] | np.ndarray:
        """How profane each of `texts` is: n numbers from 0 to 1."""


def scores_of(model: str, base: Path, texts: list[str]) -> np.ndarray:
    """What the model called `model` says of each text: (n,) float64, to four places.

    Raises UsageError where it cannot be had or does not answer as `Scorer` says; what it raises goes up as it is.
    """
    at = None if model == CHECK else stamp(base / file_of(model))
    found = np.asarray(_scorer(model, base, at).score(texts), np.float64)
    if found.shape != (len(texts),):
        raise UsageError(
            f"profanity: {model} gave {found.shape} numbers for {len(texts)} texts; one for each was wanted"
        )
    if wrong := [float(s) for s in found if not 0 <= s <= 1]:
        raise ValueError(f"{model} gave the score {wrong[0]!r}; a number from 0 to 1 was wanted")
    rounded: np.ndarray = np.round(found, 4)
    return rounded


@cache
def _scorer(model: str, base: Path, at: tuple[int, int] | None) -> Scorer:
    """Made once for every version of its file."""
    return _Check() if model == CHECK else _own(model, base)


def versions() -> dict[str, str]:
    """What the answers of `alt-profanity-check` depend on. Raises ExtraMissing or UsageError where it cannot be asked."""
    with extra("profanity"):
        found = {name: version(name) for name in (CHECK, "scikit-learn")}
    if len(set(found.values())) > 1:
        raise UsageError(
            f"profanity: the model of {CHECK} {found[CHECK]} is a pickle of scikit-learn {found[CHECK]}, but "
            f"{found['scikit-learn']} is installed; run: pip install 'tamis[profanity]'"
        )
    return found


class _Check:
    """alt-profanity-check: a linear SVM over words, trained on tweets and forum comments in English."""

    def __init__(self) -> None:
        versions()
        with extra("profanity"):
            from profanity_check import predict_prob
        self._predict: Any = predict_prob

    def score(self, texts: list[str]) -> np.ndarray:
        return np.asarray(self._predict(texts), np.float64) if texts else np.zeros(0)


def file_of(model: str) -> str:
    """The file of `file.py:ClassName`. Raises UsageError where `model` is neither that nor a known name."""
    path, colon, name = model.rpartition(":")
    if not (colon and path.endswith(".py") and name.isidentifier()):
        raise UsageError(
            f"profanity: model is {model!r}; it can be {CHECK!r}, or a class of your own: 'file.py:ClassName'"
        )
    return path


def _own(model: str, base: Path) -> Scorer:
    path, name = base / file_of(model), model.rpartition(":")[2]
    spec = spec_from_file_location(f"tamis_scorer_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"profanity: model is {model!r}, but there is no file {path}")
    module = sys.modules[spec.name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        made = getattr(module, name)()
    except Exception as error:
        # The file is the user's: whatever it raises is theirs to mend, and is told with its line.
        lines = [f.lineno for f in extract_tb(error.__traceback__) if f.filename == str(path)]
        where = f"{path}:{lines[-1]}" if lines else str(path)
        raise UsageError(f"profanity: {where}: {type(error).__name__}: {error}") from error
    if not callable(getattr(made, "score", None)):
        raise UsageError(
            f"profanity: {name} of {path} has no method score(texts); it gives one number from 0 to 1 a text"
        )
    scorer: Scorer = made
    return scorer

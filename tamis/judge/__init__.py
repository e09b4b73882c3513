"""Verdicts with error bars: how far judges agree, what they prefer, and what that says of the models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamis.judge.accord import agreements
    from tamis.judge.agreement import alpha, cohen, fleiss, gwet, raw
    from tamis.judge.answers import read_answers
    from tamis.judge.bias import findings
    from tamis.judge.controlled import length_controlled
    from tamis.judge.labels import Labels
    from tamis.judge.leaderboard import board
    from tamis.judge.paired import difference
    from tamis.judge.people import ceiling, corrected
    from tamis.judge.played import games
    from tamis.judge.reading import read_judgments, read_labels
    from tamis.judge.rubric import Rubric
    from tamis.judge.rubric_file import read_rubric
    from tamis.judge.shelf import shipped_rubrics
    from tamis.judge.strength import strengths
    from tamis.judge.winrate import win_rates
    from tamis.statistics.estimate import Estimate

_HOME = {
    "Estimate": "tamis.statistics.estimate",
    "Labels": "tamis.judge.labels",
    "Rubric": "tamis.judge.rubric",
    "agreements": "tamis.judge.accord",
    "alpha": "tamis.judge.agreement",
    "board": "tamis.judge.leaderboard",
    "ceiling": "tamis.judge.people",
    "cohen": "tamis.judge.agreement",
    "corrected": "tamis.judge.people",
    "difference": "tamis.judge.paired",
    "findings": "tamis.judge.bias",
    "fleiss": "tamis.judge.agreement",
    "games": "tamis.judge.played",
    "gwet": "tamis.judge.agreement",
    "length_controlled": "tamis.judge.controlled",
    "raw": "tamis.judge.agreement",
    "read_answers": "tamis.judge.answers",
    "read_judgments": "tamis.judge.reading",
    "read_labels": "tamis.judge.reading",
    "read_rubric": "tamis.judge.rubric_file",
    "shipped_rubrics": "tamis.judge.shelf",
    "strengths": "tamis.judge.strength",
    "win_rates": "tamis.judge.winrate",
}

__all__ = [
    "Estimate",
    "Labels",
    "Rubric",
    "agreements",
    "alpha",
    "board",
    "ceiling",
    "cohen",
    "corrected",
    "difference",
    "findings",
    "fleiss",
    "games",
    "gwet",
    "length_controlled",
    "raw",
    "read_answers",
    "read_judgments",
    "read_labels",
    "read_rubric",
    "shipped_rubrics",
    "strengths",
    "win_rates",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: the page for raters needs no kernels, which take a second to import."""
    if name not in _HOME:
        raise AttributeError(f"module 'tamis.judge' has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)

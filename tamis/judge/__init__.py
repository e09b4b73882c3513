"""Verdicts with error bars: how far judges agree, what they prefer, and what that says of the models."""

from tamis.judge.accord import agreements
from tamis.judge.agreement import alpha, cohen, fleiss, gwet, raw
from tamis.judge.answers import read_answers
from tamis.judge.bias import findings
from tamis.judge.controlled import length_controlled
from tamis.judge.labels import Labels
from tamis.judge.leaderboard import board
from tamis.judge.people import ceiling, corrected
from tamis.judge.played import games
from tamis.judge.reading import read_judgments, read_labels
from tamis.judge.rubric import Rubric, read_rubric, shipped_rubrics
from tamis.judge.strength import strengths
from tamis.judge.winrate import difference, win_rates
from tamis.statistics.estimate import Estimate

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

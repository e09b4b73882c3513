"""STAGES THAT ASK A JUDGE: filters and preferences by verdict, replayable."""

from tamis.judge.stages.pairwise import Pairwise
from tamis.judge.stages.score import Score

__all__ = ["Pairwise", "Score"]

"""Adapters from snapshots: every row accounted for, the same bytes every time."""

from tamis.train.job import Job
from tamis.train.plan import Plan, plan
from tamis.train.run import Trained, train
from tamis.train.settings import Settings

__all__ = ["Job", "Plan", "Settings", "Trained", "plan", "train"]

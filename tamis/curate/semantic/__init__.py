"""Records that mean the same, and what a corpus is about, by the embeddings of a model that is on the machine."""

from tamis.curate.semantic.stage import Semantic
from tamis.curate.semantic.topics import Topics

__all__ = ["Semantic", "Topics"]

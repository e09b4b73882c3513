"""Quality rules of four papers, decided from numbers that are counted once per text."""

from tamis.curate.quality.c4 import C4
from tamis.curate.quality.c4_lines import C4Lines
from tamis.curate.quality.counts import TEXT
from tamis.curate.quality.fineweb import FineWeb
from tamis.curate.quality.gopher import Gopher
from tamis.curate.quality.repetition import Repetition

__all__ = ["C4", "TEXT", "C4Lines", "FineWeb", "Gopher", "Repetition"]

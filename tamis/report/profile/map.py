"""Topics as discs on a map, with as many of their words as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tamis.report.profile.facts import Topic

LETTER, LINE = 6.2, 13.0
"""Width of a letter and height of a line, in units of the map."""

LINES = 3


class Disc(NamedTuple):
    """A topic drawn. `core`: radius of the part that quality rules would drop; `terms`: (y, word); `at`: y of the number."""

    topic: Topic
    core: float
    terms: tuple[tuple[float, str], ...]
    at: float


def discs(topics: Sequence[Topic]) -> tuple[Disc, ...]:
    """The largest first."""
    return tuple(_disc(topic) for topic in topics)


def _disc(topic: Topic) -> Disc:
    room = 1.75 * topic.r
    fitting = [term for term in topic.terms if len(term) * LETTER < room][:LINES]
    lines = int(max(0.0, room - LINE) // LINE)
    shown = fitting[: min(LINES, lines)]
    top = topic.y - LINE * len(shown) / 2
    terms = tuple((round(top + LINE * (k + 1) + 4, 1), term) for k, term in enumerate(shown))
    return Disc(topic, round(topic.r * (1 - topic.keeps) ** 0.5, 1), terms, round(top + 4, 1))

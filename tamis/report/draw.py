"""Where things stand in a drawing: numbers to coordinates and path data. The template gives them colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tamis.report.facts import Bin, Histogram, Limit, StepFacts
from tamis.report.wording import percent, short

WIDTH, TOP, BASE, HEIGHT = 320.0, 26.0, 104.0, 120.0
"""A histogram, in user units: bars stand on BASE and reach up to TOP."""

GAP = 7.0
"""Between the column of 0 and the others."""

TALL = 3.0
"""A column so many times as high as the next is cut off, marked and labelled, so that the others can be seen."""


class Mark(NamedTuple):
    """Text at a place. `anchor` is start, middle or end."""

    x: float
    text: str
    anchor: str = "middle"


class Line(NamedTuple):
    """A threshold: where it stands, what it says and on which row of labels, and to which side records stay."""

    x: float
    label: Mark
    row: float
    arrow: str


class Cut(NamedTuple):
    """Where a column is cut off, and its share beside it."""

    x: float
    label: Mark


class Bars(NamedTuple):
    """A histogram drawn. `cut` are columns that were cut off; `peak` says how many records the drawing is high."""

    stay: str
    go: str
    lines: tuple[Line, ...]
    ticks: tuple[Mark, ...]
    cut: tuple[Cut, ...]
    peak: Mark | None


def bars(histogram: Histogram, limits: Sequence[Limit] = ()) -> Bars:
    """Path data of a histogram and of the thresholds in it."""
    bins = histogram.bins
    left, width = _columns(bins)
    heights = np.array([b.stay + b.go for b in bins], float)
    top = _top(heights)
    scale = (BASE - TOP) / top
    stay, go, cut = [], [], []
    for x, b, height in zip(left, bins, heights, strict=True):
        whole = min(height, top) * scale
        upper = max(whole * b.go / height, min(1.0, b.go)) if height else 0.0
        lower = max(whole - upper, min(1.0, b.stay)) if height else 0.0
        stay.append(_bar(x, BASE, width, lower))
        go.append(_bar(x, BASE - lower, width, upper))
        if height > top:
            cut.append(_cut(x + width / 2, width, percent(height / histogram.measured)))
    lines = _lines(histogram, limits)
    return Bars(
        "".join(stay),
        "".join(go),
        lines,
        _ticks(histogram),
        tuple(cut),
        _peak(top, heights, left, cut, lines),
    )


def _cut(x: float, width: float, text: str) -> Cut:
    side = width / 2 + 4
    label = Mark(round(x + side, 1), text, "start") if x < WIDTH / 2 else Mark(round(x - side, 1), text, "end")
    return Cut(round(x, 1), label)


def _peak(top: float, heights: np.ndarray, left: np.ndarray, cut: Sequence[Cut], lines: Sequence[Line]) -> Mark | None:
    """How many records the drawing is high, in a corner that is free."""
    high, room = heights > 0.8 * top, 34
    taken = [c.label.x for c in cut] + [line.x for line in lines]
    if not high[left < room].any() and all(x > 2 * room for x in taken):
        return Mark(0.0, short(top), "start")
    right = min([WIDTH, *(line.x - 4 for line in lines if line.x > WIDTH - room)])
    clear = (left > right - 2 * room) & (left < right)
    if not high[clear].any() and all(not right - room < x < right for x in taken):
        return Mark(round(right, 1), short(top), "end")
    return None


def _columns(bins: Sequence[Bin]) -> tuple[np.ndarray, float]:
    """Left side of each column, and the width of all."""
    gap = GAP if _has_zero(bins) else 0.0
    pitch = (WIDTH - gap) / len(bins)
    left = np.arange(len(bins)) * pitch
    left[1 if gap else 0 :] += gap
    return left, pitch - max(0.8, 0.06 * pitch) if pitch > 2 else pitch


def _has_zero(bins: Sequence[Bin]) -> bool:
    return len(bins) > 1 and bins[0].low == bins[0].high


def _top(heights: np.ndarray) -> float:
    """Records that the drawing is high: those of the highest column, or some more than the next has if it towers."""
    order = np.sort(heights[heights > 0])[::-1]
    for k in range(min(2, len(order) - 1)):
        if order[k] > TALL * order[k + 1]:
            return float(np.ceil(order[k + 1] * 1.3))
    return float(order[0]) if len(order) else 1.0


def _bar(x: float, base: float, width: float, height: float) -> str:
    return f"M{x:.1f} {base:.1f}v{-height:.1f}h{width:.1f}v{height:.1f}z" if height > 0 else ""


def _place(histogram: Histogram, value: float) -> float:
    """Where `value` stands."""
    bins = histogram.bins
    left, width = _columns(bins)
    if _has_zero(bins) and value == 0:
        return float(left[0] + width / 2)
    first = 1 if _has_zero(bins) else 0
    edges = np.array([bins[first].low, *(b.high for b in bins[first:])])
    sides = np.append(left[first:], left[-1] + (left[-1] - left[-2] if len(left) > first + 1 else width))
    if histogram.scale == "log":
        edges, value = np.log(np.maximum(edges, 1e-300)), float(np.log(max(value, 1e-300)))
    return float(np.interp(value, edges, sides))


def _lines(histogram: Histogram, limits: Sequence[Limit]) -> tuple[Line, ...]:
    found = []
    sign = {">=": "≥", "<=": "≤", "==": "="}
    for k, limit in enumerate(limits):
        x = min(max(_place(histogram, limit.threshold), 0.5), WIDTH - 0.5)
        up = limit.keep in (">=", ">")
        # The label stands on the side where records stay, unless there is no room.
        start = (up and x < WIDTH - 90) or (not up and x < 90)
        label = Mark(
            round(x + (4 if start else -4), 1),
            f"stays {sign.get(limit.keep, limit.keep)} {_number(limit)}",
            "start" if start else "end",
        )
        arrow = f"M{x:.1f} {TOP - 3:.1f}h{6 if up else -6}m{-2 if up else 2} -2l{2 if up else -2} 2l{-2 if up else 2} 2"
        found.append(Line(round(x, 1), label, 9.0 + 11 * (k % 2), arrow if limit.keep != "==" else ""))
    return tuple(found)


def _number(limit: Limit) -> str:
    return f"{limit.threshold:,.6g}"


def _ticks(histogram: Histogram) -> tuple[Mark, ...]:
    """A handful of round values under the columns."""
    bins = histogram.bins
    zero = [0.0] if _has_zero(bins) else []
    low, high = bins[len(zero)].low, bins[-1].high
    if histogram.scale == "log":
        low = max(low, high * 1e-9)
        decades = np.arange(np.ceil(np.log10(low) - 1e-9), np.floor(np.log10(high) + 1e-9) + 1)
        values = (10.0 ** decades[:: max(1, -(-len(decades) // 6))]).tolist()
    else:
        step = _round_step((high - low) / 5)
        values = (np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step).tolist()
    # Where a column is one whole number, its name stands under its middle.
    own = histogram.whole and histogram.scale == "linear" and bins[-1].high - bins[-1].low == 1
    middle = {"left": 0.5, "right": -0.5}[histogram.closed] if own else 0.0
    if own:
        values = [v for v in values if low <= v + middle <= high]
    marks: list[Mark] = []
    for value in dict.fromkeys([*zero, *values]):
        mark = _tick(round(_place(histogram, value + (middle if value or not zero else 0)), 1), short(value + 0.0))
        if not marks or mark.x - marks[-1].x > 16:
            marks.append(mark)
    return tuple(marks)


def _tick(x: float, text: str) -> Mark:
    return Mark(x, text, "start" if x < 8 else "end" if x > WIDTH - 8 else "middle")


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not under `least`."""
    power = 10.0 ** np.floor(np.log10(least)) if least > 0 else 1.0
    return float(next(power * m for m in (1, 2, 5, 10) if power * m >= least * (1 - 1e-9)))


FULL = 800.0
"""Width of the stream before anything has left it; the rest is room for what branches off."""


class Stream(NamedTuple):
    """One step of the flow, 1000 units wide and 100 high: what goes on, what branches off, how much was edited."""

    stays: str
    branches: tuple[tuple[str, str], ...]
    edited: float


def widest(steps: Sequence[StepFacts]) -> int:
    """The most records that any of `steps` had, those made there among them."""
    return max((step.rows["in"] + step.rows.get("derived", 0) for step in steps), default=0)


def stream(step: StepFacts, most: int) -> Stream:
    """The flow of records through `step` of a run that has `most` records at its widest: widths are numbers of records.

    What a step makes comes in from the right.
    """
    unit = FULL / max(1, most)
    came, stays = (step.rows["in"] + step.rows.get("derived", 0)) * unit, step.rows["kept"] * unit
    branches = []
    at, shift = stays, 1000 - came
    for fate in ("dropped", "quarantined"):
        width = step.rows[fate] * unit
        if width:
            branches.append((fate, _branch(at, at + width, shift)))
        at += width
    return Stream(_column(stays), tuple(branches), round(step.edited * unit, 2))


def outlet(steps: Sequence[StepFacts]) -> str:
    """The end of the stream."""
    return _column(steps[-1].rows["kept"] * FULL / max(1, widest(steps)), 60) if steps else ""


def _column(width: float, height: float = 101) -> str:
    # A step reaches a little into the next, or a hairline would show between them.
    return f"M0 0H{width:.2f}V{height}H0Z" if width else ""


def _branch(left: float, right: float, shift: float) -> str:
    """A band that leaves the stream at the top and ends at the right; it is equally wide all along."""
    a, b = left + shift, right + shift
    return f"M{left:.2f} 0C{left:.2f} 55 {a:.2f} 35 {a:.2f} 92H{b:.2f}C{b:.2f} 35 {right:.2f} 55 {right:.2f} 0Z"


def shares(parts: Sequence[tuple[str, int]], whole: int) -> tuple[tuple[str, float, float], ...]:
    """A bar of 100 units: name, start and length of each part that is not empty."""
    found, at = [], 0.0
    for name, rows in parts:
        length = 100 * rows / max(1, whole)
        if rows:
            found.append((name, round(at, 3), round(length, 3)))
        at += length
    return tuple(found)

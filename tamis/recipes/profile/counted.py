"""What was counted over all records: what rules would drop, lengths, licences, languages, listed words, extremes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.recipes.profile.look import FAMILIES
from tamis.recipes.profile.walk import Walk
from tamis.report.facts import Histogram
from tamis.report.groups import Groups
from tamis.report.histogram import histogram
from tamis.report.measures import MOST_GROUPS
from tamis.report.profile.facts import Count, Family, Field, Languages, Profane
from tamis.stage import Rule, first_broken

UNSURE = 0.5
"""Confidence under which a language is a guess."""

EVERY = 1 << 40
"""Row groups: all of them."""


class Quality(NamedTuple):
    """What the families would do, over how many records, and how many all would keep."""

    families: tuple[Family, ...]
    measured: int
    passes: int


def scores(walk: Walk, stage: str, names: list[str], most: int = EVERY) -> Iterator[pa.Table]:
    """Columns `names` of what a stage measured, row group by row group, in order; null where a record was not read."""
    step = walk.step_of[stage]
    groups = Groups(walk.run.parts("scores"), most)
    return (table.rename_columns(names) for table in groups.read([f"{step}.{name}" for name in names]))


def quality(walk: Walk) -> Quality:
    """What the families would do."""
    names = sorted({"chars", *(name for family in FAMILIES for name in family.scores.names)})
    gone: Counter[str] = Counter()
    alone: Counter[tuple[str, str]] = Counter()
    measured = passes = 0
    for table in scores(walk, "look", names):
        for batch in _read(table).combine_chunks().to_batches():
            broken = np.zeros(batch.num_rows, bool)
            for family in FAMILIES:
                rows = first_broken(family.rules, batch).column("row").to_numpy()
                broken[rows] = True
                gone[family.name] += len(rows)
                for rule in family.rules:
                    alone[family.name, rule.id] += first_broken((rule,), batch).num_rows
            measured, passes = measured + len(broken), passes + int(np.count_nonzero(~broken))
    families = tuple(
        Family(
            family.name,
            gone[family.name],
            _share(gone[family.name], measured),
            tuple(_rule(rule, alone[family.name, rule.id], measured) for rule in family.rules),
        )
        for family in FAMILIES
    )
    return Quality(families, measured, passes)


def length(walk: Walk) -> Histogram | None:
    """Characters of a record."""
    tables = list(scores(walk, "look", ["chars"], MOST_GROUPS))
    chars = [_read(table).column("chars").to_numpy().astype(np.float64) for table in tables]
    return histogram(np.concatenate([np.zeros(0), *chars]), total=_total(walk, tables))


def fields(walk: Walk, names: tuple[str, ...]) -> tuple[Field, ...]:
    """How long each text field is, and how many texts are in it where it is a list."""
    found = []
    for name in names:
        columns = [f"chars.{name}", f"parts.{name}"]
        tables = [t.drop_null() for t in scores(walk, "look", columns, MOST_GROUPS)]
        chars, parts = (np.concatenate([np.zeros(0), *(t.column(c).to_numpy() for t in tables)]) for c in columns)
        drawn = histogram(chars, total=_total(walk, tables))
        if drawn is not None:
            found.append(Field(name, drawn, histogram(parts) if np.any(parts != 1) else None))
    return tuple(found)


def licences(walk: Walk, readable: int) -> tuple[Count, ...]:
    """Declared licences of all records; "" is none."""
    found: Counter[str] = Counter()
    for table in scores(walk, "look", ["chars", "license"]):
        found.update(_values(_read(table).column("license").fill_null("")))
    return counts(found, readable)


def languages(walk: Walk) -> Languages | None:
    """Languages of all records; None where none was told."""
    if "language" not in walk.step_of:
        return None
    found: Counter[str] = Counter()
    unsure = 0
    for table in scores(walk, "language", ["language", "confidence"]):
        known = table.drop_null()
        found.update(_values(known.column("language")))
        unsure += pc.sum(pc.less(known.column("confidence"), UNSURE)).as_py() or 0
    return Languages(counts(found, found.total()), Count("unsure", unsure, _share(unsure, found.total())))


def profane(walk: Walk) -> Profane:
    """Listed words in all records."""
    hit = records = words = listed = 0
    for table in scores(walk, "profanity", ["words", "hits", "listed_words"]):
        known = table.drop_null()
        records += known.num_rows
        hit += pc.sum(pc.greater(known.column("hits"), 0)).as_py() or 0
        words += pc.sum(known.column("words")).as_py() or 0
        listed += pc.sum(known.column("listed_words")).as_py() or 0
    gone = sum(reason["rows"] for reason in walk.reasons("profanity"))
    params = walk.run.steps[walk.step_of["profanity"]]["params"]
    lists = "lists of 28 languages, each text by that of its own" if params["by"] else "the English list"
    per_million = 1e6 * listed / words if words else 0.0
    found, dropped = Count("hit", hit, _share(hit, records)), Count("dropped", gone, _share(gone, records))
    return Profane(lists, found, dropped, per_million)


def counts(found: Counter[str], whole: int) -> tuple[Count, ...]:
    """The most frequent first."""
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Count(name, rows, _share(rows, whole)) for name, rows in ordered)


def _total(walk: Walk, tables: list[pa.Table]) -> int | None:
    """Records of the run, where `tables` are not all of its row groups."""
    groups = Groups(walk.run.parts("scores"), EVERY)
    return groups.total if len(groups) > len(tables) else None


def _values(column: pa.ChunkedArray) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in column.value_counts().to_pylist()}


def _read(table: pa.Table) -> pa.Table:
    """Only records that could be read."""
    return table.filter(table.column("chars").is_valid())


def _rule(rule: Rule, rows: int, measured: int) -> Count:
    value = f"{rule.column} / {rule.per}" if rule.per else rule.column
    return Count(rule.id, rows, _share(rows, measured), f"{value} {rule.keep} {rule.threshold:,.6g}")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0

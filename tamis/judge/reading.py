"""Judgments and labels from JSON Lines or Parquet; a row that cannot be used is told by file and line."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args

import polars as pl
import pyarrow as pa

from tamis.data import parquet
from tamis.errors import InputError
from tamis.judge.played import together
from tamis.schemas import JUDGMENT, Order, Verdict

KEY = ["item_id", "model_a", "model_b", "judge", "rubric", "rubric_sha256", "aspect", "turn", "order", "repeat"]
"""What makes two judgments the same one, asked twice over."""


class Read(NamedTuple):
    """Rows, and what could not be used.

    problems  one for each row that was set aside: file, line, what was found and wanted
    """

    rows: pl.DataFrame
    problems: list[str]


def judgments_at(path: str | Path) -> Path:
    """`path`; of a folder that `tamis judge` wrote, the judgments in it."""
    inside = Path(path) / "judgments.parquet"
    return inside if inside.is_file() else Path(path)


def read_judgments(paths: Sequence[str | Path]) -> Read:
    """Rows of JUDGMENT; columns that are missing are null, others are left out; a judgment twice over counts once.

    paths  files, or folders that `tamis judge` wrote

    Raises InputError where a file cannot be read at all, or nothing in it is a judgment.
    """
    problems: list[str] = []
    kept: list[dict[str, Any]] = []
    places: list[str] = []
    for where, row in each_row(map(judgments_at, paths), problems):
        wrong = _wrong(row)
        if wrong:
            problems.append(f"{where}: {wrong}")
        else:
            places.append(where)
            kept.append(_judgment(row))
    table, kept = _table(kept, places, problems)
    if not kept:
        raise InputError(
            f"no judgment in {', '.join(map(str, paths))}{': ' + problems[0] if problems else ''}; "
            "a row has item_id, model_a, model_b and verdict (a, b, tie or unparsed), or item_id, model_a and score"
        )
    rows = pl.from_arrow(table)
    assert isinstance(rows, pl.DataFrame)
    unique = rows.unique(KEY, keep="first", maintain_order=True)
    if twice := rows.height - unique.height:
        problems.append(
            f"{twice:,} judgment{'s' * (twice > 1)} of the same pair, judge, rubric and order were there before; the first counts"
        )
    return Read(unique, problems)


def read_labels(paths: Sequence[str | Path], item: str = "item", rater: str = "rater", label: str = "label") -> Read:
    """Labels, columns item, rater, label and all others; judgments are labels, too: what both orders say of a pair, or a score.

    Raises InputError as `read_judgments` does, and where some labels are numbers and others words.
    """
    problems: list[str] = []
    found = list(each_row(map(judgments_at, paths), problems))
    if found and all(label not in row and ("verdict" in row or "score" in row) for _, row in found[:100]):
        own = read_judgments(paths)
        rows = _as_labels(own.rows)
        return Read(rows, [*own.problems, *_apart(rows)])
    kept = []
    for where, row in found:
        if missing := [name for name in (item, rater) if row.get(name) is None]:
            problems.append(f"{where}: no {missing[0]!r}")
        elif isinstance(row.get(label), list | dict):
            problems.append(f"{where}: {label!r} is {row[label]!r}, not one label")
        elif isinstance(row.get(label), int | float) and abs(row[label]) > _LARGE:
            problems.append(f"{where}: {label!r} is {row[label]!r:.20}; no scale goes so far")
        else:
            kept.append(
                {
                    **{k: v for k, v in row.items() if not isinstance(v, list | dict)},
                    "item": str(row[item]),
                    "rater": str(row[rater]),
                    "label": row.get(label),
                }
            )
    if not kept:
        raise InputError(
            f"no label in {', '.join(map(str, paths))}{': ' + problems[0] if problems else ''}; "
            f"a row has {item!r}, {rater!r} and {label!r}, or name them otherwise"
        )
    given = [r["label"] for r in kept if r["label"] is not None]
    numbers = [isinstance(v, int | float) for v in given]
    if any(numbers) and not all(numbers):
        odd = next(v for v in given if not isinstance(v, int | float))
        raise InputError(
            f"{label!r} is a number in some rows and {odd!r} in another; labels are all numbers or all words"
        )
    for row in kept:
        if row["label"] is not None:
            row["label"] = float(row["label"]) if any(numbers) else str(row["label"])
    return Read(pl.DataFrame(kept, infer_schema_length=None, strict=False), problems)


_LARGE = 1e100
"""Past it a score is no score: its square is still a number below it."""

_ARROW = pa.schema([pa.field(f.name, pa.float64() if pa.types.is_decimal(f.type) else f.type) for f in JUDGMENT])


def _as_labels(rows: pl.DataFrame) -> pl.DataFrame:
    """Scores where there are any, else what both orders of a pair come to; an item is all that was asked, rubric included."""
    scored = rows.filter(pl.col("model_b").is_null() & pl.col("score").is_not_null())
    if scored.height:
        return scored.with_columns(item=_asked("model_a"), rater="judge", label="score")
    share = pl.col("verdict").replace_strict({"a": 1.0, "b": 0.0, "tie": 0.5}, default=None, return_dtype=pl.Float64)
    pairs = together(rows.with_columns(share=share).drop_nulls("share"), "conservative")
    lead = pl.col("share") - 0.5
    word = pl.when(lead > 0).then(pl.lit("a")).when(lead < 0).then(pl.lit("b")).otherwise(pl.lit("tie"))
    return pairs.with_columns(item=_asked("model_a", "model_b"), rater="judge", label=word)


def _apart(rows: pl.DataFrame) -> list[str]:
    """Why no two raters have an item in common, where it is that each went by a rubric of its own."""
    shared = rows.group_by("item").agg(pl.col("rater").n_unique())["rater"]
    rubrics = rows.select("rubric", "rubric_sha256").unique().sort("rubric", "rubric_sha256")
    if rows["rater"].n_unique() < 2 or rubrics.height < 2 or (shared > 1).any():
        return []
    names = ", ".join(f"{name or 'none'} {(digest or '')[:8]}".strip() for name, digest in rubrics.head(5).iter_rows())
    return [
        f"no item was judged twice by one rubric: there are {rubrics.height} ({names}), and what one asks another does not; have "
        "all judge by one to tell how far they agree"
    ]


def _asked(*models: str) -> pl.Expr:
    """What names an item. The first of several times has no number: people are asked once, and the same as judges then."""
    version = pl.col("rubric_sha256").str.head(8)
    again = pl.when(pl.col("repeat") > 0).then("repeat")
    return pl.concat_str("item_id", *models, "aspect", "turn", again, version, separator=" ", ignore_nulls=True)


def _table(rows: list[dict[str, Any]], places: list[str], problems: list[str]) -> tuple[pa.Table, list[dict[str, Any]]]:
    """The rows as a table; where a value is of another type than its column, row by row, those rows told."""
    try:
        return pa.Table.from_pylist(rows, _ARROW), rows
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        kept = []
    for where, row in zip(places, rows, strict=True):
        try:
            pa.Table.from_pylist([row], _ARROW)
            kept.append(row)
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as wrong:
            problems.append(f"{where}: {str(wrong)[:200]}")
    return pa.Table.from_pylist(kept, _ARROW), kept


def _judgment(row: dict[str, Any]) -> dict[str, Any]:
    out = {name: row.get(name) for name in _ARROW.names}
    out["item_id"], out["judge"] = str(row["item_id"]), str(row.get("judge") or "judge")
    for name in ("model_a", "model_b"):
        out[name] = None if row.get(name) is None else str(row[name])
    if isinstance(out["judged_at"], str):
        with contextlib.suppress(ValueError):  # what is no time is told with its row
            out["judged_at"] = datetime.fromisoformat(out["judged_at"])
    for name in ("probability_a", "score", "cost"):
        value = row.get(name)
        out[name] = None if value is None else float(value)
    return out


def _wrong(row: dict[str, Any]) -> str:
    """What keeps `row` from being a judgment; empty: nothing does."""
    for name in ("item_id", "model_a", "model_b", "judge"):
        given = row.get(name)
        if given is None and name in ("model_b", "judge"):
            continue
        if not isinstance(given, str | int) or isinstance(given, bool) or (given == "" and name != "judge"):
            return f"{name} is {given!r:.50}; a judgment names it"
    for name, allowed in (("verdict", get_args(Verdict)), ("order", get_args(Order))):
        if row.get(name) is not None and row[name] not in allowed:
            return f"{name} is {row[name]!r}; it is one of {', '.join(allowed)}"
    for name, low, high in (("probability_a", 0.0, 1.0), ("score", -_LARGE, _LARGE), ("cost", 0.0, _LARGE)):
        value = row.get(name)
        if name == "cost" and isinstance(value, str | Decimal):  # as exact as it was written
            value = _money(value)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            return f"{name} is {value!r:.50}; it is a number{' from 0 to 1' if high == 1 else ''}"
    if row.get("verdict") is None and row.get("score") is None:
        return "neither verdict nor score"
    if row.get("model_b") is None and row.get("verdict") in ("a", "b", "tie"):
        return f"verdict is {row['verdict']!r}, but there is no model_b"
    return ""


def _money(value: str | Decimal) -> float | str:
    try:
        return float(value)
    except ValueError:
        return str(value)


def each_row(
    paths: Iterable[str | Path], problems: list[str], halves: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of every file (Parquet, JSON Lines, or one JSON list), with its place.

    halves  rows of a list that hold half of a surrogate pair, too, for those who mend it
    """
    for path in map(Path, paths):
        try:
            start = _start(path)
            listed = _listed(path) if start.lstrip()[:1] == b"[" else None
            if listed is not None:
                yield from _json_list(path.name, listed, problems, halves)
            else:
                yield from (_parquet if start[:4] == b"PAR1" else _json_lines)(path, problems)
        except (OSError, EOFError, pa.ArrowException) as wrong:
            raise InputError(f"{path} cannot be read: {wrong}") from wrong


def _start(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise InputError(
            f"{path} is a {'folder' if path.is_dir() else 'pipe or device'}; name a file, which can be read again"
        )
    with path.open("rb") as file:
        return file.read(64)


def _listed(path: Path) -> list[Any] | None:
    """The JSON list that the file is; None where it is one of lines, and the first of them is a list."""
    data = path.read_bytes()
    for part in (data, data.splitlines()[0]):
        try:
            found = json.loads(part)
        except (ValueError, RecursionError) as wrong:
            why = str(wrong)[:80]
            continue
        return found if part is data else None
    raise InputError(f"{path} is a list, but no JSON: {why}; export it again")


def _json_list(name: str, rows: list[Any], problems: list[str], halves: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    for k, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            problems.append(f"{name}, number {k}: a {type(row).__name__}, not an object")
        elif halves or _is_text(row):
            yield f"{name}, number {k}", row
        else:
            problems.append(f"{name}, number {k}: half of a surrogate pair is no text")


def _is_text(row: Any) -> bool:
    """Can a file hold it? Half of a surrogate pair is no text."""
    try:
        return bool(json.dumps(row, ensure_ascii=False).encode())
    except (UnicodeEncodeError, RecursionError):
        return False


def _parquet(path: Path, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for k, row in enumerate(parquet.read_table(path).to_pylist()):
        yield f"{path.name}:{k + 1}", row


def _json_lines(path: Path, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as lines:
        for k, line in enumerate(lines):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if b"\\ud" in line.lower() and not _is_text(row):
                    raise ValueError("half of a surrogate pair")
            except (ValueError, RecursionError) as wrong:
                problems.append(f"{path.name}:{k + 1}: not JSON, or not text: {str(wrong)[:80]}")
                continue
            if isinstance(row, dict):
                yield f"{path.name}:{k + 1}", row
            else:
                problems.append(f"{path.name}:{k + 1}: a {type(row).__name__}, not an object")


def read_table(paths: Sequence[str | Path], columns: Sequence[str]) -> pl.DataFrame:
    """The rows of all files, `columns` alone; ids are text. Raises InputError where a row has not all of them."""
    kept = []
    problems: list[str] = []
    for where, row in each_row(paths, problems):
        if missing := [name for name in columns if name not in row]:
            raise InputError(f"{where}: no {missing[0]!r}; a row has {', '.join(columns)}")
        kept.append({name: str(row[name]) if name in ("item_id", "model") else row[name] for name in columns})
    if problems:
        raise InputError(problems[0])
    if not kept:
        raise InputError(f"no rows in {', '.join(map(str, paths))}; a row has {', '.join(columns)}")
    try:
        return pl.DataFrame(kept, infer_schema_length=None)
    except (TypeError, pl.exceptions.PolarsError) as wrong:
        raise InputError(f"{paths[0]}: {' and '.join(columns)} are not of one type in all rows: {wrong}") from wrong

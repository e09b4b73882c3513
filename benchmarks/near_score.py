"""What a run of tamis or of a peer kept of webmix, held against the truth, as one line of JSON.

    python benchmarks/near_score.py NAME OUT LINES TRUTH        NAME tamis or a peer, OUT what it wrote, LINES what it read

In a process of its own: what measures a command must stay small.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import agreement
import measure
import near_peers

TRUTHS = ("j70", "j80")


def score(name: str, out: Path, lines: Path, truth: Path) -> dict[str, Any]:
    """Counts and, by truth, keep-one and pairwise agreement of one run, asked of a child."""
    return dict(json.loads(measure.run([sys.executable, __file__, name, out, lines, truth]).output))


def lost(run: Path, ids: list[str], source: str = "webmix") -> dict[str, tuple[str, float]]:
    """For each id that a run of tamis removed: the id of the record it lost to, and the similarity in the ledger."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    from tamis.data.block import record_ids

    name = dict(zip(record_ids(source, pa.array(ids)).to_pylist(), ids, strict=True))
    verdicts = ds.dataset(run / "verdicts").to_table(["record_id", "peer_id", "value"])
    records, peers = (map(name.__getitem__, verdicts[which].to_pylist()) for which in ("record_id", "peer_id"))
    return dict(zip(records, zip(peers, verdicts["value"].to_pylist(), strict=True), strict=True))


def groups(run: Path, ids: list[str], source: str = "webmix") -> dict[str, str]:
    """For each id the id of the record that stands for it in a run of tamis; itself where it was kept."""
    import pyarrow.dataset as ds

    gone = lost(run, ids, source)
    found = {k: gone.get(k, (k, 1.0))[0] for k in ids}
    kept = ds.dataset(run / "data").to_table(["id"])["id"].to_pylist()
    if sorted(kept) != sorted(k for k, first in found.items() if k == first):
        sys.exit(f"{run}: its data are not what its verdicts left")
    return found


def main() -> None:
    """Score one run."""
    name, out, lines, truth = sys.argv[1], *map(Path, sys.argv[2:])
    import polars as pl

    ids, text_bytes = [], 0
    with lines.open("rb") as rows:
        for row in map(json.loads, rows):
            ids.append(row["id"])
            text_bytes += len(row["text"].encode())
    found = groups(out, ids) if name == "tamis" else near_peers.groups(out)
    kept = [k for k, first in found.items() if k == first] if found else list(near_peers.kept(name, out))
    table = pl.read_parquet(truth, columns=["id", *TRUTHS]).filter(pl.col("id").is_in(ids))
    answer: dict[str, Any] = {"documents": len(ids), "text_bytes": text_bytes, "kept": len(kept)}
    for column in TRUTHS:
        members = dict(zip(table["id"], table[column], strict=True))
        answer[column] = {"keep_one": agreement.keep_one(members, kept)}
        if found:
            answer[column]["pairwise"] = agreement.pairwise(members, found)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()

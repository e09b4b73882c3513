"""What a profile costs, and what a draw says of near-duplicates beside the whole.

python benchmarks/profile_cost.py ../shared/data/bench/webmix.parquet
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import run

from tamis.data import find
from tamis.recipes.profile.alike import alike
from tamis.recipes.profile.size import bytes_in
from tamis.recipes.profile.walk import walk

HERE = Path(__file__).parent
SHARES = (1.0, 0.25, 0.1, 0.02)


def cost(data: Path, scratch: Path) -> dict[str, Any]:
    """Of the command with one worker, the page written: twice, so that kernels are compiled; the second counts."""
    tamis = str(Path(sys.executable).with_name("tamis"))
    told = [
        run([tamis, "profile", data, "--quiet", "--workers", "1", "-o", scratch / f"{data.stem}{k}"]) for k in (0, 1)
    ]
    page = scratch / f"{data.stem}1" / "report.html"
    return {**told[1].facts(), "page_bytes": page.stat().st_size}


def near(data: Path, share: float, scratch: Path) -> dict[str, Any]:
    """What is told of near-duplicates where about `share` of the records is drawn."""
    size = bytes_in(find([data]))
    found = alike(walk([data], scratch / f"near{share}", 1, 1, int(share * size) + (share == 1), None))
    told = found.share
    return {"drawn": round(found.rate, 4), "of": found.of, **{k: getattr(told, k) for k in ("value", "low", "high")}}


def main(data: Path) -> None:
    """Write results/profile_cost.json."""
    with tempfile.TemporaryDirectory(prefix="tamis-") as folder:
        scratch = Path(folder)
        example = HERE.parent / "examples/docs-sft/corpus.jsonl"
        found = {
            "cost": {file.name: cost(file, scratch) for file in (data, example)},
            "near": [near(data, share, scratch) for share in SHARES],
        }
    (HERE / "results/profile_cost.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

"""What tests are made of: rows, files, recipes, digests."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

OWN = Path(__file__).with_name("own_stages.py")

ITEMS = Path(__file__).with_name("items.jsonl")

NEEDED: dict[str, dict[str, Any]] = {
    "decontam@1": {"against": (str(ITEMS),), "min_words": 8},
    "sample@1": {"fraction": 0.5, "by": None},
    **{f"judge.{how}@1": {"judge": "m"} for how in ("pairwise", "score")},
    **{
        f"synth.{method}@1": {"model": "m"}
        for method in ("backtranslate", "evolve", "instruct", "preference", "rephrase")
    },
}
"""Parameters without which a stage of the catalog is none."""

WORDS = """the sieve turns a rough purée into a fine one and keeps every
receipt of what was left behind in the drum""".split()  # noqa: SIM905


NASTY = (
    "<script>document.title='broken'</script></script></style></p><img src=http://x.invalid/p onerror=alert(2)>"
    "<style>body{display:none}</style> {{ 7*7 }} {% raw %} \u202eevil\x07\u2066 <!-- ]]> `|` [a](javascript:b) "
)
"""What tries to break out of a page, and to hide."""


def sentences(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Rows of made-up text with repeats, short ones and odd fields."""
    rnd = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for k in range(count):
        text = " ".join(rnd.choices(WORDS, k=rnd.randrange(1, 60)))
        if rows and rnd.random() < 0.2:
            text = rnd.choice(rows)["text"]
        rows.append({"id": f"r{k}", "text": text, "lang": rnd.choice(["en", "fr", None]), "n": k})
    return rows


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    """Rows as JSON Lines; bytes are written as they are."""
    lines = (row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every Parquet file of a run."""
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.parquet")
    }


def recipe(*stages: Any, **head: Any) -> dict[str, Any]:
    """A recipe of `stages`: names, or mappings of a name to parameters. `own:Length` names one of own_stages."""

    def spelled(name: str) -> str:
        return f"{OWN}:{name.removeprefix('own:')}" if name.startswith("own:") else name

    listed = [{spelled(s): {}} if isinstance(s, str) else {spelled(k): v for k, v in s.items()} for s in stages]
    return {"name": "test", "stages": listed, **head}

"""Two hundred bad lines of ten kinds planted in webmix, and the same bytes however the run goes.

1. Every planted line is in quarantine with its file, line, byte offset and bytes; every other line is accounted for.
2. One worker, two workers, another partition size, and three times kill -9 and --resume leave the same Parquet files.

    python benchmarks/planted.py                 all 90,832 rows
    python benchmarks/planted.py --rows 5000     a small one
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import corpus
import measure

SEED, BAD, KILLS = 20261121, 200, 3

STAGES = ("clean@1: {}", "quality.gopher@1: {}", "quality.repetition@1: {}", "exact@1: {}")

KINDS = {
    "cut off": lambda k: b'{"id":"cut%d","text":"the line ends in the middle of a w' % k,
    "invalid UTF-8": lambda k: b'{"id":"utf%d","text":"caf\xe9 au lait \xff\xfe"}' % k,
    "NUL byte": lambda k: b'{"id":"nul%d","text":"before\x00after"}' % k,
    "lone surrogate": lambda k: b'{"id":"sur%d","text":"half a pair: \\ud83d"}' % k,
    "number for text": lambda k: b'{"id":"num%d","text":%d}' % (k, k),
    "null text": lambda k: b'{"id":"nil%d","text":null}' % k,
    "no text": lambda k: b'{"id":"mis%d","url":"https://example.org/%d"}' % (k, k),
    "a list": lambda k: b'["id","lst%d","text"]' % k,
    "a bare word": lambda k: b'"only a string, number %d"' % k,
    "text twice": lambda k: b'{"id":"two%d","text":"one","text":"another"}' % k,
}


class Planted(NamedTuple):
    """A bad line: its kind, bytes, and where it is (line from 1, offset in bytes)."""

    kind: str
    raw: bytes
    line: int
    offset: int


def main() -> None:
    """Plant, run, check, compare; print the tables and save them."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--rows", type=int, default=corpus.ROWS)
    told = parser.parse_args()
    lines, recipe = told.cache / "planted.jsonl", corpus.recipe(told.cache, "planted", *STAGES)
    planted = plant(corpus.jsonl(told.corpus, told.cache), lines, told.rows)
    runs = {name: told.cache / "planted" / name for name in ("one", "two", "cut", "killed")}
    shutil.rmtree(told.cache / "planted", ignore_errors=True)
    command = [*corpus.tamis(), "run", str(recipe), "-i", str(lines), "--quiet"]
    measure.run([*command, "-o", runs["one"], "--workers", "1"])
    measure.run([*command, "-o", runs["two"], "--workers", "2"])
    measure.run([*command, "-o", runs["cut"], "--workers", "2", "--partition-size", str(3_000_017)])
    small = ["--workers", "2", "--partition-size", str(lines.stat().st_size // 40)]  # many tasks to be killed in
    done = killed([*command, "-o", str(runs["killed"]), *small], runs["killed"])
    facts = {"rows": told.rows, "planted": BAD, **found(runs["one"], planted, told.rows), "tasks_done_at_kill": done}
    facts["differ"] = {name: differing(runs["one"], folder) for name, folder in runs.items() if name != "one"}
    facts["files"] = len(digests(runs["one"]))
    print(measure.table(["planted", "lines", "found", "rule"], [[k, *map(str, v)] for k, v in facts["kinds"].items()]))
    print(f"\nbooks: {facts['books']}")
    print(f"{len(done)} of {KILLS} kills hit a running process, with {done} tasks done")
    print(
        "\n".join(f"{name}: {len(d)} of {facts['files']} files differ {d or ''}" for name, d in facts["differ"].items())
    )
    measure.save(__file__, facts)
    lines.unlink()
    shutil.rmtree(told.cache / "planted")
    sys.exit(any(facts["differ"].values()) or not facts["holds"] or len(done) < KILLS)


def plant(source: Path, target: Path, rows: int) -> list[Planted]:
    """Write the first `rows` lines of `source` to `target` with BAD bad ones at seeded random places; say where."""
    rnd = random.Random(SEED)
    before = Counter(rnd.choices(range(rows), k=BAD))
    kinds = [*KINDS] * (BAD // len(KINDS))
    rnd.shuffle(kinds)
    planted: list[Planted] = []
    offset = line = 0
    with source.open("rb") as good, target.open("wb") as out:
        for k in range(rows):
            for _ in range(before[k]):
                kind = kinds[len(planted)]
                raw = KINDS[kind](len(planted))
                planted.append(Planted(kind, raw, line + 1, offset))
                out.write(raw + b"\n")
                offset, line = offset + len(raw) + 1, line + 1
            text = good.readline()
            out.write(text)
            offset, line = offset + len(text), line + 1
    return planted


def found(run: Path, planted: list[Planted], rows: int) -> dict[str, Any]:
    """What the run says of the planted lines, and whether that and its books are right."""
    import pyarrow.dataset as ds

    names = ["rule", "file", "line", "offset", "raw"]
    aside = ds.dataset(run / "quarantine").to_table(names, filter=ds.field("step") == 0).to_pylist()
    rules = {(row["file"], row["line"], row["offset"], row["raw"]): row["rule"] for row in aside}
    kinds: dict[str, tuple[int, int, str]] = {}
    for kind in KINDS:
        of_kind = [rules.get(("planted.jsonl", p.line, p.offset, p.raw)) for p in planted if p.kind == kind]
        right = [rule for rule in of_kind if rule is not None]
        kinds[kind] = len(of_kind), len(right), ", ".join(sorted(set(right)))
    books = json.loads((run / "run.json").read_bytes())["rows"]
    gone = books["dropped"] + books["quarantined"]
    all_found = sum(right for _, right, _ in kinds.values()) == BAD == len(aside)
    return {
        "kinds": kinds,
        "books": books,
        "holds": all_found and books["in"] == rows + BAD == books["kept"] + gone,
    }


def killed(command: list[str], run: Path) -> list[int]:
    """Carry `command` out, killed without warning KILLS times on its way; for each kill: how many tasks were done by then."""
    rnd, done = random.Random(SEED), [0]
    for k in range(KILLS):
        process = subprocess.Popen([*command, *(["--resume"] if k else [])], start_new_session=True)
        wanted = done[-1] + rnd.randint(5, 14)
        while process.poll() is None and _done(run) < wanted:
            time.sleep(0.005)
        time.sleep(rnd.random() * 0.05)  # not just when a task ends
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done.append(_done(run))
    measure.run([*command, "--resume"])
    return done[1:]


def _done(run: Path) -> int:
    """Tasks of a run that goes on with a completion record."""
    return len(list(run.glob(".work/*/*.json")))


def digests(run: Path) -> dict[str, str]:
    """sha256 of every Parquet file of a run."""
    return dict(_digests(run))


def _digests(run: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(run.rglob("*.parquet")):
        with path.open("rb") as file:
            yield path.relative_to(run).as_posix(), hashlib.file_digest(file, "sha256").hexdigest()


def differing(one: Path, other: Path) -> list[str]:
    """Parquet files that are not the same in two runs."""
    a, b = digests(one), digests(other)
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


if __name__ == "__main__":
    main()

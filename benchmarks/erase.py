"""Show: a subject erased from a store with three snapshots, what was made of them, and a model; then killed at random points.

    python benchmarks/erase.py                 2,000 documents, 20 kills
    python benchmarks/erase.py --documents 100000 --kills 0

Prints what `tamis erase` prints, then what verify says of old and new versions, what grep finds in the unpacked store, and
for each kill whether the store was as before or as after, once the next command has put it right.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
import pyarrow.parquet as pq

WHO = "p7@example.org"

ERASE = ["erase", "--match", f"meta.author.email={WHO}", "--yes"]


def tamis(*words: str | Path) -> str:
    """What a command prints. It must not fail."""
    return measure.run([sys.executable, "-m", "tamis", *words]).output


def rows(count: int) -> list[dict[str, object]]:
    """Documents of so many people, and licences."""
    return [
        {
            "id": f"d{k}",
            "text": f"Person {k} wrote this, the line number {k} of a corpus, and signed it p{k}@example.org.",
            "author": {"email": f"p{k}@example.org"},
            "license": "CC-BY-NC-4.0" if k % 3 == 0 else "CC-BY-4.0",
            "source": "docs",
        }
        for k in range(count)
    ]


def store(folder: Path, count: int) -> Path:
    """docs 1.0.0 and 1.1.0, synth 1.0.0 made of them, and a model."""
    root = folder / "store"
    (root / ".tamis").mkdir(parents=True)
    (folder / "keep.yaml").write_text("name: keep\nstages: [exact@1: {}]\n")
    every = rows(count)
    synth = [
        {"id": f"s{k}", "text": f"what number {k} says, in short", "derived_from": f"d{k}"} for k in range(count // 2)
    ]
    for name, some in (("docs", every[:-5]), ("more", every), ("synth", synth)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
        tamis("run", folder / "keep.yaml", "-i", folder / f"{name}.jsonl", "-o", root / "runs" / name, "--quiet")
    tamis("freeze", root / "runs/docs", "-o", root / "docs/1.0.0", "--quiet")
    tamis("freeze", root / "runs/more", "-o", root / "docs/1.1.0", "--quiet")
    made = ["--lineage", "meta.derived_from", "--derived-from", str(root / "docs/1.1.0")]
    tamis("freeze", root / "runs/synth", "-o", root / "synth/1.0.0", "--quiet", *made)
    tamis("model", "add", "synth-lora", "--store", root, "--trained-on", "synth@1.0.0")
    return root


def grep(root: Path, *values: str) -> list[str]:
    """Files that hold a value, tables as they read."""
    found = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if data[:4] == b"PAR1":
            data += repr(pq.read_table(path).to_pylist()).encode()
        found += [f"{path.relative_to(root)}: {v}" for v in values if v.encode() in data]
    return found


def state(root: Path) -> str:
    """One digest of all files but locks."""
    whole = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and p.name != "lock"):
        whole.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


def verified(root: Path) -> bool:
    """Whether every snapshot and run of the store is whole."""
    from tamis.runs import verify as verify_run
    from tamis.snapshot.verify import verify

    snapshots = [verify(p.parent).whole for p in root.glob("*/*/snapshot.json")]
    return all(snapshots) and not any(verify_run(p.parent) for p in root.glob("runs/*/run.json"))


def kill(first: Path, folder: Path, seconds: float) -> str:
    """Erase in a copy, kill it after so long, let the next command put it right; what came of it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(first, folder)
    before = state(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "tamis", *ERASE, "--store", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    tamis("snapshots", "list", "--store", folder)
    left = grep(folder, WHO)
    what = "as after" if not left else "as before" if state(folder) == before else "BETWEEN"
    return f"{seconds:5.2f} s  {what}, {'whole' if verified(folder) else 'DAMAGED'}"


def main() -> None:
    """Show it, and save what the kills left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        root = store(Path(scratch), given.documents)
        first = Path(scratch) / "first"
        shutil.copytree(root, first)
        print("held before:", len(grep(root, WHO, "number 7 says")), "files")
        spent = measure.run([sys.executable, "-m", "tamis", *ERASE, "--store", root])
        print(spent.output)
        print({name: value for name, value in spent.facts().items() if value is not None})
        for path in sorted(root.glob("*/*/snapshot.json")):
            print(tamis("verify", path.parent).strip())
        print("grep:", grep(root, WHO, "Person 7 wrote", "what number 7 says") or "nothing")
        told = [
            kill(first, Path(scratch) / "killed", random.Random(k).uniform(0.1, spent.wall)) for k in range(given.kills)
        ]
        print("\n".join(told))
    if given.kills >= 20:
        measure.save(__file__, {"documents": given.documents, "erase": spent.facts(), "kills": told})


if __name__ == "__main__":
    main()

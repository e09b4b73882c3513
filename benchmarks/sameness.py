"""Runs that are to leave the same files whoever carries them out: what engines_same.py and storage_same.py share."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import corpus
import measure

STAGES = ["clean@1: {}", "quality.gopher@1: {}", "exact@1: {}", "near@1: {threshold: 0.8}"]

ENGINES = {
    "inline": ["inline"],
    "local, 1 worker": ["local", "--workers", "1"],
    "local, 2 workers": ["local", "--workers", "2"],
}
"""What --engine is given, by what it is called in a table."""

NODES = {1: "ray, 1 node", 2: "ray, 2 nodes", 3: "ray, 3 nodes"}


def options(says: str) -> ArgumentParser:
    """What both can be told."""
    parser = corpus.options(says)
    parser.add_argument("--rows", type=int, default=10_000)
    return parser


def tamis(recipe: Path, data: Any, out: Any, engine: list[str]) -> None:
    """One run, in a process of its own, cut into many tasks."""
    words = ["run", recipe, "-i", data, "-o", out, "--quiet", "--partition-size", "1000000", "--engine", *engine]
    subprocess.run([sys.executable, "-m", "tamis", *map(str, words)], check=True)


def digests(out: Path) -> dict[str, str]:
    """sha256 of every file of a run, by path; of run.json without what varies, and no report or manifest, which quote it."""
    facts = json.loads((out / "run.json").read_bytes())
    del facts["varies"]
    (out / "run.json").write_text(json.dumps(facts))
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and p.name not in ("MANIFEST.sha256", "report.html"))
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def told(script: str, found: dict[str, dict[str, str]], facts: dict[str, Any]) -> bool:
    """Print and save who left the files that the first of `found` left, with `facts`; return whether all did."""
    (first, wanted), *_ = found.items()
    same = {name: files == wanted for name, files in found.items()}
    rows = [[name, str(len(files)), "yes" if same[name] else "NO"] for name, files in found.items()]
    print(measure.table(["", "files", f"sha256 of each as {first}"], rows))
    measure.save(script, {**facts, "same": same, "files": wanted})
    return all(same.values())

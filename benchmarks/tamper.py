"""Manipulations of a frozen dataset: what `tamis verify` names, beside what HF datasets, Delta and DVC notice.

    python benchmarks/tamper.py --run RUN --work FOLDER --peers PYTHON

RUN is frozen, signed, and copied for each manipulation. PYTHON has datasets, deltalake and dvc, as many as there are; a peer
is shown the manipulations that have a meaning for it, on the same rows written its own way: `read` means that it returned the
manipulated rows without a word, `missed` that its check said that all is well.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/snapshot"))
HERE = Path(__file__).parent

PEER = r"""
import os, sys, json, shutil, subprocess
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
what, source, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
table = pq.read_table(source, columns=["id", "text"])
os.environ["HF_HUB_OFFLINE"] = "1"

def flip(path):
    was = path.stat(); raw = bytearray(path.read_bytes())
    at = raw.find(b"the ", 200); raw[at:at + 4] = b"teh "
    path.write_bytes(raw); os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))

def row(path):
    t = pq.read_table(path); texts = t["text"].to_pylist(); texts[0] = "teh " + texts[0]
    pq.write_table(t.set_column(t.schema.get_field_index("text"), "text", pa.array(texts)), path, compression="none")

def gone(path):
    t = pq.read_table(path); pq.write_table(t.slice(1), path, compression="none")

HOW = {"byte": flip, "row changed": row, "row removed": gone, "file removed": lambda p: p.unlink(),
       "file added": lambda p: shutil.copy(p, p.with_name("zz-added.parquet"))}

def expected(name):
    return len(table)

def told(read, name):
    try:
        rows = read()
    except Exception as e:
        return "error: " + type(e).__name__
    same = rows.num_rows == len(table) and sorted(map(str, rows["text"].to_pylist())) == sorted(map(str, table["text"].to_pylist()))
    return "read" if not same else "unchanged rows"

out = {}
for name, how in HOW.items():
    place = work / what / name.replace(" ", "-"); shutil.rmtree(place, ignore_errors=True); place.mkdir(parents=True)
    if what == "datasets":
        import datasets
        (place / "data").mkdir()
        pq.write_table(table, place / "data/train-0.parquet", compression="none")
        how(place / "data/train-0.parquet")
        def read():
            d = datasets.load_dataset(str(place / "data"), split="train", cache_dir=str(place / "cache"))
            return d.data.table
        out[name] = told(read, name)
    elif what == "delta":
        from deltalake import DeltaTable, write_deltalake, WriterProperties
        write_deltalake(str(place / "t"), table, writer_properties=WriterProperties(compression="UNCOMPRESSED"))
        how(next((place / "t").glob("*.parquet")))
        def read():
            return pa.table(DeltaTable(str(place / "t")).to_pyarrow_table())
        out[name] = told(read, name)
    else:
        env = {**os.environ, "PATH": str(Path(sys.executable).parent) + ":" + os.environ["PATH"], "DVC_NO_ANALYTICS": "1"}
        sh = lambda c: subprocess.run(c, shell=True, cwd=place, env=env, capture_output=True, text=True)
        (place / "data").mkdir(); pq.write_table(table, place / "data/a.parquet", compression="none")
        if sh("dvc init --no-scm -q && dvc add -q data").returncode: raise SystemExit("dvc does not run")
        how(place / "data/a.parquet")
        status = sh("dvc status -q")
        out[name] = "missed" if status.returncode == 0 else "changed (whole folder)"
print(json.dumps(out))
"""


def main() -> None:
    """Manipulate, look, tell; results/tamper.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--peers", type=Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    from test_verify_snapshot import TAMPERED

    frozen, key = prepared(args.run, args.work)
    ours = {}
    for tamper, *_ in TAMPERED:
        name = tamper.__name__.replace("_", " ")
        ours[name] = tampered(tamper, frozen, args.work / "copy", key)
        print(f"{name:<22}{'  |  '.join(ours[name][:2])}", flush=True)
    peers = (
        {what: peer(args.peers, what, frozen, args.work) for what in ("datasets", "delta", "dvc")} if args.peers else {}
    )
    for what, found in peers.items():
        print(what, found)
    (HERE / "results/tamper.json").write_text(json.dumps({"tamis": ours, **peers}, indent=2) + "\n")


def prepared(run: Path, work: Path) -> tuple[Path, Path]:
    """A signed snapshot, and the public key."""
    shutil.rmtree(work / "store", ignore_errors=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", work / "key.pem"], check=True)
    subprocess.run(["openssl", "pkey", "-in", work / "key.pem", "-pubout", "-out", work / "key.pub"], check=True)
    target = work / "store/docs/1.0.0"
    subprocess.run(["tamis", "freeze", run, "-o", target, "--sign", work / "key.pem", "--quiet"], check=True)
    return target, work / "key.pub"


def tampered(tamper: Callable[[Path], None], frozen: Path, copy: Path, key: Path) -> list[str]:
    """What `tamis verify` says of a copy."""
    shutil.rmtree(copy, ignore_errors=True)
    for left in ("outside", "elsewhere", "elsewhere.parquet"):
        path = copy.parent / left
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.copytree(frozen, copy)
    tamper(copy)
    said = subprocess.run(["tamis", "verify", copy, "--key", key, "--json"], capture_output=True, text=True)
    if said.returncode != 1:
        return [f"exit {said.returncode}: {said.stderr.strip() or 'MISSED'}"]
    return [f"{f['file']} {f['problem']}" for f in json.loads(said.stdout)["findings"]]


def peer(python: Path, what: str, frozen: Path, work: Path) -> dict[str, str] | str:
    """What a peer makes of the manipulations that have a meaning for it."""
    source = next((frozen / "data").glob("*.parquet"))
    done = subprocess.run(
        [python, "-c", PEER, what, source, work / "peers"], capture_output=True, text=True, env={**os.environ}
    )
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}
    return found or (done.stderr.strip().splitlines() or ["did not run"])[-1]


if __name__ == "__main__":
    main()

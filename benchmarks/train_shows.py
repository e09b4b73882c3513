"""Training and its gate as one types them: equal bytes after kill -9, a verified merge, and what the gate stops.

    python benchmarks/train_shows.py               both models; some ten minutes; exit code 1 where a byte differs
    python benchmarks/train_shows.py --only tiny   seconds, nothing is saved

tiny   two layers made on the spot (tests/tiny.py), sums made on the spot (tests/training.py)
smol   SmolLM2-135M-Instruct; learns GSM8K's training rows, and which answers of HH-RLHF are preferred

Each is trained three times by `tamis train`: twice from start to end, under different folders and seeds of Python's hashes, and
once killed with kill -9 after a checkpoint and gone on with. Equal means all files but run.json, and
MANIFEST.sha256, which holds the digest of that.

The gate: a snapshot of multiple-choice items and texts, asked of the base and of an adapter that was trained at a hundred times
the learning rate.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from measure import save

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

DATA = ROOT.parent / "shared/data"
TAMIS = str(Path(sys.executable).with_name("tamis"))

LONGEST = 600
"""Characters of a row that SmolLM2 learns: some 200 tokens."""

HOW: dict[str, dict[str, list[str]]] = {
    "tiny": {"sft": ["--max-steps", "8"], "dpo": ["--max-steps", "8"]},
    "smol": {
        "sft": ["--max-steps", "8", "--template", "chatml"],
        "dpo": ["--max-steps", "12", "--batch-size", "2", "--learning-rate", "2e-4", "--template", "chatml"],
    },
}
EVERY = ["--checkpoint-every", "2", "--eval-every", "2", "--threads", "1", "--seed", "3"]
KILLED = 5
"""Step after which the third run is killed: past a checkpoint, and before the end."""

MIN_SHARE = 0.02
"""Of a perplexity, that the gate lets be lost."""


def rows(model: str, method: str) -> list[dict[str, Any]]:
    """What is learnt."""
    import training

    if model == "tiny":
        return training.chats(60) if method == "sft" else training.preferences(60)
    if method == "sft":
        given = _read("sft/gsm8k_train.jsonl.gz", 60)
        return [
            {
                "id": r["id"],
                "license": "MIT",
                "messages": [_said("user", r["instruction"]), _said("assistant", r["output"])],
            }
            for r in given
        ]
    given = _read("preference/hh_rlhf_harmless_test_a.jsonl.gz", 60)
    return [
        {"id": r["id"], "license": "MIT", "prompt": r["prompt"], **{k: _answer(r[k]) for k in ("chosen", "rejected")}}
        for r in given
    ]


def _read(name: str, count: int) -> list[dict[str, Any]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        short = (json.loads(line) for line in lines if len(line) <= LONGEST)
        return [next(short) for _ in range(count)]


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _answer(answer: Any) -> Any:
    return [_said("assistant", answer)] if isinstance(answer, str) else answer


def tamis(*asked: object, wanted: int = 0, folder: Path | None = None) -> str:
    """Carry a command out; what it said. Raises RuntimeError where its exit code is another than `wanted`."""
    done = subprocess.run([TAMIS, *map(str, asked)], capture_output=True, text=True, cwd=folder, env=environment())
    if done.returncode != wanted:
        raise RuntimeError(
            f"tamis {asked[0]} {asked[1]}: exit code {done.returncode}, {wanted} was wanted\n{done.stderr[-2000:]}"
        )
    return done.stdout + done.stderr


def environment() -> dict[str, str]:
    """Another seed of Python's hashes for each process."""
    return {**os.environ, "PYTHONHASHSEED": str(random.randrange(1000)), "OMP_NUM_THREADS": "1"}


def killed(asked: list[str]) -> None:
    """Carry a command out until step KILLED, kill it with all its processes, and go on with it."""
    process = subprocess.Popen(
        [TAMIS, *asked],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"step {KILLED} of"):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the run was done before it could be killed: exit code {process.returncode}")
    tamis(*asked, "--resume")


def digests(folder: Path) -> dict[str, str]:
    """sha256 of each file that has to be equal."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in ("run.json", "MANIFEST.sha256"))
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def trained(folder: Path, model: str, method: str) -> dict[str, Any]:
    """Three runs: digests, held-out loss, whether all are equal."""
    from storing import frozen

    snapshot = frozen(folder, f"{model}-{method}", rows(model, method))
    base = folder / model

    def asked(output: Path) -> list[str]:
        own = ["train", method, str(snapshot.path), "-o", str(output), "--base", str(base), "--no-register"]
        return [*own, *EVERY, *HOW[model][method]]

    first, again, third = (folder / name / f"{model}-{method}" for name in ("one", "another/below", "third"))
    for place in (first, again, third):
        place.parent.mkdir(parents=True, exist_ok=True)
    tamis(*asked(first))
    tamis(*asked(again))
    killed(asked(third))
    facts = json.loads((first / "train.json").read_bytes())["training"]
    found = digests(first)
    return {
        "files": len(found),
        "adapter": found["adapter_model.safetensors"],
        "train.json": found["train.json"],
        "equal": digests(again) == found,
        "killed_after_step": KILLED,
        "resumed_at": json.loads((third / "run.json").read_bytes())["resumed_at"],
        "resumed_equal": digests(third) == found,
        "loss_before": facts["before"],
        "loss_after": facts["after"],
    }


def merged(folder: Path, model: str) -> dict[str, Any]:
    """The adapter of SFT in its base; `tamis train merge` compares logits itself."""
    tamis("train", "merge", folder / f"one/{model}-sft", "-o", folder / f"{model}-merged", "--base", folder / model)
    own = json.loads((folder / f"{model}-merged/merge.json").read_bytes())
    return dict(own["logits"])


def gated(folder: Path, model: str) -> dict[str, Any]:
    """A tampered snapshot, a worse adapter, too few items."""
    suite(folder / "suite", model)
    snap, base = folder / "snap", f"hf:{folder / model}"
    tamis("eval", "freeze", folder / "suite/suite.yaml", "-o", snap)
    own = ("--device", "cpu", "--quiet")
    tamis("eval", "run", snap, "--model", base, "-o", folder / "before", *own)

    bad = shutil.copytree(snap, folder / "tampered")
    file = max((p for p in bad.rglob("*.parquet")), key=lambda p: p.stat().st_size)
    known, content = file.stat(), bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (known.st_size, known.st_mtime_ns)
    refused = tamis("eval", "run", bad, "--model", base, "-o", folder / "never", *own, wanted=1)
    assert not (folder / "never").exists()

    store = next((folder / f"store/{model}-sft").iterdir())
    rate = [
        *HOW[model]["sft"],
        "--learning-rate",
        "0.02",
        "--validation",
        "none",
        "--threads",
        "1",
        "--no-register",
        "--quiet",
    ]
    tamis("train", "sft", store, "-o", folder / "worse", "--base", folder / model, *rate)
    gates = folder / "gates.yaml"
    gates.write_text(f"tasks: {{texts: {{max_regression: {MIN_SHARE}}}}}\n")
    asked = ("eval", "run", snap, "--model", f"{base}+{folder / 'worse'}", "-o", folder / "after", *own)
    tamis(*asked, "--baseline", folder / "before", "--gates", gates, wanted=1)
    cases = ET.parse(folder / "after/junit.xml").iter("testcase")
    failures = [str(f.get("message")) for case in cases for f in case.iter("failure")]

    strict = folder / "strict.yaml"
    strict.write_text("tasks: {choose: {max_regression: 0.001}}\n")
    few = tamis("eval", "gate", folder / "before", "--gates", strict, "--baseline", folder / "before", wanted=1)
    assert failures and "TOO FEW" in few
    return {"tampered": last(refused), "worse": failures, "few": last(few)}


def last(said: str) -> str:
    """Its last line, without this machine's folders."""
    return re.sub(r"\S*/tamis-\w+/", "", said.strip().splitlines()[-1])


def suite(folder: Path, model: str) -> None:
    """Multiple choice and texts."""
    import suites

    choose, _, texts = suites.tasks()
    suites.write_suite(folder, [choose, texts])
    if model == "tiny":
        return
    with gzip.open(DATA / "eval/arc_easy_test.jsonl.gz", "rt", encoding="utf-8") as lines:
        known = [json.loads(line) for line, _ in zip(lines, range(100), strict=False)]
    suites.write_rows(
        folder / "choose.jsonl",
        [
            {"key": r["id"], "ask": r["question"], "options": r["choices"], "label": r["answer_index"]}
            | {"passage": r["id"]}
            for r in known
        ],
    )
    with gzip.open(DATA / "eval/gsm8k_test.jsonl.gz", "rt", encoding="utf-8") as lines:
        given = [json.loads(line) for line, _ in zip(lines, range(40), strict=False)]
    suites.write_rows(
        folder / "texts.jsonl",
        [{"id": r["id"], "text": f"{r['question']}\n{r['meta']['solution']}"} for r in given],
    )


def main() -> None:
    """Write results/train_shows.json."""
    from smol import write_smol
    from tiny import write_tiny

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=HOW)
    told = parser.parse_args()
    found: dict[str, Any] = {}
    for model in [told.only] if told.only else HOW:
        with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
            folder = Path(scratch)
            (write_tiny if model == "tiny" else write_smol)(folder / model)
            found[model] = {method: trained(folder, model, method) for method in ("sft", "dpo")}
            found[model] |= {"merge": merged(folder, model), "gate": gated(folder, model)}
        print(json.dumps({model: found[model]}, indent=1))
    if not told.only:
        save(__file__, found)
    equal = all(own[m]["equal"] and own[m]["resumed_equal"] for own in found.values() for m in ("sft", "dpo"))
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()

"""What is left of a run: a folder that is there whole, or not at all.

adapter_model.safetensors  adapter_config.json   the weights, and what they go in front of: equal bytes for equal jobs
train.json  loss.svg  README.md                  what was done, as data, as a picture and in words: no time, host or path
left_out.parquet                                 rows that were not trained on as they are
run.json                                         time, host, paths, speed: of this run alone
"""

from __future__ import annotations

import json
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tamis.data import write_parquet
from tamis.data.disk import disk_errors
from tamis.data.writer import write_bytes
from tamis.models.adapter import CHAT_TEMPLATE, CONFIG, FACTS, WEIGHTS
from tamis.models.weights import identity
from tamis.runs.manifest import seal, sha256
from tamis.snapshot.jcs import canonical_json
from tamis.train.card import card
from tamis.train.job import Job, template_digest
from tamis.train.lengths import LEFT_OUT
from tamis.train.picture import loss_svg
from tamis.train.plan import Plan
from tamis.train.settings import Settings
from tamis.train.trainer import Fitted

VARIES = "run.json"

LIBRARIES = ("tamis", "torch", "transformers", "peft", "trl", "tokenizers", "accelerate")


def write_adapter(job: Job, plan: Plan, fitted: Fitted, varies: dict[str, Any]) -> dict[str, Any]:
    """Write the output folder of `job`; return train.json. Raises OutputError."""
    folder = fitted.adapter
    base = identity(job.base)
    with disk_errors(folder):
        for path in folder.iterdir():
            if path.name not in (WEIGHTS, CONFIG):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_bytes(folder / CONFIG, canonical_config(folder / CONFIG, base["weights"]))
    write_parquet(folder / "left_out.parquet", [plan.left_out], LEFT_OUT)
    if job.template is not None:
        write_bytes(folder / CHAT_TEMPLATE, plan.tokenizer.chat_template.encode())
    facts = _facts(job, plan, fitted, base)
    facts["files"] = {p.name: f"sha256:{sha256(p)}" for p in sorted(folder.iterdir())}
    write_bytes(folder / FACTS, canonical_json(facts))
    write_bytes(folder / "loss.svg", _picture(job, fitted))
    write_bytes(folder / "README.md", card(job.title, facts))
    write_bytes(folder / VARIES, json.dumps(varies, ensure_ascii=False, indent=2).encode() + b"\n")
    seal(folder, {})
    with disk_errors(job.output):
        os.replace(folder, job.output)
    return facts


def canonical_config(path: Path, base: str) -> bytes:
    """adapter_config.json in one spelling: peft writes the modules in the order of a set, and the path of the base."""
    found = json.loads(path.read_text("utf-8"))
    for name, value in found.items():
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            found[name] = sorted(value)
    return canonical_json({**found, "base_model_name_or_path": base})


def versions() -> dict[str, str]:
    """Versions of what the weights depend on."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _facts(job: Job, plan: Plan, fitted: Fitted, base: dict[str, Any]) -> dict[str, Any]:
    own, usual = plan.tokenizer.chat_template, Settings().as_dict()
    return {
        "tamis_train": 1,
        "method": job.settings.method,
        **plan.facts(),
        "base": base,
        "template": template_digest(job.template) if job.template else ("of the base" if own else None),
        "asked": sorted(k for k, v in job.settings.as_dict().items() if v != usual[k]),
        "evals": list(job.evals),
        "training": {
            **{k: getattr(fitted, k) for k in ("steps", "best", "before", "after", "precision", "device")},
            **{k: getattr(fitted, k) for k in ("parameters", "trained", "processor")},
        },
        "curve": fitted.curve,
        "versions": versions(),
    }


def _picture(job: Job, fitted: Fitted) -> bytes:
    trained = [(e["step"], e["loss"]) for e in fitted.curve if "loss" in e]
    held = [(e["step"], e["held_out"]) for e in fitted.curve if "held_out" in e]
    return loss_svg(trained, held, f"{job.title}: loss by step")

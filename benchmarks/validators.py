"""What the validators of others say of a frozen snapshot, and of the same snapshot broken: no network.

    python benchmarks/validators.py SNAPSHOT     a folder; it is copied, never written to
    python benchmarks/validators.py              freezes examples/docs-sft first

Needs `pip install '.[dev]'`; beside it sha256sum. Exit code 1 where a validator refuses a whole snapshot or takes a
broken one. Results go to results/validators.json.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")

HERE = Path(__file__).parent
SCHEMAS = HERE.parent / "tests/openlineage"


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(sys.argv[1]) if len(sys.argv) > 1 else frozen(Path(scratch))
        results = []
        for name, (validate, document, spoil) in VALIDATORS.items():
            said = outcome(validate, whole, Path(scratch))
            broken = Path(shutil.copytree(whole, Path(scratch) / f"broken-{name.split()[0]}"))
            spoil(broken / document)
            refused = outcome(validate, broken, Path(scratch))
            results.append({"validator": name, "whole": said, "broken": refused})
            print(f"{name}\n    whole:  {said}\n    broken: {refused}")
    (HERE / "results/validators.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    wrong = [r for r in results if r["whole"].startswith("refused") or not r["broken"].startswith("refused")]
    return 1 if wrong else 0


def frozen(folder: Path) -> Path:
    import tamis
    from tamis.snapshot import freeze

    run = tamis.run(HERE.parent / "examples/docs-sft/recipe.yaml", None, folder / "run")
    return freeze(run, folder / "docs/1.0.0").path


def outcome(validate: Callable[[Path, Path], str], folder: Path, scratch: Path) -> str:
    try:
        return f"taken: {validate(folder, scratch)}"
    except Exception as no:  # whatever a validator raises is its answer
        reason = " ".join(str(no.__cause__ or no).split()).replace(str(folder), "").replace(str(scratch), "")
        return f"refused: {type(no).__name__}: {reason[:160]}"


def hugging_face(folder: Path, scratch: Path) -> str:
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(folder), cache_dir=str(scratch / "cache" / folder.name))
    return f"load_dataset gives {loaded.num_rows}"


def croissant(folder: Path, scratch: Path) -> str:
    import logging

    import mlcroissant

    logging.disable()
    dataset = mlcroissant.Dataset(folder / "croissant.json")
    issues = dataset.metadata.ctx.issues
    rows = {sets.id: sum(1 for _ in dataset.records(sets.id)) for sets in dataset.metadata.record_sets}
    return f"{len(issues.errors)} errors, {len(issues.warnings)} warnings; records() gives {rows}"


def cyclonedx(folder: Path, scratch: Path) -> str:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str((folder / "bom.cdx.json").read_text("utf-8"))
    if error is not None:
        raise ValueError(re.sub(r"\s+", " ", str(error))[:160])
    return "JsonStrictValidator(1.6) finds nothing"


def spdx(folder: Path, scratch: Path) -> str:
    from spdx_python_model.bindings import v3_0_1 as model

    objects = model.SHACLObjectSet()
    model.JSONLDDeserializer().read(io.BytesIO((folder / "dataset.spdx.json").read_bytes()), objects)
    if objects.missing_ids:
        raise ValueError(f"references to nothing: {objects.missing_ids}")
    model.JSONLDSerializer().write(objects, io.BytesIO())
    return f"{len(objects.objects)} objects parsed, written again, no reference to nothing"


def openlineage(folder: Path, scratch: Path) -> str:
    import jsonschema
    from referencing import Registry, Resource

    loaded = [json.loads(path.read_bytes()) for path in sorted(SCHEMAS.glob("*.json"))]
    registry: Any = Registry().with_resources([(s["$id"], Resource.from_contents(s)) for s in loaded])
    events = [json.loads(line) for line in (folder / "openlineage.jsonl").read_text("utf-8").splitlines()]
    checked = 0
    for event in events:
        for value, url in ((event, event["schemaURL"]), *((f, f["_schemaURL"]) for f in facets(event))):
            jsonschema.Draft202012Validator({"$ref": url}, registry=registry).validate(value)
            checked += 1
    return f"{len(events)} events and {checked - len(events)} facets keep their schemas"


def facets(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [facet for v in value for facet in facets(v)]
    if not isinstance(value, dict):
        return []
    return [value] * ("_schemaURL" in value) + [facet for v in value.values() for facet in facets(v)]


def sha256sum(folder: Path, scratch: Path) -> str:
    done = subprocess.run(["sha256sum", "-c", "--quiet", "MANIFEST.sha256"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stdout.strip())
    return "sha256sum -c MANIFEST.sha256 is content"


def edit(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        value = json.loads(path.read_bytes())
        change(value)
        path.write_text(json.dumps(value))

    return spoil


def replace(pattern: str, by: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.write_text(re.sub(pattern, by, path.read_text("utf-8"), count=1))

    return spoil


def dataset_package(document: Any) -> Any:
    return next(e for e in document["@graph"] if e["type"] == "dataset_DatasetPackage")


VALIDATORS: dict[str, tuple[Callable[[Path, Path], str], str, Callable[[Path], None]]] = {
    "datasets (wrong number of rows)": (hugging_face, "README.md", replace(r"num_examples: \d+", "num_examples: 3")),
    "mlcroissant (no sha256)": (croissant, "croissant.json", edit(lambda c: c["distribution"][0].pop("sha256"))),
    "cyclonedx-python-lib (unknown member)": (cyclonedx, "bom.cdx.json", edit(lambda b: b.update(rows=1))),
    "spdx-python-model (no such type)": (
        spdx,
        "dataset.spdx.json",
        edit(lambda d: dataset_package(d).update(dataset_datasetType=["prose"])),
    ),
    "openlineage (no such event)": (
        openlineage,
        "openlineage.jsonl",
        replace('"eventType": "START"', '"eventType": "GO"'),
    ),
    "sha256sum (one byte)": (sha256sum, "NOTICE.md", replace("^#", "=")),
}
"""By name: the validator, the document that is broken for it, and how."""


if __name__ == "__main__":
    sys.exit(main())

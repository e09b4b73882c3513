"""The recipe of a snapshot carried out again on the same input, and what comes out held against what was frozen.

Its contract is held against the data once more, too.

Data do not depend on salts: each record that comes out is hashed with the salt that is stored for it, and must have its leaf;
all together must be all records, in the same files.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tamis.contracts import check, load
from tamis.data import find
from tamis.data.inputs import SUFFIXES
from tamis.data.storage import brought, located
from tamis.errors import InputError, TamisError
from tamis.recipes.given import Given
from tamis.recipes.recipe import Attrition, InputSpec, Recipe
from tamis.recipes.replay import recipe_of
from tamis.recipes.run import run
from tamis.runs import Run
from tamis.runs.manifest import sha256
from tamis.snapshot import Snapshot
from tamis.snapshot.canonical import canonical
from tamis.snapshot.freeze import batches
from tamis.snapshot.leaves import LEAD, fixed, leaves_of, numbers, places
from tamis.snapshot.parts import Parts
from tamis.snapshot.verify import Verified


def rerun(found: Verified, inputs: Sequence[str] = ()) -> None:
    """Carry out again the recipe of the snapshot in `found`, and note there what differs.

    inputs  files, folders or globs to take the input from, instead of where it lay when the run was made

    Raises InputError where the input cannot be had as it was.
    """
    snapshot = Snapshot(found.path)
    if snapshot.evidence("recipe.resolved.json") is None:
        raise InputError(f"{snapshot.ref} was not frozen from a run: there is no recipe to carry out again")
    with tempfile.TemporaryDirectory(prefix="tamis-rerun-") as scratch:
        again = _carried_out(snapshot, Path(scratch), inputs)
        _same_recipe(found, snapshot, again)
        _compare(found, snapshot, again, Path(scratch) / "parts")
    _keeps_contract(found, snapshot)


def _carried_out(snapshot: Snapshot, scratch: Path, inputs: Sequence[str]) -> Run:
    facts = json.loads(snapshot.evidence("run.json") or b"{}")
    given = _given(snapshot, facts, inputs)
    inputs = [place for place in inputs if given is None or Path(place).absolute() != given.folder.absolute()]
    files = _laid_out(facts["inputs"], _found(facts, inputs, scratch), scratch / "input")
    return run(_recipe(snapshot), files, scratch / "run", given=given)


def _given(snapshot: Snapshot, facts: dict[str, Any], inputs: Sequence[str]) -> Given | None:
    """What deriving stages made, as the run left it: a model is not asked again. Raises InputError where it is not there."""
    made = [file for file in facts["files"] if file["path"].startswith("derived/")]
    if "derived" not in facts:
        return None
    verdicts = tuple(sorted((snapshot.path / "ledger/verdicts").glob("*.parquet")))
    erased = bool((snapshot.facts["conservation"] or {}).get("erased"))
    for folder in [*map(Path, inputs), Path(facts["varies"].get("folder", ""))]:
        # Where records were erased, the run was written anew, too, and its own run.json says how it is now.
        wanted = _made_now(folder, facts) if erased else made
        if wanted is not None and all(_is_there(folder / file["path"], file["sha256"]) for file in wanted):
            return Given(folder, verdicts, erased)
    raise InputError(
        f"the rows that the run made ({made[0]['path']} and {len(made) - 1} more) are not to be found as it made them, and a model "
        "would not make the same ones again; name the folder of the run with -i"
    )


def _made_now(folder: Path, was: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The files of rows made of the run at `folder`, if it is the run of `was`, written anew since."""
    if not (folder / "run.json").is_file():
        return None
    now = json.loads((folder / "run.json").read_bytes())
    same = all(now.get(name) == was[name] for name in ("recipe", "inputs", "derived"))
    return [file for file in now["files"] if file["path"].startswith("derived/")] if same else None


def _is_there(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _recipe(snapshot: Snapshot) -> Recipe:
    """The recipe as the run resolved it; its own stages are those that were kept as evidence."""
    evidence = snapshot.path / "evidence"
    resolved: dict[str, Any] = json.loads((evidence / "recipe.resolved.json").read_bytes())
    return replace(
        recipe_of(Run(evidence)),
        input=InputSpec(**resolved["input"]),
        attrition=Attrition(**resolved["attrition"]),
        contract=_contract(evidence, resolved["contract"]),
    )


def _contract(evidence: Path, digest: str | None) -> str | None:
    """The contract the run was held against: it may set rows aside."""
    if digest is None:
        return None
    for name in ("run.contract.odcs.yaml", "contract.odcs.yaml"):
        if (evidence / name).is_file() and sha256(evidence / name) == digest:
            return str((evidence / name).absolute())
    raise InputError(f"{evidence} does not hold the contract of the run; its recipe cannot be carried out again")


def _found(facts: dict[str, Any], inputs: Sequence[str], scratch: Path) -> list[Path]:
    """Each input file as it was, in the order of the run: by what is in it, wherever it lies. Raises InputError.

    What lies in object storage is copied to `scratch`.
    """
    if inputs:
        there = [brought(file.path, scratch / "fetched") for file in find(inputs)]
    else:
        recorded = facts["varies"].get("inputs") or []
        known_places = [located(place["path"]) for place in recorded if place is not None]
        there = [brought(place, scratch / "fetched") for place in known_places]
    by_digest: dict[str, list[Path]] = {}
    for path in there:
        if path.is_file():
            by_digest.setdefault(sha256(path), []).append(path)
    found = []
    for known in facts["inputs"]:
        alike = by_digest.get(known["sha256"], [])
        if not alike:
            raise InputError(
                f"{known['file']} is not to be found as the run read it (sha256 {known['sha256'][:12]}…); "
                "name the file, or a folder with it, with -i"
            )
        found.append(alike.pop(0) if alike[1:] else alike[0])
    return found


def _laid_out(inputs: Sequence[dict[str, Any]], found: Sequence[Path], folder: Path) -> list[str]:
    """The files under the names they had, on which the ids of their records depend."""
    for known, path in zip(inputs, found, strict=True):
        place = folder / known["file"]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve())
    if all(known["file"].lower().endswith(SUFFIXES) for known in inputs):
        return [str(folder)]
    return [str(folder / known["file"]) for known in inputs]


def _same_recipe(found: Verified, snapshot: Snapshot, again: Run) -> None:
    """Versions that differ are told: a digest may differ for them alone."""
    was, now = snapshot.facts["env"]["versions"], again.facts["versions"]
    differ = [f"{name} {was[name]} then, {now.get(name)} now" for name in was if was[name] != now.get(name)]
    if differ:
        found.notes.append(f"not the same versions: {'; '.join(differ)}")
    inputs = [{i["file"]: i["sha256"]} for i in snapshot.facts["inputs"]]
    if sorted(map(str, inputs)) != sorted(str({i["file"]: i["sha256"]}) for i in again.facts["inputs"]):
        found.wrong("evidence/run.json", "was made of other input than what was read now")


def _compare(found: Verified, snapshot: Snapshot, again: Run, folder: Path) -> None:
    table = snapshot.leaves()
    alive = table.filter(table.column("record_id").is_valid())
    ids, salts = numbers(fixed(alive.column("record_id"), 16)), fixed(alive.column("salt"), 16)
    leaves, seen = fixed(alive.column("leaf"), 32), np.zeros(len(ids), bool)
    changed, strange, parts = 0, 0, None
    whole = "split" not in pq.read_schema(again.parts("data")[0]).names  # then a freeze takes the files as they are
    folder.mkdir()
    for batch in batches(again):
        records = canonical(batch, LEAD)
        at = places(ids, numbers(fixed(batch.column("record_id"), 16)))
        known = at >= 0
        strange += int((~known).sum())
        fresh = leaves_of(records, salts[at] if len(ids) else np.zeros((len(at), 16), np.uint8))
        changed += int((fresh[known] != leaves[at[known]]).any(axis=1).sum())
        seen[at[known]] = True
        if not whole:
            parts = parts or Parts(folder, batch.schema)
            parts.add(batch)
    if 0 < strange <= (snapshot.facts["conservation"] or {}).get("erased", 0):
        found.notes.append(
            f"{strange:,} more came out: as many as were erased from it or fewer, and the input holds them still"
        )
        strange, parts, whole = 0, None, False
    for count, what in (
        (changed, "came out otherwise"),
        (strange, "came out that are not in it"),
        (int((~seen).sum()), "did not come out"),
    ):
        if count:
            found.wrong("data/", f"{count:,} record{'s' * (count > 1)} {what} when the recipe was carried out again")
    if parts is not None:
        _same_files(found, snapshot, [part.sha256 for part in sorted(parts.finish()[0])])
    elif whole:
        _same_files(found, snapshot, [sha256(part) for part in again.parts("data")])


def _keeps_contract(found: Verified, snapshot: Snapshot) -> None:
    """The contract held against the data once more, with ages counted from when it was frozen."""
    path, name = snapshot.path / "evidence/contract.odcs.yaml", "evidence/contract.odcs.yaml"
    if not snapshot.facts.get("contract") or not path.is_file():
        return
    ran = json.loads(snapshot.evidence("run.json") or b"{}")
    flow = {"rows": snapshot.facts["conservation"], "sources": ran.get("sources", ())}
    try:
        frozen = datetime.fromisoformat(snapshot.facts["created"])
        result = check(snapshot.parts(), load(path), now=frozen, flow=flow)
    except (TamisError, ValueError) as wrong:
        found.notes.append(f"the contract could not be held against the data again: {wrong}")
        return
    for outcome in result.broken:
        if outcome.status == "unchecked":  # a file that it names need not be there any more
            found.notes.append(f"a rule of the contract could not be asked again: {outcome.message}")
        elif outcome.stops:
            found.wrong(name, f"is broken by the data, which kept it when it was frozen: {outcome.message}")


def _same_files(found: Verified, snapshot: Snapshot, now: Sequence[str]) -> None:
    """Records may be the same and their order or files another. `now`: the sha256 of each data file, in order of path."""
    if found.findings:
        return
    files = sorted((f["path"], f["sha256"]) for f in snapshot.facts["files"] if f["path"].startswith("data/"))
    differ = [path for (path, was), digest in zip_longest(files, now, fillvalue=("data/", "")) if was != digest]
    if differ:
        found.notes.append(
            f"the records are the same, the bytes of {differ[0]} and {len(differ) - 1} more files are not"
        )

"""A run made a snapshot: a new version of a name, which can be checked offline by anyone.

    freeze("runs/docs", "snapshots/docs/1.0.0")

All is written in the store's work folder, then put in place by one rename.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.parquet import open_file, plain
from tamis.data.storage.address import Remote, is_remote, located
from tamis.errors import GateError, InputError, UsageError
from tamis.runs import Run, open_run
from tamis.runs import verify as verify_run
from tamis.runs.manifest import MANIFEST, digests, sha256
from tamis.snapshot.build import Content, Draft, Made, Page, build
from tamis.snapshot.folder import Snapshot, open_snapshot
from tamis.snapshot.journal import Step, Work
from tamis.snapshot.lineage import lineage as lineage_of
from tamis.snapshot.names import FIRST, Version, checked, named
from tamis.snapshot.names import version as parsed
from tamis.snapshot.receipt import receipts
from tamis.snapshot.store import FOLDER, Store

EVIDENCE = {
    "run.json": "run.json",
    "recipe.yaml": "recipe.yaml",
    "recipe.resolved.json": "recipe.resolved.json",
    "contract.odcs.yaml": "contract.odcs.yaml",
    "contract.result.json": "contract.result.json",
    "env.json": "env.json",
}
"""Files of a run that go to evidence/."""

Progress = Callable[[int], None]


def freeze(
    run: Run | Path | str,
    output: Path | str,
    *,
    name: str | None = None,
    version: str | None = None,
    parent: str | None = None,
    contract: Path | str | None = None,
    lineage: pa.Table | Path | str | None = None,
    derived_from: Sequence[str] = (),
    sign: Path | str | None = None,
    licenses: Literal["strict"] | None = None,
    store: Path | str | None = None,
    page: Page | None = None,
    on_progress: Progress | None = None,
) -> Snapshot:
    """Freeze `run` as a snapshot at `output`, a folder that must not exist.

    name      of the snapshot; None: what `output` says, …/NAME or …/NAME/1.2.0
    version   None: what `output` says, else one minor version after the parent's, else 1.0.0
    parent    the version before it (folder, NAME, NAME@VERSION, sha256:ID); None: what the name stands for now
    contract  a contract to hold the data against, in the place of the one the run has
    lineage   what its records were made of: LINEAGE rows, a file of edges, or `meta.NAME` (tamis/snapshot/lineage.py)
    derived_from  snapshots that own ids of parents are looked up in; without a lineage, the data was made of them as a whole
    sign      private ed25519 key (PEM) to sign it with
    licenses  strict: records under licences that contradict those of what they were made of are not frozen
    store     folder of the store it goes to, made one where it is none; None: the folder that NAME or NAME/VERSION of
              `output` lies in
    page      gives report.html, as `tamis.report.sheet.snapshot_page` does; None: there is none
    on_progress  called with the number of records read so far

    Raises GateError where the contract is broken or the run is not whole, else UsageError, InputError or OutputError.
    """
    run = run if isinstance(run, Run) else open_run(run)
    if is_remote(output) or is_remote(store):
        options = {"name": name, "version": version, "contract": contract, "lineage": lineage, "sign": sign}
        options |= {"licenses": licenses, "page": page, "on_progress": on_progress}
        return _freeze_far(run, located(output), store, parent, derived_from, options)
    output = Path(output)
    _name(output, name)  # before a folder is made
    _is_outside(output if store is None else Path(store), output)
    place = _store(output, store)
    place.recover()
    before = _parent(place, output, name, parent)
    called, number = _names(output, name, version, before)
    _is_free(place, output, called, number)
    _whole(run)
    _is_not_erased(place, run)
    terms, result, promised = _contract(run, contract)
    parents = [open_snapshot(ref, place.root) for ref in derived_from]
    edges = lineage if isinstance(lineage, pa.Table) else lineage_of(run, lineage, parents)
    place.make()  # not before: a store that is made for a freeze that fails catches what is frozen below it later
    with place.work() as work:
        schema = pq.read_schema(plain(run.parts("data")[0])) if run.parts("data") else pa.schema([])
        draft = Draft(
            name=called,
            version=str(number),
            parents=(before.id,) if before else (),
            kind=str(run.facts["kind"]),
            schema=schema,
            batches=lambda: batches(run),
            salts=before,
            lineage=edges,
            facts={**_facts(run, promised), **_derived(parents, edges)},
            files=_files(run, terms if contract is not None else None, result),
            strict_licences=licenses == "strict",
            parts={} if "split" in schema.names else _digests(run),
        )
        made = build(draft, work.folder / "snapshot", place, output, sign=sign, page=page, on_progress=on_progress)
        with place.lock():
            _is_free(place, output, called, number)
            _is_as_it_was(place, run, draft.facts["run"]["manifest"], before)
            work.commit([*made.steps, *register(place, work, made, _run_entry(place, run))])
    return Snapshot(output)


def _freeze_far(
    run: Run,
    output: Path | Remote,
    store: Path | str | None,
    parent: str | None,
    derived_from: Sequence[str],
    options: dict[str, Any],
) -> Snapshot:
    """Freeze to a store in object storage: in a copy of its catalog, of which what is new is put."""
    from tamis.snapshot.store_far import changing, snapshot_at

    given = None if store is None else located(store)
    if not isinstance(output, Remote) or isinstance(given, Path):
        raise UsageError(
            f"the snapshot at {output} and its store at {given} must lie in one place; name both there, or -o alone"
        )
    with changing(output, given) as (far, folder, commit):
        refs = [ref for ref in (parent, *derived_from) if ref is not None]
        for entry in map(far.living, [_name(folder, options["name"]), *refs]):
            if entry is not None:
                far.bring(entry.path)
        freeze(run, folder, store=far.root, parent=parent, derived_from=derived_from, **options)
        commit()
    return Snapshot(snapshot_at(output))


def _digests(run: Run) -> dict[Path, str]:
    known = digests(run.path)
    return {part: known[part.relative_to(run.path).as_posix()] for part in run.parts("data")}


def batches(run: Run) -> Iterator[pa.RecordBatch]:
    """The rows of `run` in order, some thousand at a time."""
    for part in run.parts("data"):
        with open_file(part) as file:
            yield from file.iter_batches(8192)


def register(store: Store, work: Work, made: Made, run: dict[str, Any] | None = None) -> list[Step]:
    """Steps that make a new snapshot known to its store, and the one its name stands for."""
    steps = [
        store.write(work, "snapshots", made.id.removeprefix("sha256:"), entry(store, made)),
        use(store, work, made.facts["name"], made.id),
    ]
    if run is not None:
        steps.append(store.write(work, "runs", run["id"], {**run, "snapshots": sorted({*run["snapshots"], made.id})}))
    return steps


def entry(store: Store, made: Made) -> dict[str, Any]:
    """What the catalog of `store` says of a new snapshot."""
    facts = made.facts
    return {
        "id": made.id,
        "name": facts["name"],
        "version": facts["version"],
        "path": store.placed(made.path),
        "created": facts["created"],
        "parents": facts["parents"],
        "root": facts["content"]["root"],
        "rows": sum(facts["splits"].values()),
    }


def use(store: Store, work: Work, name: str, id: str) -> Step:
    """The step that makes `name` stand for the snapshot `id`."""
    known = store.history(name)
    was = known.get("was", [])
    if known.get("current"):
        was = [*was, {"id": known["current"], "until": _now()}]
    return store.write(work, "names", name, {"current": id, "was": was})


def _store(output: Path, given: Path | str | None) -> Store:
    """The store that a snapshot at `output` goes to; it may not be there yet."""
    if given is not None:
        return Store(Path(given))
    # Not the nearest store above, as git would take: one made by mistake in /tmp or a home would draw in all below it.
    output = Path(os.path.abspath(output))
    beside = output.parent.parent if named(output).version else output.parent
    return Store(output.parent if (output.parent / FOLDER).is_dir() else beside)


def _parent(store: Store, output: Path, name: str | None, given: str | None) -> Snapshot | None:
    if given is not None:
        found = open_snapshot(given, store.root)
        known = store.entry(found.id)
        if known is not None and known.state == "withdrawn":
            raise UsageError(
                f"{found.ref} was withdrawn by an erasure, and can be no parent; name what took its place "
                f"(`tamis snapshots list --store {store.root}`)"
            )
        return found
    current = store.entry(_name(output, name))
    return Snapshot(current.path) if current and current.state == "live" else None


def _names(output: Path, name: str | None, version: str | None, parent: Snapshot | None) -> tuple[str, Version]:
    said = named(Path(os.path.abspath(output)))
    following = parsed(parent.version).next() if parent else FIRST
    return _name(output, name), parsed(version) if version is not None else said.version or following


def _name(output: Path, name: str | None) -> str:
    said = named(Path(os.path.abspath(output))).name
    if name is None and _NEARLY_A_VERSION.fullmatch(said):
        raise UsageError(
            f"{said!r} is no version; write three numbers, as -o {output.parent}/1.2.0, or, if it is a name, --name {said}"
        )
    return checked(said if name is None else name)


# …/docs/1.0 would be the first version of a data set called 1.0, in a store of its own within …/docs.
_NEARLY_A_VERSION = re.compile(r"v?\d+(\.\d+)+")


def _is_free(store: Store, output: Path, name: str, version: Version) -> None:
    """Raises UsageError where there is something at `output`, or another snapshot of that name and version."""
    if os.path.lexists(output):
        raise UsageError(
            f"{output} is there already, and a snapshot is never written over; name another folder with -o"
        )
    if FOLDER in Path(os.path.abspath(output)).parts:
        raise UsageError(f"{output} is within {FOLDER}, which belongs to the store; name a folder outside it with -o")
    for entry in store.snapshots():
        if (entry.name, entry.version) == (name, str(version)) and entry.state != "missing":
            raise UsageError(f"{name}@{version} is there already, at {entry.path}; give another --version")


def _is_not_erased(store: Store, run: Run) -> None:
    """Raises InputError where `run` is a copy of one as it was before an erasure: what was erased would come back."""
    manifest = sha256(run.path / MANIFEST)
    for receipt in receipts(store):
        for known in receipt.get("runs", ()):
            before, after = known["manifest"]
            if manifest == before != after:
                raise InputError(
                    f"the run at {run.path} is a copy from before records were erased from it (receipt {receipt['receipt']}), "
                    f"and would bring them back; freeze the one at {store.place(known['path'])}, and remove this one"
                )


def _is_outside(*places: Path) -> None:
    """Raises UsageError where a run or a snapshot lies above one of `places`: what is added to it would break it."""
    for place in places:
        for above in Path(os.path.abspath(place)).parents:
            if any((above / name).is_file() for name in ("run.json", "snapshot.json")) and (above / MANIFEST).is_file():
                raise UsageError(
                    f"{place} lies in {above}, which is sealed: it would not be whole any more; take another folder"
                )


def _is_as_it_was(store: Store, run: Run, manifest: str, parent: Snapshot | None) -> None:
    """Raises InputError where an erasure went over the run or the parent meanwhile: what was read of it is not to come back."""
    known = store.entry(parent.id) if parent else None
    if sha256(run.path / MANIFEST) != manifest or (known is not None and known.state == "withdrawn"):
        raise InputError(
            f"{run.path if known is None or known.state == 'live' else known.path} was written anew while this snapshot was made "
            "(an erasure?), and nothing was frozen; freeze again"
        )


def _whole(run: Run) -> None:
    if run.mirror:
        run.mirror.need(lambda name: True)  # held against the manifest as it comes
    if found := verify_run(run.path):
        more = f", and {len(found) - 1} more" if found[1:] else ""
        raise GateError(
            f"the run at {run.path} is not as it was written: {found[0].file} {found[0].problem}{more}; "
            f"`tamis verify {run.path}` names all, a new run mends it"
        )


def _contract(run: Run, given: Path | str | None) -> tuple[bytes | None, bytes | None, dict[str, Any]]:
    """The data of `run` held against the contract once more: the contract as it was read, the result, and what
    snapshot.json says of it."""
    path = Path(given) if given is not None else run.path / "contract.odcs.yaml"
    if given is None and not path.is_file():
        return None, None, {"contract": None}
    from tamis.contracts import check, load

    contract = load(path)
    flow = {"rows": run.rows, "sources": run.facts.get("sources", ())}
    result = check(run.parts("data"), contract, flow=flow)
    if not result.passed:
        broken = [outcome.message for outcome in result.broken if outcome.stops]
        more = f"; and {len(broken) - 1} more" if broken[1:] else ""
        raise GateError(
            f"the data breaks the contract {contract.id} {contract.version}, and cannot be frozen: {broken[0]}{more}; "
            f"`tamis check {run.path} -c {path}` names all"
        )
    gist = {"id": contract.id, "version": contract.version, "sha256": contract.sha256, "result": "passed"}
    classified = {p.column: p.classification for p in contract.table(None).properties if p.classification}
    return (
        contract.text,
        result.to_json().encode(),
        {"contract": gist, **({"sensitivity": classified} if classified else {})},
    )


def _lineage(run: Run, given: pa.Table | Path | str | None, parents: Sequence[Snapshot]) -> pa.Table:
    from tamis.snapshot.lineage import lineage, settled

    if isinstance(given, pa.Table):
        return settled([given, lineage(run, None, parents)])
    return lineage(run, given, parents)


def _facts(run: Run, promised: dict[str, Any]) -> dict[str, Any]:
    facts = run.facts
    commit = facts["varies"].get("commit")
    return {
        "conservation": run.rows,
        **promised,
        "recipe": {"name": facts["name"], **facts["recipe"]},
        "inputs": facts["inputs"],
        "code": {"package": f"tamis {metadata.version('tamis')}", **({"git": commit} if commit else {})},
        "run": {"manifest": sha256(run.path / MANIFEST)},
        "env": {"versions": facts["versions"], "sha256": sha256(run.path / "env.json")},
    }


def _derived(parents: Sequence[Snapshot], edges: pa.Table) -> dict[str, Any]:
    """Which snapshots it was made of, and whether it is known which records of them."""
    if not parents:
        return {}
    return {"derived_from": {"snapshots": [p.id for p in parents], "by": "records" if edges.num_rows else "whole"}}


def _files(run: Run, contract: bytes | None, result: bytes | None) -> dict[str, Content]:
    """What goes beside data, leaves and lineage. `contract`: one in the place of the run's own."""
    files: dict[str, Content] = {
        f"evidence/{name}": run.path / found for name, found in EVIDENCE.items() if (run.path / found).is_file()
    }
    if contract is not None:
        if "evidence/contract.odcs.yaml" in files:
            files["evidence/run.contract.odcs.yaml"] = files["evidence/contract.odcs.yaml"]
        files["evidence/contract.odcs.yaml"] = contract
    if result is not None:
        files["evidence/contract.result.json"] = result
    for what in ("verdicts", "edges"):
        files |= {f"ledger/{what}/{part.name}": part for part in run.parts(what)}
    files |= {f"evidence/stages/{path.name}": path for path in sorted((run.path / "stages").glob("*.py"))}
    files["ledger/fates.parquet"] = run.fates  # made when it is written: 25 bytes a record
    return files


def _run_entry(store: Store, run: Run) -> dict[str, Any]:
    id = sha256(run.path / MANIFEST)
    known: list[str] = next((entry["snapshots"] for entry in store.runs() if entry["id"] == id), [])
    return {
        "id": id,
        "path": str(run.place) if run.mirror else store.placed(run.path),
        "name": run.facts["name"],
        "snapshots": known,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""Erasure: some records, and all that was made of them, out of a store.

Every version that holds one is written anew without them and keeps its root as tombstones (withdraw.py); runs are written
anew in place (expunge.py). All of it is one transaction: a crash leaves the store as it was or as it is to be.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tamis.data.writer import write_bytes, write_json
from tamis.errors import GateError, InputError, UsageError
from tamis.runs import verify as verify_run
from tamis.snapshot import residue
from tamis.snapshot.answers import VALUE, Forget, bought, files_of, forget_all
from tamis.snapshot.build import Made, Page, build
from tamis.snapshot.closure import Known, Plan, gather
from tamis.snapshot.expunge import Expunged, Report, expunge
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.freeze import entry, use
from tamis.snapshot.graph import Reached
from tamis.snapshot.holds import forget as forget_holds
from tamis.snapshot.journal import Step, Work
from tamis.snapshot.names import told
from tamis.snapshot.receipt import NOT_PROVED, PAYLOAD, asked
from tamis.snapshot.residue import Residue
from tamis.snapshot.rewrite import beside, redraft
from tamis.snapshot.select import Match
from tamis.snapshot.store import Store
from tamis.snapshot.unname import veiled
from tamis.snapshot.verify import verify
from tamis.snapshot.withdraw import Successor, bury, digest

Say = Callable[[str], None]
"""Told what goes on."""

Pages = tuple[Report | None, Page | None]
"""What writes the reports of runs, and of snapshots."""


@dataclass
class Erased:
    """What an erasure did: its receipt, where that lies, and the nonces of the request, which are told here alone."""

    receipt: dict[str, Any]
    path: Path
    nonces: tuple[str, ...]
    residue: Residue | None = None


def erase(
    store: Store,
    matches: Sequence[Match],
    *,
    alike: bool = False,
    all_records: bool = False,
    sign: Path | None = None,
    note: str | None = None,
    report: Report | None = None,
    page: Page | None = None,
    forget: Forget | None = None,
    on_progress: Say | None = None,
) -> Erased:
    """Erase the records that `matches` mean, and all that was made of them, from every snapshot and run of `store`.

    alike        as for `plan`
    all_records  allow that a snapshot is left without any
    sign         private ed25519 key (PEM): the receipt is signed with it
    note         goes into the receipt, as the number of a request
    report       writes the report of a run anew
    page         gives report.html of the new versions; None: they have none
    forget       makes a cache of answers forget what was bought with such records; None: the receipt says that it was not

    Raises GateError where a hold forbids it, where nothing is meant, or where a snapshot would be left empty.
    """
    if not matches:
        raise UsageError("what should be erased? name --match field=value or --record ID")
    told(note or "")
    say = on_progress or (lambda _: None)
    with store.work() as work, store.lock():
        known = Known.of(store)
        found = gather(known, tuple(matches), alike)
        _may(known, found, all_records)
        steps, receipt, nonces = _carry_out(known, found, work, (report, page), note, say)
        # Before anything is changed: once the runs do not know the records any more, nobody knows their answers. To forget
        # too much costs money and nothing else.
        answers = [
            b for run in known.runs if str(run.path) in found.runs and (b := bought(run, found.reached, found.matches))
        ]
        counts, left_over = forget_all(answers, forget)
        receipt["answers_removed"] = sum(counts.values())
        receipt["not_proved"] = [*left_over, *receipt["not_proved"]]
        name = receipt["receipt"]
        _write(work.folder / "receipt.json", receipt, sign)
        path = store.inside / "receipts" / f"{name}.json"
        with _nonces_told(receipt, nonces, say):
            work.commit([*steps, Step("move", work.folder / "receipt.json", path)])
    # Others may use the store again: what is left to do only reads it.
    with _nonces_told(receipt, nonces, say):
        say("searching for what is left")
        left = search(known, found, list(counts))
        receipt["residual"] = _told(left, store.root, found.values)
        _write(path, receipt, sign)
    return Erased(receipt, path, tuple(nonces), left)


@contextmanager
def _nonces_told(receipt: dict[str, Any], nonces: Sequence[str], say: Say) -> Iterator[None]:
    """Tell the nonces where the block is cut short: what is committed will be finished, and they stand nowhere else."""
    try:
        yield
    except BaseException:
        say(
            f"cut short; should receipt {receipt['receipt']} come to be all the same, its nonces are {', '.join(nonces)}"
        )
        raise


def search(known: Known, found: Plan, caches: Sequence[str] = ()) -> Residue:
    """Look for the values that were asked for, and the records of `found`, in every file of the store and of its runs; and in
    `caches` of answers, which others may share, for values that are long enough to mean them."""
    left = residue.search([known.store.root, *(run.path for run in known.runs)], found.values, found.reached)
    more = residue.search(
        files_of(caches), [v for v in found.values if len(v) >= VALUE], Reached.of(np.empty((0, 2), np.uint64))
    )
    left.files, left.bytes = left.files + more.files, left.bytes + more.bytes
    left.found += more.found
    left.unread |= more.unread
    return left


def _may(known: Known, found: Plan, all_records: bool) -> None:
    """Raises GateError where it must not be carried out."""
    if found.is_empty:
        raise GateError(
            "nothing is meant: no snapshot and no run of this store has such a record; nothing was erased. Values are compared "
            "letter by letter: field~value asks what holds it"
        )
    if found.held:
        more = f", and {len(found.held) - 1} more" if found.held[1:] else ""
        raise GateError(
            f"nothing was erased: {found.held[0]}{more}. `tamis hold list` names all; `tamis hold release` ends one"
        )
    emptied = [h.ref for h in found.holdings if h.records == known.live[h.id].facts["content"]["leaves"]]
    if emptied and not all_records:
        raise GateError(
            f"nothing was erased: it would leave no record in {', '.join(emptied)}. If that is meant, say --all-records"
        )


def _carry_out(
    known: Known, found: Plan, work: Work, pages: Pages, note: str | None, say: Say
) -> tuple[list[Step], dict[str, Any], list[str]]:
    """Write all that is new to `work`: the steps that make it so, the receipt, and its nonces."""
    store, now, name = known.store, _now(), secrets.token_hex(8)
    expunged = _runs(known, found, work, name, pages[0], say)
    versions = _versions(known, found, work, name, now, {e.before: e.after for e in expunged}, pages[1], say)
    steps = [step for e in expunged for step in e.steps]
    steps += [step for v in versions for step in v.steps]
    steps += _catalog(store, work, versions)
    steps += _run_entries(store, work, expunged, {v.old.id: v.made.id for v in versions if v.made})
    steps += _models(store, work, found, name, now)
    steps += forget_holds(store, work, found.reached)
    unshared = _unshared(store, known, versions)
    caches = sorted((store.inside / "cache").glob("*"))
    steps += [Step("remove", path) for path in (*unshared, *caches)]
    request, nonces = asked(found.matches)
    receipt = {
        "tamis_receipt": 1,
        "receipt": name,
        "created": now,
        "tamis": version("tamis"),
        **({"note": note} if note else {}),
        "request": request,
        "closure": {
            "records": len(found.reached),
            "meant": found.reached.seeds,
            "derived": len(found.reached) - found.reached.seeds,
            "tombstones_sha256": digest([v.leaves for v in versions]),
        },
        "scanned": {what: [veiled(name, found.values) for name in names] for what, names in _scanned(known).items()},
        "snapshots": [v.told() for v in versions],
        "runs": [
            {
                "path": veiled(store.placed(e.path), found.values),
                "records": e.counts,
                "verdicts": e.verdicts,
                "manifest": [e.before, e.after],
            }
            for e in expunged
        ],
        "objects_removed": len(unshared),
        "caches_removed": len(caches),
        "models": [{"name": m.name, "snapshots": list(m.snapshots), "records": m.records} for m in found.models],
        "alike_that_stay": found.alike,
        "not_proved": [
            *(veiled(line, found.values) for line in (*_inputs(known, found), *_wholes(found))),
            *NOT_PROVED,
        ],
        "residual": None,
    }
    return steps, receipt, nonces


@dataclass(frozen=True)
class _Version:
    """A version that lost records: what was made in its place (None: it was withdrawn before), and its new tombstones."""

    old: Snapshot
    made: Made | None
    steps: tuple[Step, ...]
    leaves: np.ndarray

    def told(self) -> dict[str, Any]:
        """For the receipt."""
        facts = self.made.facts if self.made else None
        new = None
        if self.made and facts:
            new = {**_identity(self.made.id, facts), "contract": (facts.get("contract") or {}).get("result")}
        return {"old": _identity(self.old.id, self.old.facts), "new": new, "tombstones": len(self.leaves)}


def _identity(id: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {"ref": f"{facts['name']}@{facts['version']}", "id": id, "root": facts["content"]["root"]}


def _versions(
    known: Known,
    found: Plan,
    work: Work,
    receipt: str,
    now: str,
    manifests: dict[str, str],
    page: Page | None,
    say: Say,
) -> list[_Version]:
    """The versions that hold or name a record written anew, and tombstones in those that were withdrawn before."""
    gone, done = found.reached, []
    entries = {e.id: e for e in known.store.snapshots()}
    taken = {(e.name, e.version) for e in entries.values()}
    for k, id in enumerate(found.rewrites):
        old = known.live[id]
        say(f"writing {old.ref} anew")
        _sound(old)
        draft = redraft(old, gone, work.folder / f"rows-{k}.parquet", receipt, manifests, taken, found.values)
        taken.add((draft.name, draft.version))
        made = build(draft, work.folder / f"new-{k}", known.store, beside(entries[id], draft.version), page=page)
        to = Successor(made.id, f"{draft.name}@{draft.version}")
        buried = bury(old, work.folder / f"old-{k}", gone, to, receipt, now)
        assert buried is not None
        done.append(_Version(old, made, (*made.steps, *buried.steps), buried.leaves))
    for k, old in enumerate(known.buried):
        if gone.holds(old.leaves().column("record_id")).any():
            _sound(old)
        buried = bury(old, work.folder / f"buried-{k}", gone, None, receipt, now)
        if buried is not None:
            done.append(_Version(old, None, buried.steps, buried.leaves))
    return done


def _sound(snapshot: Snapshot) -> None:
    """Raises InputError where `snapshot` is not what was frozen: what is written of it anew would make that look right."""
    wrong = [f for f in verify(snapshot.path, level="files").findings if not f.problem.startswith("was added")]
    if wrong:
        raise InputError(
            f"{snapshot.ref} at {snapshot.path} is not what was frozen ({wrong[0].file} {wrong[0].problem}), and nothing was "
            f"erased; `tamis verify {snapshot.path}` names all: put it right, or delete that folder, and erase again"
        )


def _catalog(store: Store, work: Work, versions: Sequence[_Version]) -> list[Step]:
    """New versions made known, old ones withdrawn; a name that stood for one stands for what took its place."""
    steps = []
    for v in versions:
        if v.made is None:
            continue
        name = v.old.id.removeprefix("sha256:")
        was = json.loads((store.inside / "snapshots" / f"{name}.json").read_bytes())
        steps.append(store.write(work, "snapshots", name, {**was, "superseded": v.made.id}))
        steps.append(store.write(work, "snapshots", v.made.id.removeprefix("sha256:"), entry(store, v.made)))
        if store.current(v.old.name) == v.old.id:
            steps.append(use(store, work, v.old.name, v.made.id))
    return steps


def _runs(known: Known, found: Plan, work: Work, name: str, report: Report | None, say: Say) -> list[Expunged]:
    done = []
    for k, run in enumerate(known.runs):
        if str(run.path) not in found.runs:
            continue
        say(f"writing the run at {run.path} anew")
        if wrong := verify_run(run.path):
            raise InputError(
                f"the run at {run.path} is damaged ({wrong[0].file} {wrong[0].problem}), and what it holds of these records cannot "
                "be taken out; delete that folder, or put it right, and erase again"
            )
        made = expunge(run, work.folder / f"run-{k}", found.reached, name, report, found.values)
        if made is not None:
            done.append(made)
    return done


def _run_entries(store: Store, work: Work, expunged: Sequence[Expunged], successors: dict[str, str]) -> list[Step]:
    """The catalog's word on runs: those that were written anew have another manifest, and the new versions are of them."""
    steps: list[Step] = []
    after = {e.before: e.after for e in expunged}
    for facts in store.runs():
        id = after.get(facts["id"], facts["id"])
        snapshots = sorted({*facts["snapshots"], *(successors[s] for s in facts["snapshots"] if s in successors)})
        if (id, snapshots) != (facts["id"], facts["snapshots"]):
            path = store.placed(Path(facts["path"]))
            steps.append(store.write(work, "runs", id, {**facts, "id": id, "snapshots": snapshots, "path": path}))
        if id != facts["id"]:
            steps.append(Step("remove", store.inside / "runs" / f"{facts['id']}.json"))
    return steps


def _models(store: Store, work: Work, found: Plan, receipt: str, now: str) -> list[Step]:
    """Models that were trained on a record that goes know of the receipt."""
    hit = {m.name: m.records for m in found.models}
    steps = []
    for facts in store.models():
        if facts["name"] in hit:
            told = {"receipt": receipt, "when": now, "records": hit[facts["name"]]}
            facts["erasures"] = [*facts.get("erasures", []), told]
            steps.append(store.write(work, "models", facts["name"], facts))
    return steps


def _unshared(store: Store, known: Known, versions: Sequence[_Version]) -> list[Path]:
    """Objects that no snapshot has any more."""
    rewritten = {v.old.id for v in versions}
    facts = [s.facts for id, s in known.live.items() if id not in rewritten]
    facts += [v.made.facts for v in versions if v.made]
    wanted = {file["sha256"] for f in facts for file in f["files"]}
    every = sorted((store.inside / "objects/sha256").glob("??/*"))
    return [path for path in every if path.name not in wanted and not path.parent.is_symlink()]


def _scanned(known: Known) -> dict[str, list[str]]:
    return {
        "snapshots": [s.ref for s in known.live.values()],
        "withdrawn": [s.ref for s in known.buried],
        "runs": [known.store.placed(run.path) for run in known.runs],
        "not_there": list(known.unseen),
    }


def _inputs(known: Known, found: Plan) -> Iterator[str]:
    """The files that the records were read from: they are not the store's."""
    names = sorted({i["file"] for run in known.runs if str(run.path) in found.runs for i in run.facts["inputs"]})
    if names:
        yield f"the input of the runs ({', '.join(names)}): a new run over it brings the records back"
    for path, why in found.unread.items():
        yield f"records that the run at {known.store.placed(Path(path))} dropped: they are stored in its input alone, and {why}"


def _wholes(found: Plan) -> Iterator[str]:
    if found.wholes:
        yield f"{', '.join(found.wholes)}: made as a whole of a snapshot that held some; which of its records were is not known"


def _told(left: Residue, root: Path, values: Sequence[str]) -> dict[str, Any]:
    """A residue as a receipt has it; files within the store by their place there."""

    def place(path: str) -> str:
        return Path(path).relative_to(root.absolute()).as_posix() if root.absolute() in Path(path).parents else path

    return {
        "files": left.files,
        "bytes": left.bytes,
        "values": left.values,
        "too_short": left.too_short,
        "found": [{**vars(replace(hit, file=veiled(place(hit.file), values)))} for hit in left.found],
        "unread": {veiled(place(path), values): veiled(why, values) for path, why in left.unread.items()},
    }


def _write(path: Path, receipt: dict[str, Any], sign: Path | None) -> None:
    if sign is None:
        write_json(path, receipt)
        return
    from tamis.snapshot.sign import sign as signed

    write_bytes(path, signed(receipt, sign, PAYLOAD))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""Is a run whole: every byte as it was written, nothing missing, nothing added, and do its books balance?

Folders of judges, adapters and merged models have such a manifest, too, and no books.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.parquet import one_line, open_file, plain, source
from tamis.data.storage import Remote, listed, located, stored
from tamis.errors import InputError, TamisError
from tamis.runs.manifest import MANIFEST, closing, files, sha256

RUN, FATES = "run.json", "fates.parquet"
"""The books of a run."""

UNTOLD = (RUN, "report.html")
"""Files of a run of which its run.json, written before them, does not tell."""

ALWAYS = ("env.json", FATES, "recipe.resolved.json", "recipe.yaml")
"""Files that every run has beside those."""

MEMBERS = {
    "contract",
    "damage",
    "files",
    "inputs",
    "kind",
    "name",
    "recipe",
    "rows",
    "sources",
    "steps",
    "varies",
    "versions",
}
STEP = {"params", "reasons", "rows", "rules", "stage", "step"}
"""Members of every run.json, and of each of its steps."""

_TOLD = (MANIFEST, RUN, FATES, "merge.json")
"""One of them is in every folder that has a manifest, also where that was lost."""


class Finding(NamedTuple):
    """Something wrong with one file of a run."""

    file: str
    problem: str


class Held(NamedTuple):
    """What was held against a manifest.

    findings  what is wrong; empty where nothing is
    files     how many the manifest names
    books     whether there are any, as every run has them
    """

    findings: list[Finding]
    files: int
    books: bool


def verify(folder: Path | str | Remote) -> list[Finding]:
    """What is wrong with the run in `folder`; empty where nothing is. Raises InputError where there is no run.

    Of a run in object storage every file is read, and none is kept. A folder of judges, an adapter or a merged model is held
    against its manifest alone.
    """
    return hold(folder).findings


def hold(folder: Path | str | Remote) -> Held:
    """What `verify` finds, and what it looked at."""
    folder = located(folder)
    if isinstance(folder, Remote):
        return _hold_far(folder)
    at_work, ended = folder / ".work", (folder / MANIFEST).exists() and (folder / RUN).exists()
    if at_work.is_dir() and not ended:
        raise InputError(f"the run at {folder} is not finished; give the command that began it again, with --resume")
    if not folder.is_dir() or not any((folder / name).exists() for name in _TOLD):
        raise InputError(f"there is no run at {folder}; name the folder that `tamis run -o` wrote")
    if (folder / "report.json").exists() and not any((folder / name).exists() for name in (MANIFEST, FATES)):
        raise InputError(
            f"{folder} is a run of `tamis eval run`, which has no manifest: only report.json and the tables that it names can be "
            f"held against digests. `tamis eval report {folder} --format json` does so"
        )
    found, named = _manifest(folder)
    there = {p.relative_to(folder).as_posix(): p for p in files(folder)}
    for name, digest in named.items():
        path = there.get(name)
        if path is None:
            found.append(Finding(name, "is missing"))
        elif path.is_symlink() or not path.is_file():
            found.append(Finding(name, "is not a plain file"))
        elif sha256(path) != digest:
            found.append(Finding(name, "is not what was written: its sha256 differs"))
    found += [Finding(name, "was added: the manifest does not name it") for name in sorted(there.keys() - named.keys())]
    if at_work.exists() or at_work.is_symlink():
        found.append(
            Finding(
                ".work", "was added: a finished run has none; one that was stopped as it ended loses it by --resume"
            )
        )
    return _held(folder, found, named)


def _hold_far(run: Remote) -> Held:
    there = {one.remote.below(run) for one in listed(run)}
    there = {name for name in there if not name.startswith(".work/")}
    if MANIFEST not in there:
        if there and stored(run / ".work/plan.json"):
            raise InputError(f"the run at {run} is not finished; give the command that began it again, with --resume")
        raise InputError(f"there is no run at {run}; name the place that `tamis run -o` wrote")
    found, named = _manifest(run)
    with ThreadPoolExecutor(4, thread_name_prefix="tamis-verify") as pool:
        same = dict(
            zip(named, pool.map(lambda name: name in there and sha256(run / name) == named[name], named), strict=True)
        )
    for name, whole in same.items():
        if not whole:
            wrong = "is not what was written: its sha256 differs" if name in there else "is missing"
            found.append(Finding(name, wrong))
    added = sorted(there - named.keys() - {MANIFEST})
    found += [Finding(name, "was added: the manifest does not name it") for name in added]
    return _held(run, found, named)


def _held(folder: Path | Remote, found: list[Finding], named: Mapping[str, str]) -> Held:
    """`found`, or what is wrong with the books, where files are as written and there are books."""
    if found:
        return Held(found, len(named), False)
    try:
        facts = json.loads((folder / RUN).read_bytes()) if RUN in named else None
        # One file of the two tells: what is left of a run without the other is no folder of somebody else.
        books = FATES in named or (isinstance(facts, dict) and "rows" in facts)
        return Held((_digests(facts, named) or _books(folder, facts, named)) if books else [], len(named), books)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, pa.ArrowException) as wrong:
        why = f"its books cannot be read: {one_line(wrong)}; run.json and fates.parquet as `tamis run` writes them were wanted"
        return Held([Finding(RUN, why)], len(named), True)


@contextmanager
def read_whole(folder: Path | str | Remote) -> Iterator[None]:
    """Where reading the run in `folder` fails because the run is damaged, an InputError that names the file."""
    try:
        yield
    except TamisError:
        raise
    except Exception as error:
        if not (found := verify(folder)):
            raise
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise InputError(
            f"the run at {folder} is damaged: {found[0].file} {found[0].problem}{more}; "
            f"`tamis verify {folder}` names all, a new run mends it"
        ) from error


def _manifest(folder: Path | Remote) -> tuple[list[Finding], dict[str, str]]:
    try:
        place = folder / MANIFEST
        text = (place if isinstance(place, Remote) else plain(place)).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return [Finding(MANIFEST, "is missing")], {}
    except (OSError, UnicodeDecodeError):
        return [Finding(MANIFEST, "cannot be read")], {}
    body, mark, last = text.rpartition("# ")
    found = (
        []
        if closing(body) == mark + last
        else [Finding(MANIFEST, "is not what was written: its last line does not fit")]
    )
    listed = {}
    for line in body.splitlines():
        digest, gap, name = line.partition("  ")
        inside = not (Path(name).is_absolute() or ".." in Path(name).parts)
        if gap and len(digest) == 64 and inside:
            listed[name] = digest
        elif not found:
            found.append(Finding(MANIFEST, f"has a line that names no file of the run: {line[:80]!r}"))
    return found, listed


def _digests(facts: Any, named: Mapping[str, str]) -> list[Finding]:
    """What is wrong with run.json, or with what the manifest names against what run.json tells of.

    An erasure writes both anew; whoever edits a file and its manifest is told of by the other.
    """
    if lacks := MEMBERS - facts.keys() | {name for step in facts["steps"] for name in STEP - step.keys()}:
        return [Finding(RUN, f"is not what `tamis run` writes: it lacks {', '.join(sorted(lacks))}")]
    told = {file["path"]: file["sha256"] for file in facts["files"]}
    found = [
        Finding(name, "is missing: run.json tells of it" if name in told else "is missing: every run has one")
        for name in sorted({*told, *ALWAYS} - named.keys())
    ]
    for name, digest in named.items():
        if name in told and told[name] != digest:
            found.append(Finding(name, "is not what run.json tells of: its sha256 differs"))
        elif name not in told and name not in UNTOLD:
            found.append(Finding(name, "was added: run.json does not tell of it"))
    return found


def _books(folder: Path | Remote, facts: Any, named: Iterable[str]) -> list[Finding]:
    """The balance, from the files themselves, those that the manifest names. `facts` are those of run.json."""
    fates: Counter[str] = Counter()
    for batch in open_file(folder / FATES).iter_batches(1 << 20, columns=["fate"]):
        counted = batch.column(0).cast(pa.string()).value_counts().to_pylist()
        fates.update({entry["values"]: entry["counts"] for entry in counted})
    rows: dict[str, Any] = facts["rows"]
    wrong = {
        "kept": (rows["kept"], fates["kept"], _rows(folder, named, "data/")),
        "quarantined": (rows["quarantined"], fates["quarantined"], _rows(folder, named, "quarantine/")),
        "dropped": (rows["dropped"], fates["dropped"]),
        "in": (rows["in"] + rows.get("derived", 0), fates.total()),
    }
    return [
        Finding(RUN, f"does not balance: {name} is {' / '.join(map(str, numbers))} in run.json, fates and files")
        for name, numbers in wrong.items()
        if len(set(numbers)) > 1
    ] + _steps(facts)


def _steps(facts: Any) -> list[Finding]:
    """The steps of which more or fewer records come out than went in."""
    found, left = [], facts["rows"]["in"]
    for step in facts["steps"]:
        rows = step["rows"]
        kept = left + rows["derived"] - rows["dropped"] - rows["quarantined"]
        if (rows["in"], rows["kept"]) != (left, kept):
            found.append(
                Finding(RUN, f"does not balance: of step {step['step']}, {step['stage']}, the rows are {rows}")
            )
        left = rows["kept"]
    return found


def _rows(folder: Path | Remote, named: Iterable[str], what: str) -> int:
    files = (folder / name for name in named if name.startswith(what) and name.endswith(".parquet"))
    return sum(pq.read_metadata(source(file)).num_rows for file in files)

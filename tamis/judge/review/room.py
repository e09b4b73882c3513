"""An export that people are rating: its tasks, its raters, and what each has answered so far, all of it on disk."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tamis.data.disk import disk_errors
from tamis.errors import InputError, UsageError
from tamis.judge.reading import each_row
from tamis.judge.review.form import Form
from tamis.judge.review.log import Log, refuse_others
from tamis.judge.review.vote import Vote, named, vote


class Room:
    """What `review serve` serves.

    tasks     rows of tasks.jsonl by task, in order; of conflicts alone, where those are given, with `said`
    votes     the last vote of each rater by task
    problems  lines of the log that are no votes, as a crash leaves them
    """

    def __init__(self, folder: Path, log: Path, raters: Sequence[str], conflicts: Path | None = None) -> None:
        """Raises InputError where `folder` is no export or was changed, UsageError where raters cannot be told apart."""
        self.raters = _apart(raters)
        self.export, self.form, rows = read_export(folder)
        self.decides = conflicts is not None
        every = {row["task"]: row for row in rows}
        self.tasks = every if conflicts is None else _conflicting(conflicts, every)
        home = Path(os.path.abspath(folder))  # the folder may be called `.`
        self._secret = _secret(home.with_name(f".{home.name}.secret"))
        refuse_others(log)
        self.log = Log(log)
        self.votes: dict[str, dict[str, Vote]] = {rater: {} for rater in self.raters}
        self.problems: list[str] = []
        for where, row in each_row([log], self.problems):
            try:
                self._take(vote(row, self.form, every, self.export, where))
            except ValueError as wrong:
                self.problems.append(f"{where}: {wrong}")

    def token(self, rater: str) -> str:
        """What lets `rater` in; the same after a restart, so that an open page goes on."""
        return hmac.new(self._secret, f"{self.export} {rater}".encode(), hashlib.sha256).hexdigest()

    def whose(self, token: str | None) -> str | None:
        """The rater whose token it is."""
        given = (token or "").encode("utf-8", "replace")  # a header may hold bytes that are no text
        for rater in self.raters:
            if hmac.compare_digest(given, self.token(rater).encode()):
                return rater
        return None

    def save(self, rater: str, given: dict[str, Any]) -> Vote:
        """Put an answer on disk; the same once more changes nothing. Raises ValueError where it is none, OutputError."""
        before = self.votes[rater].get(str(given.get("task")))
        row: dict[str, Any] = {"task": given.get("task"), "export": self.export, "rater": rater}
        row |= {name: given[name] for name in ("label", "scores") if name in given}
        row |= {"note": given.get("note") or "", "revision": 0 if before is None else before.revision + 1}
        seconds = given.get("seconds")
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e6:
            row["seconds"] = seconds
        row["at"] = datetime.now(UTC).isoformat(timespec="milliseconds")
        if self.decides:
            row["decides"] = True
        found = vote(row, self.form, self.tasks, self.export)
        if before is not None and (before.answer, before.note) == (found.answer, found.note):
            return before
        self.log.append(row)
        self._take(found)
        return found

    def state(self, rater: str) -> dict[str, Any]:
        """All that the page of `rater` needs to begin, or to go on."""
        own = {
            task: {"label": v.label, "scores": dict(v.scores), "note": v.note}
            for task, v in self.votes[rater].items()
            if task in self.tasks
        }
        form = self.form.facts()
        # The digest of the rubric is of no use to raters; its name may say what it was made for.
        form = {name: form[name] for name in ("kind", "question", "guide", "criteria")}
        return {"rater": rater, "form": form, "labels": self.form.labels, "tasks": list(self.tasks), "votes": own}

    def shown(self, task: str) -> dict[str, Any] | None:
        """The texts of a task; None where there is none of that name."""
        row = self.tasks.get(task)
        if row is None:
            return None
        texts = [row[name] for name in (("first", "second") if self.form.kind == "pair" else ("answer",))]
        return {
            "task": task,
            "prompt": row["prompt"],
            "reference": row["reference"],
            "texts": texts,
            "said": row.get("said"),
        }

    def _take(self, found: Vote) -> None:
        own = self.votes.get(found.rater)
        if own is not None and found.decides == self.decides:
            before = own.get(found.task)
            if before is None or found.revision > before.revision:
                own[found.task] = found


def read_export(folder: Path) -> tuple[str, Form, list[dict[str, Any]]]:
    """Digest, form and tasks of an export. Raises InputError where it is none, or its tasks were changed."""
    try:
        facts = json.loads((folder / "form.json").read_bytes())
        rows = [json.loads(line) for line in (folder / "tasks.jsonl").read_bytes().splitlines()]
        digest = facts.pop("export")
        bare = [{name: value for name, value in row.items() if name != "export"} for row in rows]
    except OSError as wrong:
        raise InputError(
            f"{wrong.filename} cannot be read ({wrong.strerror}); `tamis review export` writes a folder to serve"
        ) from wrong
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as wrong:
        raise InputError(f"{folder} is no export of a review ({wrong!r:.80}); export it again") from wrong
    form = Form.of(facts)
    if hashlib.sha256(json.dumps([form.facts(), bare]).encode()).hexdigest()[:32] != digest:
        raise InputError(f"tasks.jsonl or form.json of {folder} was changed since; export again, or take those back")
    return str(digest), form, rows


def _apart(raters: Sequence[str]) -> list[str]:
    try:
        names = [named(rater) for rater in raters]
    except ValueError as wrong:
        raise UsageError(f"--rater: {wrong}") from wrong
    folded = [unicodedata.normalize("NFKC", name).casefold() for name in names]
    for k, name in enumerate(names):
        if folded[k] in folded[:k]:
            raise UsageError(f"two raters are called {name!r}; give each a name of its own, as {name + ' 2'!r}")
    if not names:
        raise UsageError("nobody to rate: name each person with --rater")
    return names


def _conflicting(path: Path, tasks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    problems: list[str] = []
    out = {}
    for where, row in each_row([path], problems):
        task, votes = row.get("task"), row.get("votes")
        known = isinstance(task, str) and task in tasks
        if not known or not isinstance(votes, list) or not all(isinstance(one, dict) for one in votes):
            raise InputError(f"{where} is no conflict of this export; `tamis review adjudicate -o` writes them")
        said = [{k: v for k, v in one.items() if k != "rater"} for one in votes]
        out[str(task)] = {**tasks[str(task)], "said": said}
    if problems or not out:
        raise InputError(problems[0] if problems else f"there is no conflict in {path}: nothing to decide")
    return out


def _secret(path: Path) -> bytes:
    """Thirty-two bytes that only the owner of the file can read, made when there are none."""
    with disk_errors(path):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            pass
        found = path.read_bytes() if path.is_file() else b""
    if len(found) != 32:
        raise InputError(f"{path} is damaged; remove it, and raters get new addresses")
    return found

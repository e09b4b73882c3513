"""Every answer that was ever bought, in one SQLite file, under the digest of what was asked.

An answer is committed before anyone is given it, so a process that is killed loses none that it had read to the end. What
got no answer is kept, too, for a replay alone: it ends as it did, while a run that can ask asks again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from tamis.errors import InputError, OutputError
from tamis.models.failure import Failed
from tamis.models.reply import Reply, Usage

_LAYOUT = 2

_TABLES = """
CREATE TABLE responses (
    key BLOB PRIMARY KEY,       -- sha256 of request, endpoint and sample
    endpoint TEXT NOT NULL,
    asked TEXT NOT NULL,        -- model asked for
    sample INTEGER NOT NULL,
    request BLOB NOT NULL,      -- the body that was sent
    text TEXT NOT NULL,
    finish TEXT NOT NULL,
    model TEXT NOT NULL,        -- model returned
    tokens_in INTEGER,
    tokens_out INTEGER,
    cost TEXT,                  -- decimal; null: not known
    attempts INTEGER NOT NULL,
    logprobs TEXT,              -- JSON
    fingerprint TEXT,
    choices INTEGER NOT NULL,
    created TEXT NOT NULL       -- UTC
) WITHOUT ROWID;
CREATE TABLE probes (
    endpoint TEXT NOT NULL,
    asked TEXT NOT NULL,
    facts TEXT NOT NULL,        -- JSON
    created TEXT NOT NULL,
    PRIMARY KEY (endpoint, asked)
);
"""

_FAILURES = """
CREATE TABLE failures (
    key BLOB PRIMARY KEY,
    endpoint TEXT NOT NULL,
    asked TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    message TEXT NOT NULL,      -- may hold the start of what the endpoint said
    tokens_in INTEGER,
    tokens_out INTEGER,
    cost TEXT,
    created TEXT NOT NULL
) WITHOUT ROWID;
"""
"""Since layout 2; the last failure of a request."""

_ANSWER = "text, finish, model, tokens_in, tokens_out, cost, attempts, logprobs, fingerprint, choices, created"


class Total(NamedTuple):
    """What the cache holds of one model at one endpoint. unknown: answers and failures whose cost is not known."""

    endpoint: str
    model: str
    answers: int
    failures: int
    tokens_in: int
    tokens_out: int
    cost: Decimal
    unknown: int
    first: str
    last: str


class Responses:
    """The cache at `path`, made where there is none. Several processes may share it."""

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self.path = path
        self._lock = threading.Lock()
        if not make and not path.is_file():
            raise InputError(f"there is no cache of answers at {path}; name it with --responses, or buy some first")
        with self._said():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
            # NORMAL with a log: what is committed outlives the process; only a power cut may take the last answers,
            # and it takes whole ones. secure_delete: what is pruned is overwritten.
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
                self._base.execute(f"PRAGMA {pragma}")
            self._settle_layout()

    def get(self, key: bytes) -> Reply | None:
        """The answer under `key`."""
        with self._lock, self._said():
            row = self._base.execute(f"SELECT {_ANSWER} FROM responses WHERE key = ?", (key,)).fetchone()
            return _reply(key, row) if row else None

    def __contains__(self, key: bytes) -> bool:
        with self._lock, self._said():
            return self._base.execute("SELECT 1 FROM responses WHERE key = ?", (key,)).fetchone() is not None

    def put(self, reply: Reply, body: bytes, endpoint: str, asked: str, sample: int) -> Reply:
        """Keep `reply` and return it as it is kept; where another process was first, its answer stands and is returned."""
        created = datetime.now(UTC).replace(microsecond=0)
        values = (
            reply.key,
            endpoint,
            asked,
            sample,
            body,
            *(reply.text, reply.finish, reply.model, *reply.usage),
            None if reply.cost is None else str(reply.cost),
            reply.attempts,
            None if reply.logprobs is None else json.dumps(reply.logprobs),
            reply.fingerprint,
            reply.choices,
            created.isoformat(timespec="seconds"),
        )
        with self._lock, self._said():
            marks = ",".join("?" * len(values))
            done = self._base.execute(f"INSERT OR IGNORE INTO responses VALUES ({marks})", values)
        return reply._replace(created=created) if done.rowcount else (self.get(reply.key) or reply)

    def failure(self, key: bytes) -> Failed | None:
        """How the request under `key` failed when it was asked last."""
        with self._lock, self._said():
            wanted = "SELECT reason, message, attempts, tokens_in, tokens_out, cost FROM failures WHERE key = ?"
            row = self._base.execute(wanted, (key,)).fetchone()
            if row is None:
                return None
            reason, message, attempts, into, out, cost = row
            return Failed(reason, message, attempts, Usage(into, out), None if cost is None else Decimal(cost))

    def lose(self, lost: Failed, key: bytes, endpoint: str, asked: str) -> None:
        """Keep how the request under `key` failed, in the place of an earlier failure."""
        cost = None if lost.cost is None else str(lost.cost)
        values = (key, endpoint, asked, lost.reason, lost.attempts, lost.message, *lost.usage, cost, _now())
        with self._lock, self._said():
            self._base.execute(f"INSERT OR REPLACE INTO failures VALUES ({','.join('?' * len(values))})", values)

    def probed(self, endpoint: str, asked: str) -> dict[str, Any] | None:
        """What a probe found out about a model, if one was made."""
        with self._lock, self._said():
            wanted = "SELECT facts FROM probes WHERE endpoint = ? AND asked = ?"
            row = self._base.execute(wanted, (endpoint, asked)).fetchone()
        facts: dict[str, Any] | None = json.loads(row[0]) if row else None
        return facts

    def note_probe(self, endpoint: str, asked: str, facts: dict[str, Any]) -> None:
        """Keep what a probe found out."""
        values = (endpoint, asked, json.dumps(facts), _now())
        with self._lock, self._said():
            self._base.execute("INSERT OR REPLACE INTO probes VALUES (?, ?, ?, ?)", values)

    def totals(self) -> list[Total]:
        """What is here, by endpoint and model."""
        with self._lock, self._said():
            what = "endpoint, asked, tokens_in, tokens_out, cost, created"
            rows = self._base.execute(
                f"SELECT {what}, 1 AS answered FROM responses UNION ALL SELECT {what}, 0 FROM failures ORDER BY 1, 2"
            )
            found: dict[tuple[str, str], Total] = {}
            for endpoint, model, into, out, cost, created, answered in rows:
                old = found.get((endpoint, model), Total(endpoint, model, 0, 0, 0, 0, Decimal(0), 0, created, created))
                found[endpoint, model] = old._replace(
                    answers=old.answers + answered,
                    failures=old.failures + (not answered),
                    tokens_in=old.tokens_in + (into or 0),
                    tokens_out=old.tokens_out + (out or 0),
                    cost=old.cost + Decimal(cost or 0),
                    unknown=old.unknown + (cost is None),
                    first=min(old.first, created),
                    last=max(old.last, created),
                )
        return list(found.values())

    def prune(self, *, before: datetime | None = None, model: str | None = None, holding: str | None = None) -> int:
        """Forget answers made before a time, of a model, whose question or answer holds a text; None: whichever. Failures, too.

        Returns how many. What they said is overwritten in the file, and so is the log of changes.
        """
        asked, wanted = ["1"], list[Any]()
        if before is not None:
            asked.append("created < ?")
            wanted.append(before.astimezone(UTC).isoformat(timespec="seconds"))
        if model is not None:
            asked.append("asked = ?")
            wanted.append(model)
        held = {"responses": list(asked), "failures": list(asked)}
        if holding is not None:
            held["responses"].append("(instr(text, ?) OR instr(CAST(request AS TEXT), ?))")
            held["failures"].append("(instr(message, ?) OR instr(message, ?))")
            wanted += [holding, json.dumps(holding, ensure_ascii=False)[1:-1]]
        with self._lock, self._said():
            done = [self._base.execute(f"DELETE FROM {t} WHERE {' AND '.join(w)}", wanted) for t, w in held.items()]
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return sum(one.rowcount for one in done)

    def forget(self, keys: Iterable[bytes], holding: Sequence[str] = ()) -> int:
        """Forget the answers and failures under `keys`, and those whose question or answer holds one of the texts `holding`.

        Returns how many. What they said is overwritten, as by `prune`.
        """
        spelled = [
            (text, json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")) for text in holding
        ]
        with self._lock, self._said():
            gone = {bytes(key) for key in keys}
            for key, request, text in self._base.execute("SELECT key, request, text FROM responses") if spelled else ():
                if any(plain in text or escaped in request for plain, escaped in spelled):
                    gone.add(key)
            for key, text in self._base.execute("SELECT key, message FROM failures") if spelled else ():
                said = text.encode("utf-8", "surrogatepass")
                if any(plain in text or escaped in said for plain, escaped in spelled):
                    gone.add(key)
            self._base.execute("BEGIN IMMEDIATE")
            count = sum(
                self._base.execute(f"DELETE FROM {table} WHERE key = ?", (key,)).rowcount
                for key in sorted(gone)
                for table in ("responses", "failures")
            )
            self._base.execute("COMMIT")
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    def _settle_layout(self) -> None:
        found = self._base.execute("PRAGMA user_version").fetchone()[0]
        if found < _LAYOUT:
            self._base.execute("BEGIN IMMEDIATE")
            # Asked again: another process may have been first.
            found = self._base.execute("PRAGMA user_version").fetchone()[0]
            for layout, tables in ((1, _TABLES), (2, _FAILURES)):
                if found < layout:
                    for statement in tables.split(";\n"):
                        self._base.execute(statement)
            self._base.execute(f"PRAGMA user_version={_LAYOUT}")
            self._base.execute("COMMIT")
        elif found > _LAYOUT:
            raise OutputError(
                f"{self.path} has layout {found} of the cache, this tamis knows {_LAYOUT}; take another file"
            )

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What SQLite and the file system complain of, as a sentence."""
        try:
            yield
        except (
            sqlite3.Error,
            OSError,
            ValueError,
            ArithmeticError,
        ) as wrong:  # the last two: what stands in a row is no JSON or number
            raise OutputError(
                f"the cache of answers at {self.path} cannot be used: {wrong or type(wrong).__name__}; free the disk, or name "
                "another file with --responses"
            ) from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _reply(key: bytes, row: tuple[Any, ...]) -> Reply:
    text, finish, model, into, out, cost, attempts, logprobs, fingerprint, choices, created = row
    return Reply(
        text,
        finish,
        model,
        Usage(into, out),
        None if cost is None else Decimal(cost),
        key,
        True,
        attempts,
        None if logprobs is None else json.loads(logprobs),
        fingerprint,
        choices,
        datetime.fromisoformat(created),
    )

"""Rows that hold private data of made-up people, what is planted there, and a search for it in all files of a run."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow.parquet as pq

WALLETS = ("16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy")
LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PEOPLE = 10
FILLER = "the sieve turns a rough purée into a fine one and keeps every receipt of what was left in the drum".split()  # noqa: SIM905


class Person(NamedTuple):
    """All that is planted of one person, by entity."""

    EMAIL_ADDRESS: str
    PHONE_NUMBER: str
    CREDIT_CARD: str
    IBAN_CODE: str
    IP_ADDRESS: str
    US_SSN: str
    CRYPTO: str
    SECRET: str


def person(number: int) -> Person:
    """The person `number`, 0–999: nobody else has any of it but the wallet."""
    rnd = random.Random(number)
    account = f"{rnd.randrange(10**14):014d}"
    return Person(
        f"ann{number}.bee@corp{number}.org",
        f"(212) 867-{5000 + number}",
        _card(f"45320151{rnd.randrange(10**7):07d}"),
        _iban(account),
        f"8.{8 + number // 250}.{rnd.randrange(1, 255)}.{1 + number % 250}",
        f"536-22-{1000 + number}",
        WALLETS[number % len(WALLETS)],
        "ghp_" + "".join(rnd.choices(LETTERS, k=36)),
    )


def _card(number: str) -> str:
    doubled = [sum(divmod(2 * int(d), 10)) if k % 2 == 0 else int(d) for k, d in enumerate(reversed(number))]
    digits = f"{number}{-sum(doubled) % 10}"
    return " ".join(re.findall("....", digits))


def _iban(account: str) -> str:
    number = "".join(str(int(c, 36)) for c in f"BUKB{account}GB00")
    return f"GB{98 - int(number) % 97:02d}BUKB{account}"


def said(turn: int, people: int, rnd: random.Random) -> str:
    """A text that plants two things of a person, each with the person's number before it; in 4 rounds all that there is."""
    number, pair = turn % people, turn // people % 4
    things = list(person(number)._asdict().items())[2 * pair : 2 * pair + 2]
    words = [" ".join(rnd.choices(FILLER, k=12)) for _ in range(3)]
    called = {"US_SSN": "social security number ", "PHONE_NUMBER": "phone "}
    first, second = (f"P{number} {called.get(entity, '')}{value}" for entity, value in things)
    return f"{words[0]}. {first} and {words[1]}; {second}, {words[2]}."


def rows(kind: str, count: int, people: int = PEOPLE, seed: int = 5) -> Iterator[dict[str, Any]]:
    """Rows of `kind`; those of all kinds are about the same people, and 4 for each tell all of them."""
    rnd = random.Random(seed)
    for k in range(count):
        texts = [said(3 * k + turn, people, rnd) for turn in range(3)]
        mail = person(k % people).EMAIL_ADDRESS
        more = {"id": f"r{k}", "url": f"https://b.org/{k}?to={mail.replace('@', '%40')}", "by": [mail, {mail: k}]}
        if kind == "document":
            yield {"text": " ".join(texts), **more}
        elif kind == "chat":
            talk = [{"role": r, "content": t, "name": mail} for r, t in zip(("user", "assistant"), texts, strict=False)]
            yield {"messages": [*talk, {"role": "tool", "content": None}], **more}
        elif kind == "preference":
            yield {"prompt": texts[0], "chosen": texts[1], "rejected": texts[2], **more}
        else:
            yield {"question": texts[0], "choices": [texts[1], texts[2], mail], "answer": mail, **more}


def planted(people: int = PEOPLE) -> set[str]:
    """All that `rows` plant."""
    return {value for number in range(people) for value in person(number)}


def traces(values: set[str]) -> dict[str, str]:
    """What would give a value of `values` away: it, its digits alone, and its plain digests, each with what it is."""
    found = {}
    for value in values:
        bare = re.sub(r"[\s().-]", "", value)
        spelled = {value, *([bare] if len(bare) > 8 else ()), value.replace("@", "%40"), value.replace("@", "\\u0040")}
        found.update(dict.fromkeys(spelled, value))
        for text in (value, bare):
            for name in ("md5", "sha1", "sha256"):
                found[hashlib.new(name, text.encode()).hexdigest()[:16]] = f"{name} of {value}"
    return found


def given_away(folder: Path, values: set[str]) -> list[str]:
    """Traces of `values` in any file under `folder`, tables read as text; each with the file."""
    needles = {trace.lower(): what for trace, what in traces(values).items()}
    assert min(map(len, needles)) > 6, "a trace so short is found by chance"
    return [
        f"{path.relative_to(folder)}: {needles[match.lower()]}"
        for path in sorted(p for p in folder.rglob("*") if p.is_file())
        for match in pl.Series([*_texts(path)], dtype=pl.String)
        .str.extract_many([*needles], ascii_case_insensitive=True)
        .explode()
        .drop_nulls()
    ]


def _texts(path: Path) -> Iterator[str]:
    yield path.read_bytes().decode("latin-1")
    yield path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        for name in table.column_names:
            cells = table.column(name).to_pylist()
            yield "\n".join(cell.hex() if isinstance(cell, bytes) else str(cell) for cell in cells)
            yield "\n".join(cell.decode("latin-1") for cell in cells if isinstance(cell, bytes))

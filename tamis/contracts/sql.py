"""SQL rules: what a query may say. It reads the tables of the contract and gives one number; nothing else is let through.

    SELECT COUNT(*) FROM {object} WHERE {property} < 3

A contract comes from somebody else. So a query is taken apart into words and every one must be harmless: one SELECT, tables
of the contract, functions on the list below, joins that compare columns. What is left can still be slow, so queries run in
a process of their own that has limits (tamis.contracts.queries).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tamis.contracts.tree import ContractError, nearest

LONGEST = 20_000
"""Characters of a query."""

DEEPEST = 64
"""Parentheses inside each other."""

FUNCTIONS = frozenset(
    """abs array_contains array_length avg bit_length cast ceil ceiling char_length character_length coalesce concat
    corr count covar covar_pop covar_samp date_part dense_rank div ends_with exp extract first floor greatest ifnull
    initcap lag last lead least left length ln log log10 log2 lower ltrim max median min mod nullif octet_length
    percentile_cont pow power quantile_cont quantile_disc rank regexp_like replace reverse right round row_number rtrim
    sign sqrt starts_with stddev stddev_samp stdev strftime strlen strpos strptime substr substring sum timestamp trim
    try_cast upper var var_samp variance""".split()  # noqa: SIM905
)
"""Functions of Polars' SQL that read nothing but their arguments and make nothing large of them."""

_CLAUSES = frozenset(
    """all and any as asc between by case cross current desc distinct else end escape except exists false filter first
    following for from full glob group having ilike in inner intersect interval is join last lateral left like limit
    natural not null nulls offset on or order outer over partition preceding qualify range recursive regexp rlike right
    row rows select semi anti similar some then to true unbounded union unnest using values when where window
    with""".split()  # noqa: SIM905
)

_STATEMENTS = frozenset(
    """alter analyze attach begin call commit copy create delete describe drop execute explain export grant import
    insert install into load lock merge pragma prepare refresh rename replace_table revoke rollback set show truncate
    update use vacuum""".split()  # noqa: SIM905
)

_REFUSED = {
    "cross": "a join of everything with everything",
    "natural": "join by named columns: ON a.x = b.x",
    "lateral": "it repeats a query for every row",
    "unnest": "it makes rows",
    "values": "it makes rows",
    "recursive": "it may never end",
}

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*(?:\n|$)|/\*(?:[^*]|\*(?!/))*\*/)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")+"|`[^`]+`)
    |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign><=|>=|<>|!=|\|\||::|!~~\*?|~~\*?|!~\*?|~\*?|==|[-+*/%=<>(),.;\[\]&|^])""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A word of a query. `kind` is text, quoted, number, word or sign; `text` a word in small letters."""

    kind: str
    text: str
    raw: str


def filled(query: str, table: str, column: str | None) -> str:
    """`query` with `{object}`, `{table}`, `${table}`, `{property}`, … replaced by the quoted names."""
    names = dict.fromkeys(("object", "table", "model", "schema"), table)
    if column is not None:
        names |= dict.fromkeys(("property", "column", "field"), column)

    def name(found: re.Match[str]) -> str:
        known = names.get(found[1])
        return found[0] if known is None else '"' + known.replace('"', '""') + '"'

    return re.sub(r"\$?\{(\w+)\}", name, query)


def tokens(query: str) -> list[Token]:
    """The words of `query`. Raises ValueError for what is none."""
    found, at = [], 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None:
            raise ValueError(f"{query[at]!r} has no place in a query")
        at = match.end()
        kind, raw = match.lastgroup or "", match[0]
        if kind == "quoted":
            found.append(Token(kind, raw[1:-1].replace('""', '"') if raw[0] == '"' else raw[1:-1], raw))
        elif kind != "space":
            found.append(Token(kind, raw.lower() if kind == "word" else raw, raw))
    return found


def check_query(query: str, tables: Sequence[str], path: Path, line: int) -> list[Token]:
    """The words of `query`, which may read `tables`. Raises ContractError for anything that is not a harmless SELECT."""
    try:
        if len(query) > LONGEST:
            raise ValueError(f"{len(query):,} characters are too long for a query (at most {LONGEST:,})")
        words = tokens(query)
        if words and words[-1].text == ";":
            words.pop()
        _harmless(words, tables)
    except ValueError as bad:
        raise ContractError(f"this query is not run: {bad}", path, line) from None
    return words


def _harmless(words: Sequence[Token], tables: Sequence[str]) -> None:
    if not words or words[0].text not in ("select", "with") or words[0].kind != "word":
        raise ValueError("it is no SELECT; rules of type sql only read")
    depth = 0
    for k, word in enumerate(words):
        after = words[k + 1].text if k + 1 < len(words) else ""
        depth += (word.text == "(") - (word.text == ")") if word.kind == "sign" else 0
        if depth > DEEPEST or depth < 0:
            raise ValueError(f"its parentheses do not match, or are more than {DEEPEST} deep")
        if word.text == ";" and word.kind == "sign":
            raise ValueError("it is more than one statement")
        if word.kind == "word" and word.text in _STATEMENTS and after != ".":
            raise ValueError(
                f"{word.raw!r} is no part of a SELECT that only reads; put quotes around the name of a column"
            )
        if word.kind == "word" and word.text in _REFUSED:
            raise ValueError(f"{word.raw!r} is not allowed: {_REFUSED[word.text]}")
        if after == "(" and words[k + 1].kind == "sign":
            _call(word, words, k)
    if depth:
        raise ValueError("its parentheses do not match")
    known = {*tables, *_named(words)}
    for k in _sources(words):
        _source(words, k, known)


def _call(word: Token, words: Sequence[Token], k: int) -> None:
    """Refuse a function that is not on the list; `WITH name (…) AS` and `name AS (` are none."""
    if word.kind == "sign" or (word.kind == "word" and word.text in _CLAUSES - FUNCTIONS):
        return
    if word.kind != "word":
        raise ValueError(f"{word.raw} is called like a function")
    if word.text not in FUNCTIONS and not word.text.startswith(("decimal", "varchar", "char", "numeric")):
        raise ValueError(
            f"function {word.raw!r} is not on the list of those that are safe{nearest(word.text, FUNCTIONS)}"
        )


def _named(words: Sequence[Token]) -> Iterator[str]:
    """Names that WITH gives to queries."""
    for k, word in enumerate(words[:-2]):
        if word.kind in ("word", "quoted") and words[k + 1].text == "as" and words[k + 2].text == "(":
            yield word.raw if word.kind == "word" else word.text


def _sources(words: Sequence[Token]) -> Iterator[int]:
    """Places after FROM and JOIN."""
    for k, word in enumerate(words):
        if word.kind == "word" and word.text in ("from", "join"):
            yield k + 1


_ENDS = frozenset(
    ("where", "group", "having", "order", "limit", "offset", "union", "intersect", "except", "qualify", "window")
)


def _source(words: Sequence[Token], k: int, known: set[str]) -> None:
    """Refuse what stands after FROM or JOIN, unless it is a known table or a query, and is joined by a column."""
    target = words[k] if k < len(words) else Token("sign", "", "nothing")
    if target.text != "(" or target.kind != "sign":
        name = target.raw if target.kind == "word" else target.text
        if target.kind not in ("word", "quoted") or name not in known:
            raise ValueError(f"it reads {target.raw}, which is no table of the contract{nearest(name, known)}")
    depth, joined = 0, False
    for j in range(k, len(words)):
        word = words[j]
        if word.kind == "sign" and word.text in "()":
            depth += 1 if word.text == "(" else -1
            if depth < 0:
                break
        if depth:
            continue
        if word.kind == "word" and (word.text in _ENDS or (word.text == "join" and j > k)):
            break
        if word.text == "," and word.kind == "sign":
            raise ValueError(
                "tables parted by commas are a join of everything with everything; write JOIN … ON a.x = b.x"
            )
        joined |= word.text == "using" or _equates(words, j)
    if words[k - 1].text == "join" and not joined:
        raise ValueError("a JOIN needs ON with columns that are equal, as ON a.x = b.x")


def _equates(words: Sequence[Token], j: int) -> bool:
    """True at the = of `a.x = b.x`."""
    names = ("word", "quoted")
    around = words[j - 1 : j + 2]
    return words[j].text in ("=", "==") and len(around) == 3 and around[0].kind in names and around[2].kind in names


def counted(words: Sequence[Token], table: str) -> str | None:
    """The condition of `SELECT COUNT(*) FROM table WHERE condition`, whose rows can be named; None for any other query."""
    head = [w.text for w in words[:5]]
    if head != ["select", "count", "(", "*", ")"] or len(words) < 8:
        return None
    at = 5 if words[5].text == "from" else 7 if words[5].text == "as" else 0
    if (
        not at
        or words[at].text != "from"
        or words[at + 1 : at + 2] == []
        or words[at + 1].text not in (table, table.lower())
    ):
        return None
    rest = words[at + 2 :]
    if (
        len(rest) < 2
        or rest[0].text != "where"
        or any(w.kind == "word" and w.text in _ENDS | {"select"} for w in rest[1:])
    ):
        return None
    return " ".join(w.raw for w in rest[1:])


def columns_in(words: Sequence[Token], columns: Mapping[str, object]) -> tuple[str, ...]:
    """Those of `columns` that `words` name, or all where there is a *."""
    if any(w.text == "*" and words[k - 1].text != "(" for k, w in enumerate(words) if k and w.kind == "sign"):
        # a product, or all columns: either way none is missed
        starred = any(
            words[k - 1].text in ("select", ",", ".", "distinct") for k, w in enumerate(words) if k and w.text == "*"
        )
        if starred:
            return tuple(columns)
    named = {w.raw if w.kind == "word" else w.text for w in words if w.kind in ("word", "quoted")}
    lowered = {name.lower() for name in named}
    return tuple(c for c in columns if c in named or c.lower() in lowered)

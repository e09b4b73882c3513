"""Regular expressions: ECMA-262 in the contract, Rust (linear time) in the check.

^\\d+$   ->   ^[0-9]+$      in Rust a bare \\d would take the digits of every script
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tamis.contracts.tree import ContractError

_WORD = "[0-9A-Za-z_]"
_CLASSES = {"d": "[0-9]", "D": "[^0-9]", "w": _WORD, "W": "[^0-9A-Za-z_]"}
_BOUNDARIES = {"b": r"(?-u:\b)", "B": r"(?-u:\B)"}


SHOWN = 200
"""Characters of a pattern in a message about it."""


@cache
def to_rust(pattern: str) -> str:
    """`pattern` with the words that mean something else in Rust written out: `\\d \\w \\b .` and classes."""
    out: list[str] = []
    depth = 0  # 1 inside [...]
    i = 0
    while i < len(pattern):
        c = pattern[i]
        if c == "\\" and i + 1 < len(pattern):
            after = pattern[i + 1]
            if after == "b" and depth:
                out.append(r"\x08")
            elif after in _CLASSES:
                out.append(_CLASSES[after])
            else:
                out.append(_BOUNDARIES.get(after, c + after))
            i += 2
            continue
        if depth:
            # Rust nests classes and has && -- ~~ between them; in ECMA-262 these are plain characters.
            out.append("\\" + c if c in "[&~" or (c == "-" and pattern[i + 1 : i + 2] == "-") else c)
            depth = 0 if c == "]" else 1
        elif c == "[":
            out.append(c)
            depth = 1
            if pattern[i + 1 : i + 2] == "^":
                out.append("^")
                i += 1
            if pattern[i + 1 : i + 2] == "]":
                raise ValueError("an empty class [] or [^]")
        else:
            out.append(r"[^\n\r\u2028\u2029]" if c == "." else c)
        i += 1
    return "".join(out)


def check_pattern(pattern: str, path: Path, line: int) -> str:
    """`pattern`, if it can be run. Raises ContractError with what the engine says of it."""
    import polars as pl

    try:
        pl.select(pl.lit("").str.contains(to_rust(pattern), strict=True))
    except (pl.exceptions.ComputeError, ValueError) as bad:
        said = [part for part in str(bad).splitlines() if part.strip()]
        reason = next((part for part in said if part.startswith("error:")), said[0]).removeprefix("error: ")
        shown = pattern if len(pattern) <= SHOWN else pattern[:SHOWN] + "…"
        raise ContractError(f"pattern {shown!r} cannot be run: {reason}", path, line) from None
    return pattern

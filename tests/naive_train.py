"""What cutting rows to a length is, row by row."""

from __future__ import annotations

IGNORED = -100


def learnt(labels: list[int]) -> int:
    """Tokens that count in the loss: none is predicted for the first."""
    return sum(label != IGNORED for label in labels[1:])


def cut_rows(
    ids: list[list[int]], labels: list[list[int]], size: int, how: str
) -> tuple[list[tuple[list[int], list[int]]], dict[int, str]]:
    """Pieces that are trained on, and why a row is not trained on as it is."""
    pieces: list[tuple[list[int], list[int]]] = []
    why: dict[int, str] = {}
    for k, (own, of) in enumerate(zip(ids, labels, strict=True)):
        if not learnt(of):
            why[k] = "untaught"
        elif len(own) <= size:
            pieces.append((own, of))
        elif how == "drop":
            why[k] = "dropped"
        elif how == "truncate":
            why[k] = "truncated" if learnt(of[:size]) else "dropped"
            pieces += [(own[:size], of[:size])] if learnt(of[:size]) else []
        else:
            cuts = [(own[at : at + size], of[at : at + size]) for at in range(0, len(own), size)]
            pieces += [piece for piece in cuts if learnt(piece[1])]
    return pieces, why

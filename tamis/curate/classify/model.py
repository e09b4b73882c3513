"""The file of a classifier: weights and a card in the safetensors format, numbers and JSON alone. Nothing in it is run.

    8 bytes      length of the header, little-endian
    header       JSON: {"__metadata__": {"tamis": "classifier-1", "card": "{…}"}, "weights": {"dtype": "F32", …}}
    the rest     weights (2, 2**bits) float32: of words and pairs of words, and of runs of characters

The card says what it was trained on and how good it was on rows held out; see tamis.curate.classify.train.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.data.writer import replacing
from tamis.errors import InputError, OutputError
from tamis.kernels.hashed import scored

VERSION = "classifier-1"
BITS = range(8, 25)


@dataclass(frozen=True)
class Model:
    """A classifier.

    weights  (2, 2**bits) float32
    bias     added to every score
    ngram    characters in a run
    limit    bytes of a text that are looked at, from its beginning
    card     what it was trained on and how good it was, as JSON can hold it
    digest   sha256 of its file; "" before it is written
    """

    weights: np.ndarray = field(repr=False, compare=False)
    bias: float
    ngram: int
    limit: int
    card: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    digest: str = ""

    def probabilities(self, strings: pa.Array) -> np.ndarray:
        """(n,) float64: chance that each string is of the positive sample, 0 to 1; nan for a string with nothing in it."""
        margin = scored(strings, self.weights, self.bias, self.ngram, self.limit)
        found: np.ndarray = 1 / (1 + np.exp(-margin))
        return found

    def to_bytes(self) -> bytes:
        """The file."""
        weights = np.ascontiguousarray(self.weights, "<f4")
        own = {"bias": self.bias, "ngram": self.ngram, "limit": self.limit, **self.card}
        card = json.dumps(own, ensure_ascii=False, sort_keys=True)
        head = {
            "__metadata__": {"tamis": VERSION, "card": card},
            "weights": {"dtype": "F32", "shape": list(weights.shape), "data_offsets": [0, weights.nbytes]},
        }
        text = json.dumps(head, ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + weights.tobytes()

    def write(self, path: Path) -> str:
        """Write the file, as a whole or not at all; give its digest. Raises OutputError."""
        check_place(path)
        data = self.to_bytes()
        with replacing(path) as file:
            file.write(data)
        return hashlib.sha256(data).hexdigest()


_BEGINS = b'{"__metadata__": {"tamis": "classifier-'


def check_place(path: Path) -> None:
    """Raise OutputError where no classifier can be written: that is known before one has been trained for an hour.

    A file that is no classifier is not written over: it may well be the sample.
    """
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file with -o")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}; make it, or choose another with -o")
    try:
        with path.open("rb") as file:
            begins = file.read(8 + len(_BEGINS)) if path.is_file() else b"?"
    except FileNotFoundError:
        return
    except OSError as refused:
        raise OutputError(f"cannot write {path}: {refused.strerror}; name another file with -o") from None
    if begins and begins[8:] != _BEGINS:
        raise OutputError(f"cannot write {path}: what stands there is no classifier; name another file with -o")


def read(path: Path) -> Model:
    """The classifier in a file; one that was read and has not changed since is not read again. Raises InputError."""
    try:
        facts = path.stat()
        return _read(path, facts.st_mtime_ns, facts.st_size)
    except OSError as refused:
        raise InputError(
            f"cannot read the classifier {path}: {refused.strerror}; `tamis classify train` makes one"
        ) from None


@lru_cache(8)
def _read(path: Path, modified: int, size: int) -> Model:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    try:
        head = json.loads(data[8 : 8 + length])
        made = head["__metadata__"]["tamis"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path} is no classifier of ours; `tamis classify train` makes one") from None
    if made != VERSION:
        raise InputError(
            f"{path} is {made!r}; this tamis reads {VERSION!r}: train it again, or take the tamis that made it"
        )
    try:
        card = json.loads(head["__metadata__"]["card"])
        shape, body = head["weights"]["shape"], data[8 + length :]
        bias, ngram, limit = float(card.pop("bias")), int(card.pop("ngram")), int(card.pop("limit"))
        weights = np.frombuffer(body, "<f4").reshape(2, -1)
        told = {"dtype": "F32", "shape": shape, "data_offsets": [0, len(body)]}
        whole = list(weights.shape) == shape and shape[1] in (1 << k for k in BITS) and head["weights"] == told
        sound = whole and bool(np.isfinite(weights).all() and np.isfinite(bias)) and 1 <= ngram <= 16
        sound = sound and 0 < limit < 1 << 31 and head.keys() == {"__metadata__", "weights"}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError):
        sound = False
    if not sound:
        raise InputError(
            f"{path} is damaged: its numbers are not those of a {VERSION}; copy it again, or train it anew"
        )
    return Model(weights, bias, ngram, limit, card, hashlib.sha256(data).hexdigest())

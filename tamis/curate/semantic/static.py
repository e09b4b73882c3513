"""Static models: a vector for every token, and a text is the mean of those of its tokens, all of them.

    model2vec               embeddings (t, d), weights (t,)?, mapping (ids,)?     a token it does not know is left out
    sentence-transformers   embedding.weight (t, d)                               it is a token like others

model2vec itself takes the first 512 tokens; two long documents that begin alike would then be the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from tamis.errors import InputError
from tamis.extras import extra
from tamis.kernels.vectors import mean_all


@dataclass(frozen=True)
class Static:
    """A static model. table (t, d) float32; weight (t,) float32; mapping (ids,) int64 from ids to rows, -1: left out."""

    tokenizer: Any
    table: np.ndarray
    weight: np.ndarray
    mapping: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> Static:
        """The model in `folder`. Raises InputError where it is none."""
        tensors, written, unknown = _files(folder)
        tokenizer = _tokenizer(folder, written)
        table, weight, rows = _numbers(folder, tensors)
        ids = tokenizer.get_vocab_size(with_added_tokens=True)
        if len(rows) < ids or (len(rows) and not 0 <= rows.min() <= rows.max() < len(table)):
            raise InputError(f"{folder}: {ids:,} tokens and vectors for {len(rows):,}; copy the model again")
        if not (np.isfinite(table).all() and np.isfinite(weight).all()):
            raise InputError(f"{folder / 'model.safetensors'} holds what is no number; copy the model again")
        spread = table[rows] if "mapping" in tensors else table
        mapping = np.arange(len(spread))
        if "embeddings" in tensors and unknown is not None and (at := tokenizer.token_to_id(unknown)) is not None:
            mapping[at] = -1
        return cls(tokenizer, np.ascontiguousarray(spread), weight, mapping)

    def encode(self, texts: list[str]) -> np.ndarray:
        """(n, d) float64."""
        found = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        each = [one.ids for one in found]
        rows = np.concatenate([[0], np.cumsum([len(ids) for ids in each])]).astype(np.int64)
        ids = np.fromiter(chain.from_iterable(each), np.int64, int(rows[-1]))
        out = np.zeros((len(texts), self.table.shape[1]))
        mean_all(self.table, self.weight, self.mapping[ids], rows, out)
        return out


def _files(folder: Path) -> tuple[dict[str, np.ndarray], str, str | None]:
    """The tensors by name, the tokenizer as JSON, and its token for what it does not know."""
    with extra("semantic"):
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    try:
        tensors = load_file(folder / "model.safetensors")
        written = (folder / "tokenizer.json").read_text("utf-8")
        return tensors, written, json.loads(written)["model"].get("unk_token")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise InputError(f"{folder} holds no static model: {wrong}; copy the model again") from wrong


def _tokenizer(folder: Path, written: str) -> Any:
    """The tokenizer, which neither pads nor cuts."""
    with extra("semantic"):
        from tokenizers import Tokenizer
    try:
        tokenizer = Tokenizer.from_str(written)
    except Exception as wrong:  # tokenizers raises nothing narrower
        raise InputError(f"{folder / 'tokenizer.json'} is no tokenizer: {wrong}; copy the model again") from wrong
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _numbers(folder: Path, tensors: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The table (t, d) float32; weight (ids,) float32 and row of the table (ids,) of each id."""
    table = tensors.get("embeddings" if "embeddings" in tensors else "embedding.weight")
    if table is None or table.ndim != 2:
        raise InputError(
            f"{folder / 'model.safetensors'} holds {', '.join(sorted(tensors)) or 'nothing'}; a table called embeddings "
            "(model2vec) or embedding.weight (sentence-transformers) was wanted"
        )
    # model2vec may give several ids one row, and has a weight for each id.
    rows, weight = tensors.get("mapping", np.arange(len(table))), tensors.get("weights")
    weight = np.ones(len(rows), np.float32) if weight is None else weight
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or weight.shape != rows.shape:
        raise InputError(
            f"{folder / 'model.safetensors'}: mapping {rows.dtype} {rows.shape} and weights {weight.shape} do not go with a "
            f"table of {table.shape}; copy the model again"
        )
    return table.astype(np.float32), weight.astype(np.float32), rows

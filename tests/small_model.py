"""Models small enough to make on the spot: a vector for every byte, or for every word that is named; a classifier."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tamis.curate.classify import Model

_FOLDER = tempfile.TemporaryDirectory(prefix="tamis-small-model-")
_BYTES, _CLASSIFIER = (str(Path(_FOLDER.name, name)) for name in ("bytes", "classifier"))

MODELS: dict[str, dict[str, Any]] = {
    "classify@1": {"model": _CLASSIFIER},
    "semantic@1": {"model": _BYTES},
    "topics@1": {"model": _BYTES},
}
"""Parameters of the stages that need a model; `make_model` makes it."""


def make_model(stage: str) -> None:
    """Make the model of `stage`, if it needs one. Skips the test where the extra that the stage needs is not installed."""
    if stage == "classify@1":
        small_classifier()
    elif stage in MODELS:
        for module in ("safetensors", "sklearn", "tokenizers", "usearch"):
            pytest.importorskip(module, reason=f"{stage}: the extra semantic is not installed")
        small_model()


@cache
def small_classifier() -> str:
    """The file of a classifier of drawn weights."""
    weights = np.random.default_rng(1).normal(size=(2, 256)).astype(np.float32)
    Model(weights, 0.0, 4, 1 << 16).write(Path(_CLASSIFIER))
    return _CLASSIFIER


@cache
def small_model() -> str:
    """The folder of a static model with a vector for every byte of a text; needs the extra `semantic`."""
    return str(write_bytes_model(Path(_BYTES)))


def write_bytes_model(folder: Path, dimensions: int = 24) -> Path:
    """A byte-level model in the layout of model2vec."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        "model": {"type": "BPE", "vocab": {c: k for k, c in enumerate(letters)}, "merges": []},
    }
    table = np.random.default_rng(4).normal(size=(len(letters), dimensions))
    return write_model(folder, tokenizer, {"embeddings": table.astype(np.float32)})


def write_word_model(folder: Path, vectors: dict[str, list[float]], **more: np.ndarray) -> Path:
    """A model that knows the words of `vectors`, in lower case."""
    names = ["[UNK]", *vectors]
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": {w: k for k, w in enumerate(names)}, "unk_token": "[UNK]"},
    }
    size = len(next(iter(vectors.values())))
    table = np.array([[9.0] * size, *vectors.values()], np.float32)
    return write_model(folder, tokenizer, {"embeddings": table, **more})


def write_model(folder: Path, tokenizer: dict[str, Any], tensors: dict[str, np.ndarray]) -> Path:
    """Tokenizer, tensors and what model2vec wants beside them."""
    from safetensors.numpy import save_file

    full = {"truncation": None, "padding": None, "normalizer": None, "post_processor": None, "decoder": None}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(full | tokenizer), "utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": True}), "utf-8")
    save_file(tensors, folder / "model.safetensors")
    return folder

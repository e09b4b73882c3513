"""How much a text surprises a language model on this machine, token by token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tamis.errors import InputError
from tamis.extras import extra
from tamis.models.adapter import demand_match
from tamis.models.weights import load_model, load_tokenizer, with_adapter


class Surprise(NamedTuple):
    """A text as the model reads it, each token but the first.

    logp    (n,) float64  log-probability of the token that stands there
    z       (n,) float64  that, less the mean of log-probabilities under the model's own distribution there, by its standard
                          deviation: 0 for a token as likely as those the model would draw (Zhang et al. 2024, equation 3)
    """

    logp: np.ndarray
    z: np.ndarray


class Reader:
    """A model that reads texts and writes none. `path` and `adapter` are folders, as of hf:PATH+ADAPTER."""

    def __init__(self, path: Path, adapter: Path | None = None, most: int = 1024, threads: int = 1) -> None:
        with extra("transformers"):
            import torch
        for folder in (path, adapter):
            if folder is not None and not folder.is_dir():
                raise InputError(f"there is no model at {folder}; hf: wants a folder as save_pretrained writes it")
        torch.set_num_threads(threads)
        if adapter is not None:
            demand_match(adapter, path)
        self._tokenizer = load_tokenizer(path)
        model = load_model(path, dtype=torch.float32)
        self._model: Any = (model if adapter is None else with_adapter(model, adapter)).eval()
        self._most = min(most, int(getattr(model.config, "max_position_embeddings", most)))

    def read(self, texts: Iterable[str]) -> Iterator[Surprise]:
        """Each text, cut to as many tokens as the model reads; of fewer than two tokens nothing is told."""
        with extra("transformers"):
            import torch
        for text in texts:
            ids = self._tokenizer(text, add_special_tokens=False)["input_ids"][: self._most]
            if len(ids) < 2:
                yield Surprise(np.zeros(0), np.zeros(0))
                continue
            with torch.inference_mode():
                logs = self._model(torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
                chances = logs.exp()
                mean = (chances * logs).sum(-1)
                spread = ((chances * logs * logs).sum(-1) - mean * mean).clamp_min(1e-12).sqrt()
                logp = logs.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
                yield Surprise(logp.numpy(), ((logp - mean) / spread).numpy())


def opened(spec: str, most: int = 1024) -> Reader:
    """The model `spec`, hf:PATH or hf:PATH+ADAPTER. Raises InputError for any other: no endpoint tells so much."""
    kind, _, rest = spec.partition(":")
    if kind != "hf" or not rest:
        raise InputError(
            f"{spec!r}: a model on this machine was wanted, hf:PATH or hf:PATH+ADAPTER; no endpoint tells so much"
        )
    path, plus, adapter = rest.partition("+")
    return Reader(Path(path), Path(adapter) if plus else None, most)

"""Models that sentence-transformers runs, one text at a time by one thread.

Batches are padded, and threads add up in another order: of 80 texts 38 had other bits in a batch of 32, and 50 with two
threads (MiniLM, torch 2.13). One at a time nothing is padded: 49 texts a CPU second against 29. A model looks at the
beginning of a text alone, MiniLM at 256 tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from tamis.errors import InputError
from tamis.extras import extra


@dataclass(frozen=True)
class Transformer:
    """A model of sentence-transformers. Its tokenizer is not to be used by two threads at once."""

    folder: Path
    model: Any
    tokenizing: Any = field(default_factory=Lock)

    @classmethod
    def read(cls, folder: Path) -> Transformer:
        """The model in `folder`, on the processor. Raises InputError where it is none, or where weights of it are missing.

        What a file of weights lacks is drawn at random, and that is only a warning: so it is read twice, from two seeds.
        The second time takes a tenth of a second.
        """
        with extra("sentence-transformers"):
            import torch
        torch.set_num_threads(1)
        found = cls(folder, _read(folder, 0))
        if not np.array_equal(found._vector("a"), cls(folder, _read(folder, 1))._vector("a"), equal_nan=True):
            raise InputError(f"{folder} lacks weights of its model, and others would be drawn at random; copy it again")
        return found

    def encode(self, texts: list[str]) -> np.ndarray:
        """(n, d) float32."""
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> np.ndarray:
        import torch

        with torch.inference_mode():
            with self.tokenizing:
                tokens = self.model.preprocess([text])
            try:
                vector: np.ndarray = self.model(tokens)["sentence_embedding"][0].float().numpy()
            except IndexError as wrong:
                raise InputError(
                    f"{self.folder}: its tokenizer has tokens that its weights do not know; copy the model again"
                ) from wrong
        return vector if text.strip() else np.zeros_like(vector)


def _read(folder: Path, seed: int) -> Any:
    with extra("sentence-transformers"):
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    try:
        with _quietly(logging), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
    except Exception as wrong:  # each architecture raises what it likes
        said = next(iter(str(wrong).strip().splitlines()), type(wrong).__name__)
        raise InputError(
            f"{folder} holds no model that sentence-transformers can run: {said}; copy the model again, or name another"
        ) from wrong
    return model.eval()


@contextmanager
def _quietly(logging: Any) -> Iterator[None]:
    """Without the bars and reports that transformers writes to the terminal."""
    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()

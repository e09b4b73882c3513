"""Models that sentence-transformers runs, one text at a time by one thread.

Batches are padded, and threads add up in another order: of 80 texts 38 had other bits in a batch of 32, and 50 with two
threads (MiniLM, torch 2.13). One at a time nothing is padded: 49 texts a CPU second against 29. A model looks at the
beginning of a text alone, MiniLM at 256 tokens.
"""

from __future__ import annotations

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

    model: Any
    tokenizing: Any = field(default_factory=Lock)

    @classmethod
    def read(cls, folder: Path) -> Transformer:
        """The model in `folder`, on the processor. Raises InputError where it is none."""
        with extra("sentence-transformers"):
            import torch
            from sentence_transformers import SentenceTransformer
        torch.set_num_threads(1)
        try:
            model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as wrong:
            raise InputError(f"{folder} holds no model that sentence-transformers can run: {wrong}") from wrong
        return cls(model.eval())

    def encode(self, texts: list[str]) -> np.ndarray:
        """(n, d) float32."""
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> np.ndarray:
        import torch

        with torch.inference_mode():
            with self.tokenizing:
                tokens = self.model.preprocess([text])
            vector: np.ndarray = self.model(tokens)["sentence_embedding"][0].float().numpy()
        return vector if text.strip() else np.zeros_like(vector)

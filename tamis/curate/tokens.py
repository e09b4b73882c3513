"""How many tokens a text has, by a tokenizer.json of the Hugging Face library `tokenizers`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tamis.errors import InputError
from tamis.extras import extra


def token_counter(path: Path) -> Callable[[Any], np.ndarray]:
    """Counts of a sequence of texts: (n,) int64, special tokens left out. Raises InputError where `path` is none."""
    with extra("semantic"):
        from tokenizers import Tokenizer
    try:
        tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
    except OSError as gone:
        raise InputError(f"{path}: the tokenizer cannot be read: {gone.strerror}; name a tokenizer.json") from None
    except Exception as wrong:  # tokenizers raises nothing narrower
        raise InputError(f"{path} is no tokenizer: {wrong}; name a tokenizer.json") from wrong
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def count(texts: Any) -> np.ndarray:
        found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return np.fromiter((len(one.ids) for one in found), np.int64, len(found))

    return count

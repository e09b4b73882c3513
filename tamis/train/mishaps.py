"""What libraries raise where memory or the disk runs out, as sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tamis.errors import OutputError, RunError
from tamis.models.weights import is_memory
from tamis.train.settings import Settings
from tamis.train.words import out_of_memory

_UNWRITTEN = "a checkpoint cannot be written: {}; make room, then go on with --resume"


@contextmanager
def in_words(settings: Settings) -> Iterator[None]:
    """Out of memory is a sentence, and so is a disk that takes no checkpoint."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as wrong:
        raise OutputError(_UNWRITTEN.format(wrong)) from wrong
    except (MemoryError, RuntimeError) as wrong:
        if "PytorchStreamWriter" in str(wrong) or "unexpected pos" in str(wrong):
            raise OutputError(_UNWRITTEN.format(str(wrong).splitlines()[0])) from wrong
        if isinstance(wrong, RunError) or not (isinstance(wrong, MemoryError) or is_memory(str(wrong))):
            raise
        raise RunError(out_of_memory(settings)) from wrong

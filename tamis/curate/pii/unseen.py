"""Imports that find some packages not installed.

Presidio and spaCy import torch and transformers where they are there, and do without where they are not. For regexes and a
tokenizer that takes 5 of 6 CPU seconds and 300 of 420 MB of every process.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _Unseen(MetaPathFinder):
    """Finds none of `names`, for one thread: another may want them at the same time."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names, self.thread = names, threading.get_ident()

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Nothing: whoever comes next is asked. Raises ModuleNotFoundError for one of the names."""
        if fullname in self.names and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"{fullname} is not wanted here", name=fullname)


@contextmanager
def unseen(*names: str) -> Iterator[None]:
    """Inside, this thread finds none of the packages `names` that are not imported yet."""
    finder = _Unseen(frozenset(names))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)

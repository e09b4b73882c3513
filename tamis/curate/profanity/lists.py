"""Lists of profane words and phrases: those that travel with tamis (ldnoobw/, 28 languages), and the user's own.

    2 girls 1 cup        one phrase a line, in any case
    # a comment          in a list of the user's own

A phrase is found by its words: what stands between them does not matter.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from tamis.errors import InputError
from tamis.kernels.lexicon import Lexicon, lexicon

LANGUAGES = (
    *("ar", "cs", "da", "de", "en", "eo", "es", "fa", "fi", "fil", "fr", "fr-CA", "hi", "hu", "it", "ja", "kab", "ko"),
    *("nl", "no", "pl", "pt", "ru", "sv", "th", "tlh", "tr", "zh"),
)
_FILES = {"fr-CA": "fr-CA-u-sd-caqc"}

OWN = 1 << len(LANGUAGES)
"""Bit of the user's own lists; that of a language is `1 << place`."""


class Listed(NamedTuple):
    """Phrases as the kernel looks for them, and as they are written."""

    lexicon: Lexicon
    phrases: tuple[str, ...]


def bit(language: str) -> int:
    """The bit of the list for `language`."""
    return 1 << LANGUAGES.index(language)


@cache
def shipped(language: str) -> tuple[str, ...]:
    """The phrases of the list for `language`, but for what only its signs make one: s&m, 13., an emoji (4 of 2,666)."""
    name = f"{_FILES.get(language, language)}.txt"
    lines = files("tamis.curate.profanity").joinpath("ldnoobw", name).read_text("utf-8").splitlines()
    return tuple(line.strip() for line in lines if is_told_by_words(line))


def is_told_by_words(phrase: str) -> bool:
    """Whether it has a word that is more than a number or a single letter of ASCII."""
    return any(
        not word.isdigit() and not (word.isascii() and len(word) == 1) for word in re.findall(r"[^\W_]+", phrase)
    )


def own(path: Path) -> tuple[str, ...]:
    """The phrases of a user's list: UTF-8, one a line; blank lines and those that begin with # say nothing."""
    try:
        # An editor may have put a byte order mark before the first phrase.
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except OSError as error:
        raise InputError(
            f"profanity: the list {path} cannot be read: {error.strerror}; name a file of phrases, one a line"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"profanity: the list {path} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    phrases = [line for line in lines if line and not line.startswith("#")]
    for k, phrase in enumerate(phrases):
        if not re.search(r"[^\W_]", phrase):
            raise InputError(
                f"profanity: the list {path} has {phrase!r} as phrase {k + 1}; a phrase has a letter or digit: "
                "write the word itself, patterns are not understood"
            )
    if not phrases:
        raise InputError(f"profanity: the list {path} has no phrase; write one a line")
    return tuple(phrases)


def listed(languages: tuple[str, ...], lists: tuple[Path, ...], allow: tuple[str, ...]) -> Listed:
    """The phrases of the lists for `languages` and of the files `lists`, without those in `allow`."""
    return _listed(languages, tuple((path, stamp(path)) for path in lists), allow)


def stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file does: when it was written, and its size. None where it cannot be asked."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


@cache
def _listed(languages: tuple[str, ...], lists: tuple[tuple[Path, Any], ...], allow: tuple[str, ...]) -> Listed:
    masks: dict[str, int] = {}
    for phrases, mask in [*((shipped(c), bit(c)) for c in languages), *((own(path), OWN) for path, _ in lists)]:
        for phrase in phrases:
            masks[phrase.lower()] = masks.get(phrase.lower(), 0) | mask
    for phrase in allow:
        masks.pop(phrase.lower(), None)
    return Listed(lexicon(list(masks), list(masks.values())), tuple(masks))

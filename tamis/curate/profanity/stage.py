"""profanity: how many listed words a text has, and what a model says of it.

    profanity@1: {}                                             more than one word in a hundred goes
    profanity@1: {max_hits: 0}                                  what C4 did: a single one is too many
    profanity@1: {languages: ["*"], by: language}               each text by the list of its language
    profanity@1: {model: alt-profanity-check, max_score: 0.9}   and by a model
    profanity@1: {max_share: 1, model: "toxicity.py:Toxicity", max_score: 0.5}

It is about words, not about what they do: a lexicon finds no hatred put politely, and much that is harmless.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tamis.curate.action import ACTIONS, Choice
from tamis.curate.profanity.lists import LANGUAGES, OWN, Listed, bit, listed
from tamis.curate.profanity.scorers import CHECK, file_of, scores_of, versions
from tamis.errors import InputError, UsageError
from tamis.kernels.lexicon import ABSENT, count
from tamis.schemas import joined
from tamis.schemas._field import field
from tamis.stage import Rule, Stage, decisions, first_broken


@dataclass(frozen=True)
class Profanity(Stage):
    """Let texts go that have too many profane words (LDNOOBW lists, CC-BY-4.0), or of which a model says so.

    languages  lists that are looked for: ISO 639 codes; `*` stands for all 28
    by         column with the language of each row: then a row is held against the list of its language alone; against
               all of `languages` where that is unknown (null, und)
    lists      files with more phrases, one a line; they hold for every row
    allow      phrases of the lists that do not count
    max_share  share of the words that may be in listed phrases; null: any
    max_hits   listed phrases a text may have; null: any number
    model      `alt-profanity-check` or a class of your own, `file.py:ClassName`; null: none is asked
    max_score  highest score of the model that stays, 0 to 1
    action     what becomes of the others: `drop`, `quarantine`, or `flag`: a verdict, and they stay
    on         field or fields whose text counts; None: all texts of the row
    """

    languages: tuple[str, ...] = ("en",)
    by: str | None = None
    lists: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    max_share: float | None = 0.01
    max_hits: int | None = None
    model: str | None = None
    max_score: float = 0.5
    action: Choice = "drop"
    on: str | tuple[str, ...] | None = None

    name: ClassVar[str] = "profanity"
    scores: ClassVar[pa.Schema] = pa.schema(
        [
            field("words", pa.uint32(), "Words of the text."),
            field("hits", pa.uint32(), "Listed phrases in it."),
            field("listed_words", pa.uint32(), "Words in those."),
            field("first", pa.string(), "The first of them."),
            field("score", pa.float64(), "What the model says, 0 to 1, to four places; null: none was asked."),
        ]
    )
    measured_by: ClassVar[frozenset[str]] = frozenset(("languages", "by", "lists", "allow", "model", "on"))

    def __post_init__(self) -> None:
        for name in ("languages", "lists", "allow"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        if isinstance(self.on, list):
            object.__setattr__(self, "on", tuple(self.on))
        for code in self.languages:
            if code != "*" and code not in LANGUAGES:
                near = get_close_matches(code.lower()[:2], LANGUAGES, 1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise UsageError(
                    f"profanity: languages has {code!r}; {hint}There are lists for {', '.join(LANGUAGES)}; * stands for all"
                )
        for name in ("max_share", "max_score"):
            given = getattr(self, name)
            if given is not None and not 0 <= given <= 1:
                raise UsageError(f"profanity: {name} is {given!r}; it is a share, from 0 to 1")
        if self.max_hits is not None and self.max_hits < 0:
            raise UsageError(f"profanity: max_hits is {self.max_hits!r}; it must be 0 or more, or null for any number")
        if self.action not in ACTIONS:
            raise UsageError(f"profanity: action is {self.action!r}; it can be {', '.join(ACTIONS)}")
        if self.model not in (None, CHECK):
            file_of(self.model or "")

    @property
    def reads(self) -> pa.Schema:
        """The column of `by`."""
        return pa.schema([] if self.by is None else [pa.field(self.by, pa.string())])

    @property
    def files(self) -> tuple[str, ...]:
        """Own lists, and the file of an own model. Raises InputError where one is none."""
        named = self.lists if self.model in (None, CHECK) else (*self.lists, file_of(self.model or ""))
        for name in named:
            if not (self.base / name).is_file():
                raise InputError(
                    f"profanity: there is no file {self.base / name}; lists and model name files, from the recipe's folder"
                )
        return named

    @property
    def stands_on(self) -> dict[str, str]:
        """Versions of the extra's model. Raises ExtraMissing where it is not installed."""
        return versions() if self.model == CHECK else {}

    @property
    def holds_gil(self) -> bool:  # type: ignore[override]
        """Lists are matched by a kernel; a model is Python."""
        return self.model is not None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In the order in which they are asked."""
        act = ACTIONS[self.action]
        asked = []
        if self.max_hits is not None:
            asked.append(Rule("max_hits", act, "hits", "<=", self.max_hits, says="Listed phrases in the text"))
        if self.max_share is not None:
            share = "Share of the words that are in listed phrases"
            asked.append(Rule("max_share", act, "listed_words", "<=", self.max_share, "words", share))
        if self.model is not None:
            asked.append(Rule("max_score", act, "score", "<=", self.max_score, says=f"What {self.model} says"))
        return tuple(asked)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Words, listed ones among them, and what the model says."""
        strings, known = joined(batch, self.on), self._listed
        found = count(strings, known.lexicon, self._lists(batch))
        first = pa.array(known.phrases, pa.string()).take(pa.array(found.first, mask=found.first == ABSENT))
        score = pa.nulls(len(strings), pa.float64())
        if self.model is not None:
            score = pa.array(scores_of(self.model, self.base, strings.to_pylist()))
        counts = (pa.array(n) for n in (found.words, found.hits, found.inside))
        return pa.record_batch([*counts, first, score], schema=self.scores)

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """The first rule broken; evidence holds the first phrase found."""
        broken = first_broken(self.rules, scores)
        rows = broken.column("row").to_pylist()
        first = scores.column("first").take(broken.column("row")).to_pylist()
        by_model = [rule == "max_score" for rule in broken.column("rule").to_pylist()]
        said = [
            None if model or phrase is None else json.dumps({"first": phrase}, ensure_ascii=False)
            for phrase, model in zip(first, by_model, strict=True)
        ]
        values = broken.column("value").to_numpy(zero_copy_only=False)
        return decisions(np.array(rows, np.uint32), broken.column("rule"), values, evidence=pa.array(said, pa.string()))

    @property
    def _listed(self) -> Listed:
        languages = LANGUAGES if "*" in self.languages else self.languages
        return listed(languages, tuple(self.base / path for path in self.lists), self.allow)

    def _lists(self, batch: pa.RecordBatch) -> np.ndarray:
        """Which lists hold for each row: (n,) uint32."""
        chosen = LANGUAGES if "*" in self.languages else self.languages
        every = OWN | sum({bit(code) for code in chosen})
        if self.by is None:
            return np.full(batch.num_rows, every, np.uint32)
        coded = batch.column(self.by).fill_null("und").dictionary_encode()
        masks = [every if c == "und" else OWN | _bits(c, chosen) for c in coded.dictionary.to_pylist()]
        applied: np.ndarray = np.array(masks, np.uint32)[coded.indices.to_numpy()]
        return applied


def _bits(code: str, chosen: tuple[str, ...]) -> int:
    """The lists among `chosen` for texts in the language `code`: fr has those of fr and fr-CA."""
    return sum({bit(c) for c in chosen if c.partition("-")[0] == code.partition("-")[0]})
